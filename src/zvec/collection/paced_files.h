// zvec/collection/paced_files.h: a file system as a piece of maintenance writes to it: not faster than it
// may, not any more once it is cancelled, and counted. Threads: one piece of work at a time.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/cancel.h"
#include "base/io/file_system.h"

namespace zvec::inline v0 {

class PacedFiles final : public cocozvec::FileSystem {
 public:
  using PathView = cocozvec::PathView;
  /// `bytes_per_second`: 0, as fast as it goes. `written` counts up.
  PacedFiles(cocozvec::FileSystem& under, std::uint64_t bytes_per_second, const cocozvec::Cancel* cancel,
             std::atomic<std::uint64_t>* written);

  /// How much longer so many bytes must have taken than they did.
  static std::chrono::nanoseconds Delay(std::uint64_t bytes, std::uint64_t bytes_per_second,
                                        std::chrono::nanoseconds elapsed) noexcept;

  cocozvec::Result<std::unique_ptr<cocozvec::File>> Open(PathView path, cocozvec::OpenMode mode) override;
  cocozvec::Result<cocozvec::FileInfo> Stat(PathView path) override { return under_.Stat(path); }
  cocozvec::Result<std::vector<cocozvec::DirEntry>> List(PathView directory) override {
    return under_.List(directory);
  }
  cocozvec::Status CreateDirectory(PathView path) override { return under_.CreateDirectory(path); }
  cocozvec::Status Rename(PathView from, PathView to) override { return under_.Rename(from, to); }
  cocozvec::Status RenameNoReplace(PathView from, PathView to) override {
    return under_.RenameNoReplace(from, to);
  }
  cocozvec::Status Link(PathView from, PathView to) override { return under_.Link(from, to); }
  cocozvec::Status RemoveFile(PathView path) override { return under_.RemoveFile(path); }
  cocozvec::Status RemoveDirectory(PathView path) override { return under_.RemoveDirectory(path); }
  cocozvec::Status SyncDirectory(PathView path) override { return under_.SyncDirectory(path); }

 private:
  class PacedFile;
  /// Before bytes are written. kCancelled.
  cocozvec::Status Wait(std::uint64_t bytes);

  cocozvec::FileSystem& under_;
  const std::uint64_t bytes_per_second_;
  const cocozvec::Cancel* const cancel_;
  std::atomic<std::uint64_t>* const written_;
  std::chrono::steady_clock::time_point begun_;
  std::uint64_t bytes_ = 0;  ///< written since
};

}  // namespace zvec::inline v0
