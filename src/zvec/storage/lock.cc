#include "zvec/storage/lock.h"

#include <pthread.h>

#include <charconv>
#include <chrono>
#include <ctime>
#include <map>
#include <new>
#include <tuple>
#include <vector>

#include "base/checksum.h"
#include "base/fault.h"
#include "base/mutex.h"
#include "base/process_info.h"
#include "zvec/storage/file_header.h"
#include "zvec/storage/file_names.h"

namespace zvec::inline v0 {

using cocozvec::File;
using cocozvec::FileInfo;
using cocozvec::FileSystem;
using cocozvec::JoinPath;
using cocozvec::OpenMode;

namespace {

constexpr std::string_view kFirstLine = "zvec collection lock\n";
constexpr std::size_t kLockFileBytes =
    192;                              // always the same size: writing the holder needs no room on the disk
constexpr std::size_t kNoteAt = 112;  // the holder's line ends before it

using Key = std::tuple<const FileSystem*, std::uint64_t, std::uint64_t>;
Key KeyOf(const FileSystem& fs, const FileInfo& id) { return {&fs, id.device, id.inode}; }

std::string Now() {
  const std::time_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  std::tm utc{};
  gmtime_r(&now, &utc);
  char text[32];
  return std::string(text, std::strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &utc));
}

/// As so many bytes, the last of which ends the line.
std::string Padded(std::string text, std::size_t bytes) {
  text.resize(bytes - 1, ' ');
  return text + "\n";
}

std::string NoteText(const ClosedNote& note) {
  return "log " + std::to_string(note.log) + " closed at " + std::to_string(note.end) + ", ";
}

std::uint64_t NoteChecksum(const ClosedNote& note, std::uint64_t collection) {
  return cocozvec::ChecksumAt(AsBytes(NoteText(note)), note.log, note.end, collection);
}

/// The number that `text` begins with, which is cut off.
std::uint64_t TakeNumber(std::string_view& text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc()) text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

/// The second line, without the padding: "process 17, started ..., opened it ...".
std::string HolderIn(const File& file) {
  const std::string text = ReadLockText(file).value_or("");
  if (!text.starts_with(kFirstLine)) return "";
  std::string line = text.substr(kFirstLine.size());
  line.resize(std::min(line.find('\n'), line.size()));
  line.resize(line.find_last_not_of(' ') + 1);
  return line;
}

Status Busy(const std::string& directory, const std::string& holder) {
  return Status::Busy("collection " + directory + " is open for writing" +
                      (holder.empty() ? std::string(" elsewhere") : ": " + holder));
}

}  // namespace

struct DirectoryLock::Registry {
  cocozvec::Mutex mu;
  std::map<Key, DirectoryLock*> held ZVEC_GUARDED_BY(mu);

  static Registry& Get() {
    // Never destroyed: collections may be closed by static destructors.
    static Registry* const registry = [] {
      auto* made = new Registry();
      pthread_atfork([] { Get().BeforeFork(); }, [] { Get().InParent(); }, [] { Get().InChild(); });
      return made;
    }();
    return *registry;
  }

 private:
  // No other thread is inside while the process is copied.
  void BeforeFork() ZVEC_NO_THREAD_SAFETY_ANALYSIS { mu.Lock(); }
  void InParent() ZVEC_NO_THREAD_SAFETY_ANALYSIS { mu.Unlock(); }
  /// The locks are the parent's. A descriptor that stayed open here would hold them beyond its death.
  void InChild() ZVEC_NO_THREAD_SAFETY_ANALYSIS {
    for (const auto& [key, lock] : held) {
      if (&lock->fs_ == &cocozvec::PosixFileSystem())
        lock->file_.reset();
      else
        (void)lock->file_.release();  // in memory: its mutex may have been held by another thread
    }
    held.clear();
    mu.Unlock();
  }
};

