// The simulated disk is only worth something while it behaves as the real one: the same random calls on both
// must give the same answers, to the letter of the messages.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <random>

#include "base/io/file_system.h"
#include "base/io/sim_disk.h"

namespace cocozvec {
namespace {

std::string Show(FileKind kind) { return std::to_string(static_cast<int>(kind)); }

/// Everything below a directory, with contents.
std::string Picture(FileSystem& fs, const std::string& directory) {
  std::string picture;
  for (const DirEntry& entry : fs.List(directory).value()) {
    const std::string path = JoinPath(directory, entry.name);
    picture += path + ":" + Show(entry.kind) + " ";
    picture +=
        entry.kind == FileKind::kDirectory ? Picture(fs, path) : ReadFile(fs, path, 1 << 20).value() + "\n";
  }
  return picture;
}

class Calls {
 public:
  Calls(std::string root, unsigned seed) : root_(std::move(root)), random_(seed) {}

  void Choose() {
    operation_ = random_() % 14;
    path_ = Path();
    to_ = Path();
    number_ = random_() % 2000;
    letter_ = static_cast<char>('a' + random_() % 26);
  }

  std::string Make(FileSystem& fs) const {
    switch (operation_) {
      case 0:
        return fs.CreateDirectory(path_).ToString();
      case 1:
        return fs.RemoveFile(path_).ToString();
      case 2:
        return fs.RemoveDirectory(path_).ToString();
      case 3:
        return fs.Rename(path_, to_).ToString();
      case 4:
        return fs.RenameNoReplace(path_, to_).ToString();
      case 5:
        return fs.SyncDirectory(path_).ToString();
      case 6:
        return fs.List(path_).status().ToString();
      case 7:
        return Stat(fs);
      case 8:
        return fs.Link(path_, to_).ToString();
      default:
        return OnFile(fs, static_cast<OpenMode>(operation_ % 4));
    }
  }

 private:
  std::string Path() {
    static constexpr const char* kNames[] = {"",  "a",   "a/b",      "a/c",    "a/b/c",
                                             "d", "d/b", "d/../a/b", "./d//c", "a/../d"};
    const std::string_view name = kNames[random_() % std::size(kNames)];
    return name.empty() ? root_ : JoinPath(root_, name);
  }

  std::string Stat(FileSystem& fs) const {
    Result<FileInfo> info = fs.Stat(path_);
    if (!info.ok()) return info.status().ToString();
    return Show(info->kind) + (info->kind == FileKind::kFile ? std::to_string(info->size) : "");
  }

  std::string OnFile(FileSystem& fs, OpenMode mode) const {
    Result<std::unique_ptr<File>> file = fs.Open(path_, mode);
    if (!file.ok()) return file.status().ToString();
    const std::string data(number_ % 700, letter_);
    std::string said = (*file)->WriteAt(number_, std::as_bytes(std::span(data))).ToString();
    if (letter_ < 'h') said += (*file)->Truncate(number_ / 2).ToString();
    if (letter_ < 'p') said += (*file)->Sync().ToString();
    said += std::to_string((*file)->Size().value_or(0)) + (*file)->Map(number_).status().ToString();
    return said + (*file)->TryLock(true).ToString();
  }

  const std::string root_;
  std::mt19937 random_;
  unsigned operation_ = 0, number_ = 0;
  char letter_ = 'a';
  std::string path_, to_;
};

TEST(BackEnds, GiveTheSameAnswersToTheSameCalls) {
  for (unsigned seed = 0; seed < 20; ++seed) {
    std::string root = testing::TempDir() + "/back_ends_XXXXXX";
    ASSERT_NE(::mkdtemp(root.data()), nullptr);
    SimDisk sim;
    ASSERT_TRUE(CreateDirectories(sim, root).ok());
    for (FileSystem* fs : {&PosixFileSystem(), static_cast<FileSystem*>(&sim)}) {
      ASSERT_TRUE(fs->Open(JoinPath(root, "kept"), OpenMode::kCreateNew).ok());  // so that the root stays
    }
    Calls calls(root, seed);
    for (int i = 0; i < 300; ++i) {
      calls.Choose();
      ASSERT_EQ(calls.Make(PosixFileSystem()), calls.Make(sim)) << "seed " << seed << ", call " << i;
    }
    EXPECT_EQ(Picture(PosixFileSystem(), root), Picture(sim, root)) << "seed " << seed;
    EXPECT_TRUE(RemoveTree(PosixFileSystem(), root).ok());
  }
}

}  // namespace
}  // namespace cocozvec
