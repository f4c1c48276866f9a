// base/io/recorder.h: passes calls on to another file system and keeps a list of those that changed
// something, in their order. For tests that judge the order itself (tests/reliability/write_order.h) and not
// only what a cut leaves.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/io/sim_disk.h"
#include "base/mutex.h"

namespace cocozvec::inline v0 {

/// A call that succeeded. An open is listed when it made the file.
struct IoEvent {
  DiskOperation operation = DiskOperation::kWrite;
  std::string path, to;                ///< `to`: of a rename or link
  std::uint64_t offset = 0, size = 0;  ///< of a write or truncation
};

/// "rename parent/a to parent/b", for messages.
std::string ToString(const IoEvent& event);

/// Threads: as FileSystem. Files may outlive it.
class Recorder final : public FileSystem {
 public:
  explicit Recorder(FileSystem& below) : below_(below), trace_(std::make_shared<Trace>()) {}

  /// What happened since the last call of Take.
  std::vector<IoEvent> Take();

  Result<std::unique_ptr<File>> Open(PathView path, OpenMode mode) override;
  Result<FileInfo> Stat(PathView path) override { return below_.Stat(path); }
  Result<std::vector<DirEntry>> List(PathView directory) override { return below_.List(directory); }
  Status CreateDirectory(PathView path) override;
  Status Rename(PathView from, PathView to) override;
  Status RenameNoReplace(PathView from, PathView to) override;
  Status Link(PathView from, PathView to) override;
  Status RemoveFile(PathView path) override;
  Status RemoveDirectory(PathView path) override;
  Status SyncDirectory(PathView path) override;

  struct Trace {
    Mutex mu;
    std::vector<IoEvent> events ZVEC_GUARDED_BY(mu);
    Status Add(Status status, IoEvent event);
  };

 private:
  FileSystem& below_;
  const std::shared_ptr<Trace> trace_;
};

}  // namespace cocozvec::inline v0
