#include "zvec/collection/paced_files.h"

#include <algorithm>
#include <string>
#include <thread>
#include <utility>

namespace zvec::inline v0 {

using cocozvec::File;
using cocozvec::FileSystem;
using cocozvec::Result;
using cocozvec::Status;

class PacedFiles::PacedFile final : public File {
 public:
  PacedFile(std::unique_ptr<File> under, PacedFiles& files) : under_(std::move(under)), files_(files) {}
  const std::string& path() const noexcept override { return under_->path(); }
  Result<std::uint64_t> Size() const override { return under_->Size(); }
  Result<std::size_t> ReadAt(std::uint64_t offset, std::span<std::byte> out) const override {
    return under_->ReadAt(offset, out);
  }
  Status WriteAt(std::uint64_t offset, std::span<const std::byte> data) override {
    ZVEC_RETURN_IF_ERROR(files_.Wait(data.size()));
    return under_->WriteAt(offset, data);
  }
  Status Truncate(std::uint64_t size) override { return under_->Truncate(size); }
  Status Sync() override { return under_->Sync(); }
  void StartWriteback(std::uint64_t offset, std::uint64_t size) override {
    under_->StartWriteback(offset, size);
  }
  Result<std::unique_ptr<cocozvec::Mapping>> Map(std::uint64_t size) const override {
    return under_->Map(size);
  }
  Status TryLock(bool exclusive) override { return under_->TryLock(exclusive); }
  Status Unlock() override { return under_->Unlock(); }
  Result<cocozvec::HeldLock> OtherLock() const override { return under_->OtherLock(); }

 private:
  const std::unique_ptr<File> under_;
  PacedFiles& files_;
};

PacedFiles::PacedFiles(FileSystem& under, std::uint64_t bytes_per_second, const cocozvec::Cancel* cancel,
                       std::atomic<std::uint64_t>* written)
    : under_(under),
      bytes_per_second_(bytes_per_second),
      cancel_(cancel),
      written_(written),
      begun_(std::chrono::steady_clock::now()) {}

std::chrono::nanoseconds PacedFiles::Delay(std::uint64_t bytes, std::uint64_t bytes_per_second,
                                           std::chrono::nanoseconds elapsed) noexcept {
  if (bytes_per_second == 0) return {};
  const double wanted = static_cast<double>(bytes) / static_cast<double>(bytes_per_second) * 1e9;
  const double left = wanted - static_cast<double>(elapsed.count());
  constexpr double kMost = 9e18;
  return std::chrono::nanoseconds(static_cast<std::int64_t>(std::clamp(left, 0.0, kMost)));
}

Status PacedFiles::Wait(std::uint64_t bytes) {
  // In short sleeps: whoever cancels waits for the end.
  constexpr std::chrono::nanoseconds kLongest = std::chrono::milliseconds(5);
  for (;;) {
    if (cancel_ != nullptr && cancel_->raised()) return Status::Cancelled("the writing was cancelled");
    const auto elapsed = std::chrono::steady_clock::now() - begun_;
    const auto delay = Delay(bytes_, bytes_per_second_, elapsed);
    if (delay.count() == 0) {  // time in which nothing was written is not saved up
      begun_ += elapsed;
      bytes_ = 0;
      break;
    }
    std::this_thread::sleep_for(std::min(delay, kLongest));
  }
  bytes_ += bytes;
  if (written_ != nullptr) written_->fetch_add(bytes, std::memory_order_relaxed);
  return {};
}

Result<std::unique_ptr<File>> PacedFiles::Open(PathView path, cocozvec::OpenMode mode) {
  ZVEC_ASSIGN_OR_RETURN(auto file, under_.Open(path, mode));
  return std::unique_ptr<File>(std::make_unique<PacedFile>(std::move(file), *this));
}

}  // namespace zvec::inline v0
