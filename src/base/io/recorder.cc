#include "base/io/recorder.h"

#include <utility>

namespace cocozvec::inline v0 {
namespace {

const char* NameOf(DiskOperation operation) {
  switch (operation) {
    case DiskOperation::kOpen:
      return "create";
    case DiskOperation::kWrite:
      return "write";
    case DiskOperation::kTruncate:
      return "truncate";
    case DiskOperation::kSync:
      return "sync";
    case DiskOperation::kCreateDirectory:
      return "create directory";
    case DiskOperation::kRename:
      return "rename";
    case DiskOperation::kLink:
      return "link";
    case DiskOperation::kRemoveFile:
      return "remove";
    case DiskOperation::kRemoveDirectory:
      return "remove directory";
    case DiskOperation::kSyncDirectory:
      return "sync directory";
    default:
      return "read";
  }
}

class RecordedFile final : public File {
 public:
  RecordedFile(std::unique_ptr<File> below, std::shared_ptr<Recorder::Trace> trace)
      : below_(std::move(below)), trace_(std::move(trace)) {}

  const std::string& path() const noexcept override { return below_->path(); }
  Result<std::uint64_t> Size() const override { return below_->Size(); }
  Result<std::size_t> ReadAt(std::uint64_t offset, std::span<std::byte> out) const override {
    return below_->ReadAt(offset, out);
  }
  Status WriteAt(std::uint64_t offset, std::span<const std::byte> data) override {
    return trace_->Add(below_->WriteAt(offset, data),
                       {DiskOperation::kWrite, path(), {}, offset, data.size()});
  }
  Status Truncate(std::uint64_t size) override {
    return trace_->Add(below_->Truncate(size), {DiskOperation::kTruncate, path(), {}, size, 0});
  }
  Status Sync() override { return trace_->Add(below_->Sync(), {DiskOperation::kSync, path(), {}, 0, 0}); }
  Result<std::unique_ptr<Mapping>> Map(std::uint64_t size) const override { return below_->Map(size); }
  Status TryLock(bool exclusive) override { return below_->TryLock(exclusive); }
  Status Unlock() override { return below_->Unlock(); }
  Result<HeldLock> OtherLock() const override { return below_->OtherLock(); }

 private:
  const std::unique_ptr<File> below_;
  const std::shared_ptr<Recorder::Trace> trace_;
};

}  // namespace

std::string ToString(const IoEvent& event) {
  return std::string(NameOf(event.operation)) + " " + event.path +
         (event.to.empty() ? "" : " to " + event.to);
}

Status Recorder::Trace::Add(Status status, IoEvent event) {
  if (!status.ok()) return status;
  MutexLock lock(mu);
  events.push_back(std::move(event));
  return status;
}

std::vector<IoEvent> Recorder::Take() {
  MutexLock lock(trace_->mu);
  return std::exchange(trace_->events, {});
}

Result<std::unique_ptr<File>> Recorder::Open(PathView path, OpenMode mode) {
  const bool makes =
      mode == OpenMode::kCreateNew || (mode == OpenMode::kCreate && below_.Stat(path).status().IsNotFound());
  ZVEC_ASSIGN_OR_RETURN(auto file, below_.Open(path, mode));
  if (makes) (void)trace_->Add({}, {DiskOperation::kOpen, path.str(), {}, 0, 0});
  return std::unique_ptr<File>(std::make_unique<RecordedFile>(std::move(file), trace_));
}
Status Recorder::CreateDirectory(PathView path) {
  return trace_->Add(below_.CreateDirectory(path), {DiskOperation::kCreateDirectory, path.str(), {}, 0, 0});
}
Status Recorder::Rename(PathView from, PathView to) {
  return trace_->Add(below_.Rename(from, to), {DiskOperation::kRename, from.str(), to.str(), 0, 0});
}
Status Recorder::RenameNoReplace(PathView from, PathView to) {
  return trace_->Add(below_.RenameNoReplace(from, to), {DiskOperation::kRename, from.str(), to.str(), 0, 0});
}
Status Recorder::Link(PathView from, PathView to) {
  return trace_->Add(below_.Link(from, to), {DiskOperation::kLink, from.str(), to.str(), 0, 0});
}
Status Recorder::RemoveFile(PathView path) {
  return trace_->Add(below_.RemoveFile(path), {DiskOperation::kRemoveFile, path.str(), {}, 0, 0});
}
Status Recorder::RemoveDirectory(PathView path) {
  return trace_->Add(below_.RemoveDirectory(path), {DiskOperation::kRemoveDirectory, path.str(), {}, 0, 0});
}
Status Recorder::SyncDirectory(PathView path) {
  return trace_->Add(below_.SyncDirectory(path), {DiskOperation::kSyncDirectory, path.str(), {}, 0, 0});
}

}  // namespace cocozvec::inline v0
