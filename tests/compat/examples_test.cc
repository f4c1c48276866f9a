// The bytes that docs/format shows are those that are written, and what is read from them is what the
// documents say.
#include "examples.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <sstream>

#include "zvec/collection/testing/test_docs.h"

namespace zvec::inline v0::testing_docs {
namespace {

using cocozvec::JoinPath;
using cocozvec::SimDisk;
using ::testing::ElementsAre;

/// The files of all blocks that begin with "```hex NAME".
std::map<std::string, std::string> FilesOfTheDocuments() {
  std::map<std::string, std::string> files;
  for (const auto& entry : cocozvec::PosixFileSystem().List(FORMAT_FOLDER).value()) {
    std::istringstream lines(
        cocozvec::ReadFile(cocozvec::PosixFileSystem(), JoinPath(FORMAT_FOLDER, entry.name), 1 << 20)
            .value());
    std::string name;
    for (std::string line; std::getline(lines, line);) {
      if (line.starts_with("```")) {
        name = line.starts_with("```hex ") ? line.substr(7) : "";
        continue;
      }
      if (name.empty()) continue;
      std::istringstream words(line);
      std::string word;
      words >> word;  // the offset
      EXPECT_EQ(std::stoul(word, nullptr, 16), files[name].size()) << name;
      while (words >> word) files[name] += static_cast<char>(std::stoi(word, nullptr, 16));
    }
  }
  return files;
}

void Put(SimDisk& disk, const std::map<std::string, std::string>& files) {
  ASSERT_TRUE(disk.CreateDirectory("c").ok());
  for (const auto& [name, bytes] : files)
    ASSERT_TRUE(
        disk.Open("c/" + name, cocozvec::OpenMode::kCreateNew).value()->WriteAt(0, AsBytes(bytes)).ok());
}

TEST(FormatExamples, AreTheBytesThatAreWritten) {
  SimDisk disk;
  ASSERT_TRUE(disk.CreateDirectory("c").ok());
  ASSERT_TRUE(WriteExample(disk, "c").ok());
  const auto shown = FilesOfTheDocuments();
  std::map<std::string, std::string> written;
  for (const auto& entry : disk.List("c").value())
    written[entry.name] = cocozvec::ReadFile(disk, "c/" + entry.name, 1 << 20).value();
  for (const auto& [name, bytes] : written)
    EXPECT_TRUE(shown.contains(name) && shown.at(name) == bytes) << "```hex " << name << "\n"
                                                                 << Hex(bytes) << "```";
  EXPECT_EQ(shown.size(), written.size());
}

TEST(FormatExamples, AreACollectionThatOpens) {
  SimDisk disk;
  ASSERT_NO_FATAL_FAILURE(Put(disk, FilesOfTheDocuments()));
  CollectionOptions options;
  options.file_system = &disk;
  options.read_only = true;
  const auto collection = Collection::Open("c", options).value();
  EXPECT_EQ(collection->schema(), ExampleSchema());
  const auto docs = AllDocs(*collection);
  ASSERT_EQ(docs.size(), 2u);
  EXPECT_EQ(docs[0], Doc("c", {{"n", std::int64_t{3}}, {"v", std::vector<float>{1, 1}}}));
  EXPECT_EQ(docs[1], Doc("d", {{"n", std::int64_t{4}}, {"v", std::vector<float>{2, 2}}}));
  EXPECT_EQ(Collection::ReadMark("c", options).value(), "mark");
  const auto held = DirectoryLock::Acquire(disk, "c", /*create=*/false).value();
  const Status busy = DirectoryLock::Acquire(disk, "c", /*create=*/false).status();
  EXPECT_EQ(busy.code(), StatusCode::kBusy);
  EXPECT_THAT(std::string(busy.message()), ::testing::HasSubstr("process 4711"));
}

// Guards: a byte of an example that no check covers. Those that the documents call padding, and LOCK, are
// free.
TEST(FormatExamples, EveryByteOfThemMatters) {
  const auto files = FilesOfTheDocuments();
  std::map<std::string, int> ignored;
  for (const auto& [name, bytes] : files) {
    if (name == kLockName) continue;
    for (std::size_t at = 0; at < bytes.size(); ++at) {
      auto damaged = files;
      damaged[name][at] = static_cast<char>(damaged[name][at] ^ 1);
      SimDisk disk;
      ASSERT_NO_FATAL_FAILURE(Put(disk, damaged));
      CollectionOptions options;
      options.file_system = &disk;
      options.read_only = true;
      const auto collection = Collection::Open("c", options);
      const bool read = collection.ok() && (*collection)->Iterate().ok() &&
                        (*collection)->Fetch(std::vector<std::string>{"c", "d", "b"}).ok() &&
                        Collection::ReadMark("c", options).ok();
      ignored[name] += read;
    }
  }
  EXPECT_EQ(ignored["MANIFEST-2"], 0);
  EXPECT_EQ(ignored["log-4"], 0);
  EXPECT_EQ(ignored["deletes-3"], 0);
  EXPECT_EQ(ignored["MARK"], 0);
  EXPECT_EQ(ignored["segment-2"], kExamplePadding);
}

}  // namespace
}  // namespace zvec::inline v0::testing_docs
