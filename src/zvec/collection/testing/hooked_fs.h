// zvec/collection/testing/hooked_fs.h: another process's work, done between two calls of this one. Tests
// only.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "base/io/file_system.h"
#include "zvec/schema.h"

namespace zvec::inline v0::testing_docs {

/// Passes every call on to `under`, and runs a hook before it.
class HookedFileSystem : public cocozvec::FileSystem {
 public:
  using PathView = cocozvec::PathView;
  explicit HookedFileSystem(cocozvec::FileSystem& under) : under_(under) {}

  /// `call`: open, stat, list, create, rename, link, remove, remove-directory, sync. It is not called again
  /// inside itself.
  std::function<void(const std::string& call, const std::string& path)> before;
  /// Instead of a listing; may answer nothing.
  std::function<std::optional<std::vector<cocozvec::DirEntry>>(const std::string& path)> list;

  /// An error instead of opening; from any thread.
  std::function<Status(const std::string& path)> refuse;

  /// An error instead of these bytes, read or mapped, of files that were opened while it was set; from any
  /// thread.
  std::function<Status(const std::string& path, std::uint64_t offset, std::uint64_t size)> unreadable;

  Result<std::unique_ptr<cocozvec::File>> Open(PathView path, cocozvec::OpenMode mode) override {
    Hook("open", path);
    if (refuse) ZVEC_RETURN_IF_ERROR(refuse(path.str()));
    auto file = under_.Open(path, mode);
    if (!file.ok() || !unreadable) return file;
    return std::unique_ptr<cocozvec::File>(std::make_unique<BadFile>(*std::move(file), unreadable));
  }
  Result<cocozvec::FileInfo> Stat(PathView path) override {
    Hook("stat", path);
    return under_.Stat(path);
  }
  Result<std::vector<cocozvec::DirEntry>> List(PathView directory) override {
    Hook("list", directory);
    if (list)
      if (auto answer = list(directory.str())) return *answer;
    return under_.List(directory);
  }
  Status CreateDirectory(PathView path) override {
    Hook("create", path);
    return under_.CreateDirectory(path);
  }
  Status Rename(PathView from, PathView to) override {
    Hook("rename", to);
    return under_.Rename(from, to);
  }
  Status RenameNoReplace(PathView from, PathView to) override {
    Hook("rename", to);
    return under_.RenameNoReplace(from, to);
  }
  Status Link(PathView from, PathView to) override {
    Hook("link", to);
    return under_.Link(from, to);
  }
  Status RemoveFile(PathView path) override {
    Hook("remove", path);
    return under_.RemoveFile(path);
  }
  Status RemoveDirectory(PathView path) override {
    Hook("remove-directory", path);
    return under_.RemoveDirectory(path);
  }
  Status SyncDirectory(PathView path) override {
    Hook("sync", path);
    return under_.SyncDirectory(path);
  }

 private:
  using Unreadable = decltype(unreadable);

  class BadMapping final : public cocozvec::Mapping {
   public:
    BadMapping(std::unique_ptr<cocozvec::Mapping> under, std::string path, Unreadable unreadable)
        : under_(std::move(under)), path_(std::move(path)), unreadable_(std::move(unreadable)) {}
    std::span<const std::byte> bytes() const noexcept override { return under_->bytes(); }
    Status Populate(std::uint64_t offset, std::uint64_t size) const override {
      ZVEC_RETURN_IF_ERROR(unreadable_(path_, offset, size));
      return under_->Populate(offset, size);
    }

   private:
    const std::unique_ptr<cocozvec::Mapping> under_;
    const std::string path_;
    const Unreadable unreadable_;
  };

  class BadFile final : public cocozvec::File {
   public:
    BadFile(std::unique_ptr<cocozvec::File> under, Unreadable unreadable)
        : under_(std::move(under)), unreadable_(std::move(unreadable)) {}
    const std::string& path() const noexcept override { return under_->path(); }
    Result<std::uint64_t> Size() const override { return under_->Size(); }
    Result<std::size_t> ReadAt(std::uint64_t offset, std::span<std::byte> out) const override {
      ZVEC_RETURN_IF_ERROR(unreadable_(path(), offset, out.size()));
      return under_->ReadAt(offset, out);
    }
    Status WriteAt(std::uint64_t offset, std::span<const std::byte> data) override {
      return under_->WriteAt(offset, data);
    }
    Status Truncate(std::uint64_t size) override { return under_->Truncate(size); }
    Status Sync() override { return under_->Sync(); }
    void StartWriteback(std::uint64_t offset, std::uint64_t size) override {
      under_->StartWriteback(offset, size);
    }
    Result<std::unique_ptr<cocozvec::Mapping>> Map(std::uint64_t size) const override {
      ZVEC_ASSIGN_OR_RETURN(auto mapping, under_->Map(size));
      return std::unique_ptr<cocozvec::Mapping>(
          std::make_unique<BadMapping>(std::move(mapping), path(), unreadable_));
    }
    Status TryLock(bool exclusive) override { return under_->TryLock(exclusive); }
    Status Unlock() override { return under_->Unlock(); }
    Result<cocozvec::HeldLock> OtherLock() const override { return under_->OtherLock(); }

   private:
    const std::unique_ptr<cocozvec::File> under_;
    const Unreadable unreadable_;
  };

  void Hook(const char* call, PathView path) {
    if (!before || inside_) return;
    inside_ = true;
    before(call, path.str());
    inside_ = false;
  }

  cocozvec::FileSystem& under_;
  bool inside_ = false;
};

}  // namespace zvec::inline v0::testing_docs