Result<std::unique_ptr<DirectoryLock>> DirectoryLock::Acquire(FileSystem& fs, const std::string& directory,
                                                              bool create) {
  const std::string path = JoinPath(directory, kLockName);
  if (create) ZVEC_RETURN_IF_ERROR(fs.Open(path, OpenMode::kCreate).status());
  Registry& registry = Registry::Get();
  cocozvec::MutexLock lock(registry.mu);  // from here on: a fork must find the open file registered
  // Looked at before and after: the same at both ends, so it was the same when it was opened.
  ZVEC_ASSIGN_OR_RETURN(const FileInfo id, fs.Stat(path));
  ZVEC_ASSIGN_OR_RETURN(auto file, fs.Open(path, OpenMode::kReadWrite));
  const bool careless = cocozvec::FaultPlanted("skip_lock");
  if (!careless && registry.held.contains(KeyOf(fs, id))) return Busy(directory, HolderIn(*file));
  if (Status status = careless ? Status() : file->TryLock(/*exclusive=*/true); !status.ok()) {
    if (status.code() != StatusCode::kBusy) return status;
    return Busy(directory, HolderIn(*file));
  }
  // The directory may have been renamed away between the two calls: then this is the lock of something else.
  const auto again = fs.Stat(path);
  if (!again.ok() && !again.status().IsNotFound()) return again.status();
  if (!again.ok() || again->device != id.device || again->inode != id.inode)
    return Status::NotFound("collection " + directory + " was removed while it was opened");
  const auto slot = registry.held.try_emplace(KeyOf(fs, id), nullptr).first;
  std::unique_ptr<DirectoryLock> made(new (std::nothrow) DirectoryLock(fs, id, std::move(file)));
  if (!made) {
    registry.held.erase(slot);
    return Status::ResourceExhausted("collection " + directory + ": no memory for its lock");
  }
  slot->second = made.get();
  return made;
}

DirectoryLock::~DirectoryLock() {
  Registry& registry = Registry::Get();
  cocozvec::MutexLock lock(registry.mu);
  if (!file_) return;  // inherited: whatever this process holds now is another lock
  registry.held.erase(KeyOf(fs_, id_));
  (void)file_->Unlock();  // said aloud: a child forked a moment ago may still hold the open file
  file_.reset();
}

void DirectoryLock::WriteHolder() {
  if (!file_) return;
  std::string text =
      Padded(std::string(kFirstLine) + cocozvec::OwnProcess().ToString() + ", opened it " + Now(), kNoteAt);
  // The note of the last Close stays: what it says goes on being true.
  const auto size = file_->Size();
  if (!size.ok() || *size < kLockFileBytes) text += Padded("", kLockFileBytes - kNoteAt);
  (void)file_->WriteAt(0, AsBytes(text));
}

void DirectoryLock::WriteClosed(const ClosedNote& note, std::uint64_t collection) {
  if (file_) (void)file_->WriteAt(kNoteAt, AsBytes(EncodeClosedNote(note, collection)));
}

Status DirectoryLock::Publish(const Publication& publication) {
  if (!file_) return {};  // inherited
  Status status = WritePublication(*file_, publication);
  if (status.ok() && publishing_) return status;
  if (status.ok()) status = file_->TryLock(/*exclusive=*/false);
  if (status.ok()) {
    publishing_ = true;
    return status;
  }
  if (publishing_) ZVEC_RETURN_IF_ERROR(file_->TryLock(/*exclusive=*/true));
  publishing_ = false;
  return {};
}

Result<bool> IsLockFile(FileSystem& fs, const std::string& path) {
  ZVEC_ASSIGN_OR_RETURN(const auto file, fs.Open(path, OpenMode::kRead));
  ZVEC_ASSIGN_OR_RETURN(const std::string text, ReadLockText(*file));
  return text.starts_with(kFirstLine);
}

Result<std::string> ReadLockText(const File& lock_file) {
  std::string text(kLockFileBytes, '\0');
  ZVEC_ASSIGN_OR_RETURN(const std::size_t got, lock_file.ReadAt(0, std::as_writable_bytes(std::span(text))));
  text.resize(got);
  return text;
}

Result<std::string> ReadLockText(FileSystem& fs, const std::string& directory) {
  const auto file = fs.Open(JoinPath(directory, kLockName), OpenMode::kRead);
  if (file.status().IsNotFound()) return std::string();
  ZVEC_RETURN_IF_ERROR(file.status());
  return ReadLockText(**file);
}

std::string EncodeClosedNote(const ClosedNote& note, std::uint64_t collection) {
  char checksum[16];
  std::uint64_t left = NoteChecksum(note, collection);
  for (char& digit : checksum) {
    digit = "0123456789abcdef"[left >> 60];
    left <<= 4;
  }
  return Padded(NoteText(note).append(checksum, sizeof(checksum)), kLockFileBytes - kNoteAt);
}

std::optional<ClosedNote> ClosedNoteIn(std::string_view lock_text, std::uint64_t collection) {
  constexpr std::string_view kStart = "log ", kMiddle = " closed at ";
  if (lock_text.size() != kLockFileBytes) return std::nullopt;
  const std::string_view line = lock_text.substr(kNoteAt);
  std::string_view rest = line;
  if (!rest.starts_with(kStart)) return std::nullopt;
  rest.remove_prefix(kStart.size());
  ClosedNote note;
  note.log = TakeNumber(rest);
  if (!rest.starts_with(kMiddle)) return std::nullopt;
  rest.remove_prefix(kMiddle.size());
  note.end = TakeNumber(rest);
  if (line != EncodeClosedNote(note, collection)) return std::nullopt;
  return note;
}

}  // namespace zvec::inline v0
