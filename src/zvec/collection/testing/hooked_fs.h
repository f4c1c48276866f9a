// zvec/collection/testing/hooked_fs.h: another process's work, done between two calls of this one. Tests
// only.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/io/file_system.h"
#include "zvec/schema.h"

namespace zvec::inline v0::testing_docs {

/// Passes every call on to `under`, and runs a hook before it.
class HookedFileSystem final : public cocozvec::FileSystem {
 public:
  using PathView = cocozvec::PathView;
  explicit HookedFileSystem(cocozvec::FileSystem& under) : under_(under) {}

  /// `call`: open, stat, list, create, rename, remove, remove-directory, sync. It is not called again inside
  /// itself.
  std::function<void(const std::string& call, const std::string& path)> before;
  /// Instead of a listing; may answer nothing.
  std::function<std::optional<std::vector<cocozvec::DirEntry>>(const std::string& path)> list;

  /// An error instead of opening; from any thread.
  std::function<Status(const std::string& path)> refuse;

  Result<std::unique_ptr<cocozvec::File>> Open(PathView path, cocozvec::OpenMode mode) override {
    Hook("open", path);
    if (refuse) ZVEC_RETURN_IF_ERROR(refuse(path.str()));
    return under_.Open(path, mode);
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
