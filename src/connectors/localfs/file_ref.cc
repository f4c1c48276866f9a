#include <algorithm>
#include <span>

#include "base/io/file_system.h"
#include "base/utf8.h"
#include "cocoindex/connectors/localfs.h"
#include "cocoindex/errors.h"
#include "cocoindex/memo.h"
#include "connectors/localfs/look.h"

namespace cocoindex::inline v0::connectors::localfs {
namespace {

using cocozvec::IsUtf8;
using cocozvec::Printable;

constexpr std::int64_t kSettledAfterNs = 2'000'000'000;  // the coarsest time stamps in use (FAT)
constexpr std::size_t kBinaryProbe = 8192;
constexpr int kText = -1;  // of FileState::outcome; otherwise a Skip

/// The memo state. docs/format/state.md, "Memo state of a file".
struct FileState {
  std::uint64_t size = 0;
  std::int64_t mtime_ns = 0, ctime_ns = 0;
  std::uint64_t inode = 0;
  std::int64_t seen_ns = 0;
  int outcome = kText;
  Fingerprint content;  // zeros when it was not read
};

std::optional<FileState> Parse(std::optional<std::string_view> bytes) {
  if (!bytes) return std::nullopt;
  try {
    return load_value<FileState>(*bytes);
  } catch (const StateError&) {
    return std::nullopt;  // of an older program: as if there were none
  }
}

/// Nothing about the file itself says when these end.
bool MayChangeUnseen(int outcome) {
  return outcome == static_cast<int>(Skip::vanished) || outcome == static_cast<int>(Skip::unreadable);
}

/// Can the entry's numbers alone prove that the content is what it was?
bool Proves(const FileEntry& now, const FileState& before, std::uint64_t max_file_bytes) {
  const bool same = now.size == before.size && now.mtime_ns == before.mtime_ns &&
                    now.ctime_ns == before.ctime_ns && now.inode == before.inode;
  if (!same || MayChangeUnseen(before.outcome)) return false;
  if ((before.outcome == static_cast<int>(Skip::oversized)) != (now.size > max_file_bytes)) return false;
  const std::int64_t youngest = std::max(before.mtime_ns, before.ctime_ns);
  return youngest <= before.seen_ns && before.seen_ns - youngest >= kSettledAfterNs;
}

FileContent Refused(Skip reason, std::string detail) { return {reason, {}, std::move(detail)}; }

FileContent RefusedToOpen(const cocozvec::Status& status, const std::string& path) {
  if (status.IsNotFound()) return Refused(Skip::vanished, std::string(status.message()));
  const Looked looked =
      LookAt(path, "", ~0ull);  // replaced by something that is no file, since it was listed?
  const Skip reason = looked.entry ? Skip::unreadable : looked.skipped.reason;
  return Refused(reason, std::string(status.message()));
}

FileContent ReadText(const std::string& path, std::uint64_t max_file_bytes, Fingerprint& fingerprint) {
  auto file = cocozvec::PosixFileSystem().Open(path, cocozvec::OpenMode::kRead);
  if (!file.ok()) return RefusedToOpen(file.status(), path);
  const auto size = (*file)->Size();
  if (!size.ok()) return Refused(Skip::unreadable, std::string(size.status().message()));
  if (*size > max_file_bytes) {
    return Refused(Skip::oversized,
                   std::to_string(*size) + " bytes, allowed are " + std::to_string(max_file_bytes));
  }
  FileContent content;
  content.text.resize(static_cast<std::size_t>(*size));
  const auto got = (*file)->ReadAt(0, std::as_writable_bytes(std::span(content.text)));
  if (!got.ok()) return Refused(Skip::unreadable, std::string(got.status().message()));
  content.text.resize(*got);
  fingerprint = fingerprint_bytes(content.text);
  if (content.text.substr(0, kBinaryProbe).find('\0') != std::string::npos)
    return Refused(Skip::binary, "a NUL byte");
  if (!IsUtf8(content.text)) return Refused(Skip::binary, "not UTF-8");
  return content;
}

}  // namespace

struct FileRef::Loaded {
  FileContent content;
  Fingerprint fingerprint;
};

FileRef::FileRef(std::shared_ptr<const Folder> folder, FileEntry entry)
    : folder_(std::move(folder)), entry_(std::move(entry)) {
  if (folder_ == nullptr) throw InvalidRequest("file " + Printable(entry_.path) + ": without a folder");
}
FileRef::FileRef(const FileRef& other) : folder_(other.folder_), entry_(other.entry_) {}
FileRef& FileRef::operator=(const FileRef& other) { return *this = FileRef(other); }
FileRef::FileRef(FileRef&&) noexcept = default;
FileRef& FileRef::operator=(FileRef&&) noexcept = default;
FileRef::~FileRef() = default;

std::string FileRef::full_path() const { return cocozvec::JoinPath(folder_->path, entry_.path); }

const FileRef::Loaded& FileRef::load() const {
  if (loaded_ == nullptr) {
    auto loaded = std::make_unique<Loaded>();
    loaded->content = ReadText(full_path(), folder_->max_file_bytes, loaded->fingerprint);
    loaded_ = std::move(loaded);
  }
  return *loaded_;
}

const FileContent& FileRef::content() const { return load().content; }

MemoStateOutcome FileRef::state(std::optional<std::string_view> previous) const {
  const std::optional<FileState> before = Parse(previous);
  if (before && Proves(entry_, *before, folder_->max_file_bytes)) return {std::string(*previous), true};
  const Loaded& now = load();
  const int outcome = now.content.skipped ? static_cast<int>(*now.content.skipped) : kText;
  const FileState state{entry_.size,    entry_.mtime_ns, entry_.ctime_ns, entry_.inode,
                        entry_.seen_ns, outcome,         now.fingerprint};
  const bool valid = before && before->outcome == outcome && before->content == now.fingerprint;
  if (valid) loaded_.reset();  // the function will not run, so nobody will ask for the text
  return {store_value(state), valid};
}

}  // namespace cocoindex::inline v0::connectors::localfs
