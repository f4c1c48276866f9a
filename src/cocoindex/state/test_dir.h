// cocoindex/state/test_dir.h: a folder for one test, removed with everything in it.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <string>

#include "base/io/file_system.h"

namespace cocoindex::inline v0 {

class TestDir {
 public:
  TestDir() {
    std::string pattern = ::testing::TempDir() + "cocozvec_XXXXXX";
    const char* made = ::mkdtemp(pattern.data());
    EXPECT_NE(made, nullptr) << pattern;
    path_ = pattern;
  }
  TestDir(const TestDir&) = delete;
  TestDir& operator=(const TestDir&) = delete;
  ~TestDir() { EXPECT_TRUE(cocozvec::RemoveTree(cocozvec::PosixFileSystem(), path_).ok()); }
  const std::string& path() const { return path_; }
  std::string operator/(std::string_view name) const { return cocozvec::JoinPath(path_, name); }

 private:
  std::string path_;
};

}  // namespace cocoindex::inline v0
