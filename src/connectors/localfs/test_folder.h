// connectors/localfs/test_folder.h: a folder of files for one test.
#pragma once

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <span>
#include <string>

#include "base/io/file_system.h"

namespace cocoindex::inline v0::connectors::localfs {

class TestFolder {
 public:
  TestFolder() {
    std::string pattern = ::testing::TempDir() + "cocozvec_localfs_XXXXXX";
    path_ = ::mkdtemp(pattern.data());
  }
  TestFolder(const TestFolder&) = delete;
  TestFolder& operator=(const TestFolder&) = delete;
  ~TestFolder() { std::filesystem::remove_all(path_); }
  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  void Write(const std::string& name, std::string_view text) const {
    std::filesystem::create_directories(std::filesystem::path(*this / name).parent_path());
    auto file = cocozvec::PosixFileSystem().Open(*this / name, cocozvec::OpenMode::kCreate).value();
    ASSERT_TRUE(file->Truncate(0).ok());
    ASSERT_TRUE(file->WriteAt(0, std::as_bytes(std::span(text))).ok());
  }

 private:
  std::string path_;
};

/// Root reads everything; as nobody, closed files are closed.
class AsNobody {
 public:
  explicit AsNobody(const TestFolder& folder) {
    EXPECT_EQ(::chmod(folder.path().c_str(), 0755), 0);
    if (::geteuid() == 0) changed_ = ::seteuid(65534) == 0;
  }
  AsNobody(const AsNobody&) = delete;
  AsNobody& operator=(const AsNobody&) = delete;
  ~AsNobody() {
    if (changed_) {
      EXPECT_EQ(::seteuid(0), 0);
    }
  }

 private:
  bool changed_ = false;
};

}  // namespace cocoindex::inline v0::connectors::localfs
