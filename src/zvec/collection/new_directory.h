// zvec/collection/new_directory.h: a directory that is filled beside the place where it shall be, and gets
// its name when it is whole. Threads: one at a time.
#pragma once

#include <memory>
#include <string>

#include "base/io/file_system.h"
#include "zvec/storage/lock.h"

namespace zvec::inline v0 {

class NewDirectory {
 public:
  /// kAlreadyExists when anything is at `target` but an empty directory, or what a killed Create left.
  static Result<std::unique_ptr<NewDirectory>> Make(cocozvec::FileSystem& fs, const std::string& target);
  /// Removes it unless it was published. Whoever took the lock has let it go.
  ~NewDirectory();
  NewDirectory(const NewDirectory&) = delete;
  NewDirectory& operator=(const NewDirectory&) = delete;

  const std::string& path() const noexcept { return path_; }
  /// Held: nobody takes the directory for a leftover.
  DirectoryLock& lock() noexcept { return *lock_; }
  std::unique_ptr<DirectoryLock> TakeLock() noexcept { return std::move(lock_); }
  /// Everything in it is durable, names and bytes. Durable when it returns.
  Status Publish();

 private:
  NewDirectory(cocozvec::FileSystem& fs, std::string target, std::string path,
               std::unique_ptr<DirectoryLock> lock)
      : fs_(fs), target_(std::move(target)), path_(std::move(path)), lock_(std::move(lock)) {}

  cocozvec::FileSystem& fs_;
  const std::string target_, path_;
  std::unique_ptr<DirectoryLock> lock_;
  bool published_ = false;
};

}  // namespace zvec::inline v0
