#include <sanitizer/asan_interface.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>

#include "fuzz.h"

namespace fuzz {
namespace {

using cocozvec::File;
using cocozvec::HeldLock;
using cocozvec::Mapping;
using cocozvec::Result;
using cocozvec::Status;

constexpr std::size_t kAlignment = 64;

/// One place for all: a mapping a run costs more than the run.
class Place {
 public:
  static Place& Get() {
    static Place place;
    return place;
  }
  std::byte* Take(std::string_view bytes) {
    const std::size_t room = (bytes.size() + kAlignment - 1) / kAlignment * kAlignment;
    if (taken_ || room > kRoom) return nullptr;
    taken_ = true;
    std::byte* start = end_ - room;
    std::memcpy(start, bytes.data(), bytes.size());
    ASAN_POISON_MEMORY_REGION(start + bytes.size(), room - bytes.size());
    return start;
  }
  void Give() {
    ASAN_UNPOISON_MEMORY_REGION(end_ - kAlignment, kAlignment);
    taken_ = false;
  }

 private:
  static constexpr std::size_t kRoom = std::size_t{16} << 20;
  Place() {
    const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    void* all = mmap(nullptr, kRoom + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (all == MAP_FAILED || mprotect(static_cast<char*>(all) + kRoom, page, PROT_NONE) != 0)
      Fail("no memory for a mapping");
    end_ = static_cast<std::byte*>(all) + kRoom;
  }
  std::byte* end_ = nullptr;
  bool taken_ = false;
};

class GuardedBytes final : public Mapping {
 public:
  explicit GuardedBytes(std::string_view bytes) : size_(bytes.size()), start_(Place::Get().Take(bytes)) {
    if (start_ == nullptr) Fail("a second mapping, or one that is too large");
  }
  ~GuardedBytes() override { Place::Get().Give(); }
  std::span<const std::byte> bytes() const noexcept override { return {start_, size_}; }
  Status Populate(std::uint64_t offset, std::uint64_t size) const override {
    Require(offset <= size_ && size <= size_ - offset, "bytes that the mapping does not have are asked for");
    return {};
  }

 private:
  const std::size_t size_;
  std::byte* const start_;
};

class ReadOnlyFile final : public File {
 public:
  ReadOnlyFile(std::string path, std::string_view bytes, HeldLock other)
      : path_(std::move(path)), bytes_(bytes), other_(other) {}
  const std::string& path() const noexcept override { return path_; }
  Result<std::uint64_t> Size() const override { return std::uint64_t{bytes_.size()}; }
  Result<std::size_t> ReadAt(std::uint64_t offset, std::span<std::byte> out) const override {
    if (offset >= bytes_.size()) return std::size_t{0};
    const std::size_t size = std::min<std::size_t>(out.size(), bytes_.size() - offset);
    if (size != 0) std::memcpy(out.data(), bytes_.data() + offset, size);
    return size;
  }
  Status WriteAt(std::uint64_t, std::span<const std::byte>) override { return Refused(); }
  Status Truncate(std::uint64_t) override { return Refused(); }
  Status Sync() override { return Refused(); }
  Result<std::unique_ptr<Mapping>> Map(std::uint64_t size) const override {
    Require(size <= bytes_.size(), "more is mapped than there is");
    return std::unique_ptr<Mapping>(std::make_unique<GuardedBytes>(bytes_.substr(0, size)));
  }
  Status TryLock(bool) override { return Refused(); }
  Status Unlock() override { return Refused(); }
  Result<HeldLock> OtherLock() const override { return other_; }

 private:
  static Status Refused() { return Status::PermissionDenied("a file to be read"); }
  const std::string path_;
  const std::string_view bytes_;
  const HeldLock other_;
};

}  // namespace

Result<std::unique_ptr<File>> OneFile::Open(cocozvec::PathView path, cocozvec::OpenMode mode) {
  if (mode != cocozvec::OpenMode::kRead) return Refused();
  return std::unique_ptr<File>(std::make_unique<ReadOnlyFile>(path.str(), bytes_, other_));
}

Result<cocozvec::FileInfo> OneFile::Stat(cocozvec::PathView) {
  return cocozvec::FileInfo{cocozvec::FileKind::kFile, bytes_.size(), 1, 1};
}

}  // namespace fuzz
