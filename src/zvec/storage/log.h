// zvec/storage/log.h: the log: every write call is one record, synced before it is applied.
// docs/format/log.md Threads: a LogWriter belongs to the writer (the store's write lock).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/io/file_system.h"
#include "zvec/schema.h"
#include "zvec/storage/file_header.h"

namespace zvec::inline v0 {

inline constexpr std::size_t kRecordHeaderBytes = 56;
inline constexpr std::uint32_t kRecordMagic = 0x4345525A;  // "ZREC"

enum class RecordKind : std::uint32_t {
  kBatch = 1,  ///< row.h
  kClose =
      2,  ///< empty: the log was closed in order, so that everything before it is known to have been synced
};

/// Where the log stands: what the next record needs.
struct LogPosition {
  std::uint64_t end = 0;        ///< offset after the last whole record
  std::uint64_t sequence = 0;   ///< of the next record
  std::uint64_t previous = 0;   ///< header checksum of the last record, or of the file header
  std::uint64_t synced_to = 0;  ///< bytes before this were synced when the last record was written
  bool closed = false;          ///< the last record is kClose
};

struct LogContent {
  FileHeader header;
  LogPosition position;
  std::uint64_t file_size = 0;  ///< larger than position.end: a torn record, forgiven
  bool unsettled = false;       ///< set by who opens: not even the header need be durable (birth.h)
};

/// Reads all whole records before `end` in order and hands the batches to `apply`. Writes nothing.
/// Errors   kDataLoss (file and offset: anything but a torn last record), kUnimplemented, those of `apply`.
Result<LogContent> ReadLog(const cocozvec::File& file, std::uint64_t number, std::uint64_t collection,
                           const std::function<Status(std::string_view payload)>& apply,
                           std::uint64_t end = UINT64_MAX);
/// Goes on where `content` stands, no further than `end`. After an error `content` stands behind the last
/// record that was applied.
Status ContinueLog(const cocozvec::File& file, LogContent* content, std::uint64_t end,
                   const std::function<Status(std::string_view payload)>& apply);

class LogWriter {
 public:
  /// A new file with a synced header; its name is durable when the caller has synced the directory. `sync`
  /// false: the header is durable after the first Sync only.
  static Result<std::unique_ptr<LogWriter>> Create(cocozvec::FileSystem& fs, const std::string& path,
                                                   FileHeader header, bool sync = true);
  /// Goes on after ReadLog: cuts a torn record off, writes anew what may never have reached the disk, and
  /// syncs.
  static Result<std::unique_ptr<LogWriter>> Continue(std::unique_ptr<cocozvec::File> file,
                                                     const LogContent& content);
  /// As Continue, of a log that this process made a moment ago and has not synced: writes and syncs nothing.
  static std::unique_ptr<LogWriter> ContinueUnsynced(std::unique_ptr<cocozvec::File> file,
                                                     const LogContent& content);
  /// The file got another name: the messages shall say it.
  Status Reopen(cocozvec::FileSystem& fs, const std::string& path);

  /// `record` is kRecordHeaderBytes bytes, which become the header, and the payload. Not durable before Sync.
  /// When the disk was full and the record could be taken back, the log can go on; after any other failure it
  /// is broken. `sync_follows`: Sync is called soon, so the disk may begin with what is written.
  Status Append(std::string& record, bool sync_follows, RecordKind kind = RecordKind::kBatch);
  /// After a failure the log is broken: what was not synced is cut off where `keep_unsynced` allows it.
  Status Sync(bool keep_unsynced);
  /// Syncs, and marks the end as orderly.
  Status Close();

  /// Why nothing can be written any more; OK while it can.
  const Status& broken() const noexcept { return broken_; }
  const LogPosition& position() const noexcept { return at_; }
  const std::string& path() const noexcept { return file_->path(); }

 private:
  LogWriter(std::unique_ptr<cocozvec::File> file, std::uint64_t number, std::uint64_t collection,
            LogPosition at)
      : file_(std::move(file)), number_(number), collection_(collection), at_(at), on_disk_(at) {}
  Status Break(Status why);
  Status Write(std::uint64_t offset, std::string_view bytes, bool sync_follows);

  std::unique_ptr<cocozvec::File> file_;
  std::uint64_t number_, collection_;
  LogPosition at_;
  LogPosition on_disk_;  ///< the state at the last successful sync
  Status broken_;
};

}  // namespace zvec::inline v0
