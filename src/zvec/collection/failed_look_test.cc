// A look at the disk that fails is told as what it is: never taken for "nothing is there", "not a collection"
// or "taken".
#include <gtest/gtest.h>

#include <functional>

#include "zvec/collection/testing/test_docs.h"
#include "zvec/storage/file_header.h"

namespace zvec::inline v0::testing_docs {
namespace {

using cocozvec::DiskFault;
using cocozvec::JoinPath;
using cocozvec::OpenMode;
using cocozvec::SimDisk;

constexpr const char* kParent = "parent";
constexpr const char* kPath = "parent/c";

CollectionOptions On(cocozvec::FileSystem& disk) {
  CollectionOptions options;
  options.file_system = &disk;
  options.index_min_rows = 1;
  options.maintenance = Maintenance::kManual;
  return options;
}

void Put(SimDisk& disk, const std::string& name, std::string_view bytes) {
  ASSERT_TRUE(cocozvec::CreateDirectories(disk, kPath).ok());
  auto file = disk.Open(JoinPath(kPath, name), OpenMode::kCreate).value();
  ASSERT_TRUE(file->WriteAt(0, AsBytes(bytes)).ok());
}

struct Scene {
  const char* name;
  std::function<void(SimDisk&)> set;
};
const std::vector<Scene>& Scenes() {
  const auto fill = [](SimDisk& disk, Durability durability, bool close) {
    auto options = On(disk);
    options.durability = durability;
    auto collection = Collection::Create(kPath, NoteSchema(), options).value();
    ASSERT_TRUE(collection->Insert(std::vector{Note("a", "1"), Note("b", "22")}).ok());
    if (!close) return;
    ASSERT_TRUE(collection->SetMark("mark").ok());
    ASSERT_TRUE(collection->Optimize().ok());
    ASSERT_TRUE(collection->Delete(std::vector<std::string>{"a"}).ok());
    ASSERT_TRUE(collection->Optimize().ok());
    ASSERT_TRUE(collection->Close().ok());
  };
  static const std::vector<Scene> scenes = {
      {"a collection", [=](SimDisk& disk) { fill(disk, Durability::kDurable, true); }},
      {"a newborn one", [=](SimDisk& disk) { fill(disk, Durability::kRelaxed, false); }},
      {"an unfinished one",
       [](SimDisk& disk) {
         Put(disk, "LOCK", "");
         Put(disk, "MANIFEST-1.tmp", "");
       }},
      {"one without a manifest",
       [=](SimDisk& disk) {
         fill(disk, Durability::kDurable, true);
         for (const auto& entry : disk.List(kPath).value())
           if (entry.name.starts_with("MANIFEST-")) {
             ASSERT_TRUE(disk.RemoveFile(JoinPath(kPath, entry.name)).ok());
           }
       }},
      {"an empty directory", [](SimDisk& disk) { ASSERT_TRUE(disk.CreateDirectory(kPath).ok()); }},
      {"another program's lock", [](SimDisk& disk) { Put(disk, "LOCK", "mine"); }},
      {"nothing", [](SimDisk&) {}},
  };
  return scenes;
}

struct Call {
  const char* name;
  std::function<Status(SimDisk&)> run;
};
const std::vector<Call>& Calls() {
  const auto create = [](SimDisk& disk, Durability durability) {
    auto options = On(disk);
    options.durability = durability;
    return Collection::Create(kPath, NoteSchema(), options).status();
  };
  const auto open = [](SimDisk& disk, bool read_only) {
    auto options = On(disk);
    options.read_only = read_only;
    return Collection::Open(kPath, options).status();
  };
  static const std::vector<Call> calls = {
      {"create", [=](SimDisk& disk) { return create(disk, Durability::kDurable); }},
      {"create relaxed", [=](SimDisk& disk) { return create(disk, Durability::kRelaxed); }},
      {"open", [=](SimDisk& disk) { return open(disk, false); }},
      {"open read-only", [=](SimDisk& disk) { return open(disk, true); }},
      {"destroy", [](SimDisk& disk) { return Collection::Destroy(kPath, On(disk)); }},
      {"remove leftovers", [](SimDisk& disk) { return Collection::RemoveLeftovers(kParent, On(disk)); }},
      {"read mark", [](SimDisk& disk) { return Collection::ReadMark(kPath, On(disk)).status(); }},
  };
  return calls;
}

// Guards: too many open files while a collection was destroyed came back as "is not a collection", a failed
// stat of the lock as "was removed while it was opened", a failed look at what is there as "already exists".
TEST(FailedLook, IsToldAsWhatItIs) {
  std::size_t struck = 0;
  for (const Scene& scene : Scenes()) {
    SimDisk pristine;
    ASSERT_TRUE(pristine.CreateDirectory(kParent).ok());
    scene.set(pristine);
    for (const Call& call : Calls()) {
      const Status usual = call.run(*pristine.ProcessKill());
      for (const bool sticky : {false, true}) {
        for (std::uint64_t at = 1;; ++at) {
          const auto disk = pristine.ProcessKill();
          disk->FailAt(disk->calls() + at, DiskFault::kIoError, sticky);
          const Status status = call.run(*disk);
          if (disk->faults_struck() == 0) break;
          ++struck;
          const std::string where = std::string(call.name) + " of " + scene.name +
                                    (sticky ? ", from" : ", at") + " call " + std::to_string(at) + ": " +
                                    status.ToString();
          EXPECT_TRUE(status.code() == usual.code() || status.code() == StatusCode::kIoError) << where;
          if (status.code() == StatusCode::kIoError) {
            EXPECT_TRUE(status.message().find(kParent) != std::string_view::npos ||
                        status.message().starts_with("sync directory .:"))
                << where;
          }
        }
      }
    }
  }
  EXPECT_GT(struck, 500u);
}

// Guards: a log that could not be looked at was taken for none, so that a lost newest manifest went
// unnoticed.
TEST(FailedLook, AtANewerLogKeepsTheCollectionShut) {
  SimDisk disk;
  auto options = On(disk);
  auto collection = Collection::Create(kPath, NoteSchema(), options).value();
  ASSERT_TRUE(collection->Insert(std::vector{Note("a", "1")}).ok());
  const std::string log = cocozvec::ReadFile(disk, JoinPath(kPath, "log-1"), 1 << 20).value(),
                    manifest = cocozvec::ReadFile(disk, JoinPath(kPath, "MANIFEST-1"), 1 << 20).value();
  ASSERT_TRUE(collection->Optimize().ok());
  ASSERT_TRUE(collection->Insert(std::vector{Note("b", "2")}).ok());
  const auto after = disk.ProcessKill();  // nothing was closed in order: only the newer log itself says it
  for (const auto& entry : after->List(kPath).value())
    if (entry.name.starts_with("MANIFEST-")) {
      ASSERT_TRUE(after->RemoveFile(JoinPath(kPath, entry.name)).ok());
    }
  Put(*after, "MANIFEST-1", manifest);
  Put(*after, "log-1", log);
  options = On(*after);
  options.read_only = true;
  const Status lost = Collection::Open(kPath, options).status();
  EXPECT_EQ(lost.code(), StatusCode::kDataLoss);
  EXPECT_NE(lost.message().find("holds writes"), std::string_view::npos) << lost.ToString();
  bool met = false;
  for (std::uint64_t at = 1;; ++at) {
    after->FailAt(after->calls() + at, DiskFault::kIoError);
    const std::uint64_t before = after->faults_struck();
    const Status status = Collection::Open(kPath, options).status();
    if (after->faults_struck() == before) break;
    EXPECT_FALSE(status.ok()) << "call " << at;
    met = true;
  }
  EXPECT_TRUE(met);
}

}  // namespace
}  // namespace zvec::inline v0::testing_docs
