// cocoindex/connectors/localfs.h: folders of text files as a source.
//
//   auto folder = std::make_shared<localfs::Folder>(localfs::Folder{.name = "docs", .path =
//   "/home/me/docs"}); ctx.mount_each(coco::subpath("file"), coco::fn<&process>({.memo = true, .version =
//   1}),
//                  localfs::walk(folder->path).items(folder), target);
//   void process(coco::Ctx& ctx, const localfs::FileRef& file, Target target) {
//     const localfs::FileContent& content = file.content();   // skipped, or UTF-8 text
//
// A memoised `process` runs again when the content of the file changes; a touched file costs one read, an
// untouched one nothing. Whatever is not read has a reason that is counted: nothing is skipped silently,
// nothing crashes. Threads: walk() may run anywhere; a FileRef belongs to one thread at a time, its copies
// are independent.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cocoindex/key.h"
#include "cocoindex/memo/state.h"
#include "cocozvec/base/path.h"

namespace cocoindex::inline v0::connectors::localfs {

enum class Skip : std::uint8_t {
  symlink,        ///< never followed
  not_utf8_name,  ///< a directory: with everything in it
  oversized,      ///< over max_file_bytes
  unreadable,     ///< permission, I/O error
  special,        ///< device, socket, pipe
  ignored,        ///< by the globs or a .gitignore; a directory counts once
  vanished,       ///< gone between being listed and being looked at
  binary,         ///< a NUL byte in the first 8 KiB, or not UTF-8; known only once read
};
inline constexpr std::size_t kSkipReasons = 8;
/// As in reports: "symlink", "not_utf8_name", ...
std::string_view to_string(Skip reason) noexcept;

inline constexpr std::uint64_t kDefaultMaxFileBytes = 16ull << 20;

struct WalkOptions {
  /// As in a .gitignore: "*.md" in any folder, "/docs" or "docs/api" from the root, "docs/" a folder, "**"
  /// any number of folders. A folder stands for everything below it. None: everything.
  std::vector<std::string> include = {};
  std::vector<std::string> exclude = {};  ///< wins over include
  /// Obey the .gitignore files inside the root and leave out ".git". Those above the root, and git's own
  /// settings, are not read.
  bool respect_gitignore = false;
  std::uint64_t max_file_bytes = kDefaultMaxFileBytes;
};

/// A regular file as the walk saw it. Times in nanoseconds since 1970.
struct FileEntry {
  std::string path = {};  ///< below the root, '/' between names, UTF-8
  std::uint64_t size = 0;
  std::int64_t mtime_ns = 0, ctime_ns = 0;
  std::uint64_t inode = 0, device = 0;
  std::int64_t seen_ns = 0;  ///< when the above was read
  StableKey key() const { return StableKey(path); }
};

struct SkippedEntry {
  std::string path = {};  ///< bytes that are no UTF-8 as \xNN
  Skip reason = Skip::unreadable;
  std::string detail = {};  ///< the operating system's words, or the sizes
  bool folder = false;      ///< unreadable, vanished: a folder, so what is below it is unknown
};

/// Where files come from, for FileRef.
struct Folder {
  std::string name =
      {};  ///< part of every memo key in place of the path: a folder that moves keeps its memos
  std::string path = {};
  std::uint64_t max_file_bytes = kDefaultMaxFileBytes;
};

/// What a file had to say.
struct FileContent {
  std::optional<Skip>
      skipped;  ///< binary, oversized, unreadable, vanished, special, symlink; then there is no text
  std::string text = {};
  std::string detail = {};
};

/// A file as an argument of a memoised function. Memo key: folder name and path. Memo state: size, times,
/// inode, content. When size, times and inode are those of the last run the file is not opened, unless it was
/// younger than two seconds then (a later change could have left the same times); otherwise its content
/// decides.
class FileRef {
 public:
  FileRef(std::shared_ptr<const Folder> folder, FileEntry entry);
  FileRef(const FileRef& other);  ///< copies do not share what was read
  FileRef& operator=(const FileRef& other);
  FileRef(FileRef&&) noexcept;
  FileRef& operator=(FileRef&&) noexcept;
  ~FileRef();

  const std::string& path() const noexcept { return entry_.path; }  ///< below the folder
  std::string full_path() const;
  const Folder& folder() const noexcept { return *folder_; }
  const FileEntry& entry() const noexcept { return entry_; }
  /// Read once and kept in this object. The bytes are those that the memo state describes.
  const FileContent& content() const;

  friend std::pair<std::string, std::string> coco_memo_key(const FileRef& f) {
    return {f.folder_->name, f.entry_.path};
  }
  friend MemoStateOutcome coco_memo_state(const FileRef& f, std::optional<std::string_view> previous) {
    return f.state(previous);
  }

 private:
  struct Loaded;
  MemoStateOutcome state(std::optional<std::string_view> previous) const;
  const Loaded& load() const;

  std::shared_ptr<const Folder> folder_;
  FileEntry entry_;
  mutable std::unique_ptr<const Loaded> loaded_;
};

struct WalkResult {
  std::vector<FileEntry> files;       ///< sorted by path
  std::vector<SkippedEntry> skipped;  ///< sorted by path; without the ignored ones, which are only counted
  std::array<std::uint64_t, kSkipReasons> skip_counts{};
  std::uint64_t count(Skip reason) const noexcept { return skip_counts[static_cast<std::size_t>(reason)]; }
  /// For mount_each: (key, file).
  std::vector<std::pair<StableKey, FileRef>> items(const std::shared_ptr<const Folder>& folder) const;
};

/// Lists the regular files below `root` (which may be reached through a link) that the options admit.
/// Throws InvalidRequest: no such folder, not a folder, unreadable, a pattern out of rule. Nothing below it
/// throws.
WalkResult walk(cocozvec::PathView root, const WalkOptions& options = {});

/// One file looked at by name, as the walk would; its reason when it is no file to read.
struct Looked {
  std::optional<FileEntry> entry;
  SkippedEntry skipped;  ///< when there is no entry
};
Looked look_at(const Folder& folder, std::string_view path);

}  // namespace cocoindex::inline v0::connectors::localfs
