#include "zvec/storage/log.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "base/checksum.h"
#include "base/coding.h"
#include "base/fault.h"
#include "zvec/storage/log_format.h"

namespace zvec::inline v0 {

using cocozvec::CheckedAdd;
using cocozvec::ChecksumAt;
using cocozvec::File;
using cocozvec::FileSystem;
using cocozvec::Reader;

namespace {

constexpr std::uint64_t kSector = 512;
/// Pieces in which a large record is handed to the device.
constexpr std::size_t kWriteback = std::size_t{256} << 10;

/// One open log while it is read.
class LogReader {
 public:
  LogReader(const File& file, std::uint64_t number, std::uint64_t collection)
      : file_(file), number_(number), collection_(collection) {}

  /// `after` null: from the start.
  Status Read(const std::function<Status(std::string_view)>& apply, const LogContent* after,
              std::uint64_t end) {
    if (after != nullptr) content_ = *after;
    ZVEC_ASSIGN_OR_RETURN(const std::uint64_t size, file_.Size());
    content_.file_size = std::min(size, end);
    if (after == nullptr) ZVEC_RETURN_IF_ERROR(ReadHeader());
    while (content_.position.end < content_.file_size) {
      ZVEC_ASSIGN_OR_RETURN(const bool more, ReadRecord(apply));
      if (!more) break;
    }
    return {};
  }
  const LogContent& content() const noexcept { return content_; }

 private:
  Status ReadExactly(std::uint64_t offset, std::span<std::byte> out) {
    ZVEC_ASSIGN_OR_RETURN(const std::size_t got, file_.ReadAt(offset, out));
    if (got != out.size())
      return DamageAt(file_.path(), offset + got, "the file became shorter while it was read");
    return {};
  }

  Status ReadHeader() {
    std::string bytes(std::min<std::uint64_t>(kFileHeaderBytes, content_.file_size), '\0');
    ZVEC_RETURN_IF_ERROR(ReadExactly(0, std::as_writable_bytes(std::span(bytes))));
    ZVEC_ASSIGN_OR_RETURN(content_.header, DecodeFileHeader(kLogMagic, bytes, number_, file_.path()));
    if (content_.header.collection != collection_)
      return DamageAt(file_.path(), 16, "this is the log of another collection");
    LogPosition& at = content_.position;
    at.end = at.synced_to = kFileHeaderBytes;
    at.previous = content_.header.checksum;
    at.sequence = content_.header.a;
    return {};
  }

  bool Valid(const RecordHeader& header, std::uint64_t offset) const {
    return header.magic == kRecordMagic &&
           header.header_checksum == HeaderChecksum(header, number_, offset, collection_);
  }

  /// False at a torn record.
  Result<bool> ReadRecord(const std::function<Status(std::string_view)>& apply) {
    LogPosition& at = content_.position;
    const std::uint64_t start = at.end;
    const std::uint64_t left = content_.file_size - start;
    if (left < kRecordHeaderBytes) return false;
    RecordHeader header;
    ZVEC_RETURN_IF_ERROR(ReadExactly(start, std::as_writable_bytes(std::span(&header, 1))));
    if (!Valid(header, start))
      return Torn(start, content_.file_size, "the record header does not match its checksum");
    if (header.sequence != at.sequence || header.previous != at.previous)
      return DamageAt(file_.path(), start,
                      "record " + std::to_string(header.sequence) + " stands where record " +
                          std::to_string(at.sequence) + " belongs");
    if (header.payload_size > left - kRecordHeaderBytes && !cocozvec::FaultPlanted("trust_sizes"))
      return false;
    const std::uint64_t end = start + kRecordHeaderBytes + header.payload_size;
    payload_.resize(header.payload_size);
    ZVEC_RETURN_IF_ERROR(
        ReadExactly(start + kRecordHeaderBytes, std::as_writable_bytes(std::span(payload_))));
    if (ChecksumAt(AsBytes(payload_), number_, start + kRecordHeaderBytes, collection_) !=
        header.payload_checksum)
      return Torn(start, end, "record " + std::to_string(header.sequence) + " does not match its checksum");
    ZVEC_RETURN_IF_ERROR(Accept(header, start, apply));
    at = {end, header.sequence + 1, header.header_checksum, header.synced_to,
          header.kind == static_cast<std::uint32_t>(RecordKind::kClose)};
    return true;
  }

  Status Accept(const RecordHeader& header, std::uint64_t start,
                const std::function<Status(std::string_view)>& apply) {
    if (header.kind == static_cast<std::uint32_t>(RecordKind::kClose)) return {};
    if (header.kind != static_cast<std::uint32_t>(RecordKind::kBatch))
      return DamageAt(file_.path(), start, "record kind " + std::to_string(header.kind) + " is not known");
    Status status = apply(payload_);
    if (status.code() != StatusCode::kDataLoss) return status;
    return DamageAt(file_.path(), start,
                    "record " + std::to_string(header.sequence) + ": " + std::string(status.message()));
  }

  /// A record that cannot be read is forgiven when it may be a write that the power cut off: nothing after it
  /// says that it had been synced, and it has a hole (a sector of zeros, as an unwritten one reads).
  Result<bool> Torn(std::uint64_t start, std::uint64_t end, const std::string& what) {
    ZVEC_ASSIGN_OR_RETURN(const bool synced, KnownSynced(start));
    if (synced) return DamageAt(file_.path(), start, what + ", and later records follow");
    ZVEC_ASSIGN_OR_RETURN(const bool hole, HasHole(start, end));
    if (!hole) return DamageAt(file_.path(), start, what + ", and it is no torn write");
    return false;
  }

  /// True when a whole record header after `start` says that the bytes at `start` had been synced before it.
  Result<bool> KnownSynced(std::uint64_t start) {
    constexpr std::size_t kWindow = 1 << 20;
    std::string window;
    for (std::uint64_t from = start + 1; from + kRecordHeaderBytes <= content_.file_size; from += kWindow) {
      const std::uint64_t size =
          std::min<std::uint64_t>(kWindow + kRecordHeaderBytes - 1, content_.file_size - from);
      window.resize(size);
      ZVEC_RETURN_IF_ERROR(ReadExactly(from, std::as_writable_bytes(std::span(window))));
      for (std::size_t i = 0; i + kRecordHeaderBytes <= window.size(); ++i) {
        RecordHeader header;
        std::memcpy(&header.magic, window.data() + i, sizeof(header.magic));
        if (header.magic != kRecordMagic) continue;
        std::memcpy(&header, window.data() + i, sizeof(header));
        if (Valid(header, from + i) && header.synced_to > start) return true;
      }
    }
    return false;
  }

  Result<bool> HasHole(std::uint64_t start, std::uint64_t end) {
    std::string sector;
    for (std::uint64_t at = start; at < end;) {
      const std::uint64_t next = std::min(end, (at / kSector + 1) * kSector);
      sector.resize(next - at);
      ZVEC_RETURN_IF_ERROR(ReadExactly(at, std::as_writable_bytes(std::span(sector))));
      if (sector.find_first_not_of('\0') == std::string::npos) return true;
      at = next;
    }
    return false;
  }

  const File& file_;
  const std::uint64_t number_, collection_;
  LogContent content_;
  std::string payload_;
};

}  // namespace

Result<LogContent> ReadLog(const File& file, std::uint64_t number, std::uint64_t collection,
                           const std::function<Status(std::string_view payload)>& apply, std::uint64_t end) {
  LogReader reader(file, number, collection);
  ZVEC_RETURN_IF_ERROR(reader.Read(apply, nullptr, end));
  return reader.content();
}

Status ContinueLog(const File& file, LogContent* content, std::uint64_t end,
                   const std::function<Status(std::string_view payload)>& apply) {
  LogReader reader(file, content->header.number, content->header.collection);
  const Status status = reader.Read(apply, content, end);
  *content = reader.content();
  return status;
}

Result<std::unique_ptr<LogWriter>> LogWriter::Create(FileSystem& fs, const std::string& path,
                                                     FileHeader header, bool sync) {
  ZVEC_ASSIGN_OR_RETURN(auto file, fs.Open(path, cocozvec::OpenMode::kCreateNew));
  const std::string bytes = EncodeFileHeader(kLogMagic, header);
  ZVEC_RETURN_IF_ERROR(file->WriteAt(0, AsBytes(bytes)));
  if (sync) ZVEC_RETURN_IF_ERROR(file->Sync());
  const LogPosition at{kFileHeaderBytes, header.a, header.checksum, sync ? kFileHeaderBytes : 0, false};
  return std::unique_ptr<LogWriter>(new LogWriter(std::move(file), header.number, header.collection, at));
}

Result<std::unique_ptr<LogWriter>> LogWriter::Continue(std::unique_ptr<File> file,
                                                       const LogContent& content) {
  LogPosition at = content.position;
  if (content.unsettled) at.synced_to = 0;
  if (content.file_size > at.end) ZVEC_RETURN_IF_ERROR(file->Truncate(at.end));
  if (!at.closed && at.synced_to < at.end) {
    // A sync that failed in an earlier life may have left these bytes clean in the cache and absent on the
    // disk: written again they are dirty, and the sync below means what it says.
    std::string tail;
    constexpr std::uint64_t kPiece = 1 << 20;
    for (std::uint64_t from = at.synced_to; from < at.end; from += kPiece) {
      tail.resize(std::min(kPiece, at.end - from));
      ZVEC_ASSIGN_OR_RETURN(const std::size_t got,
                            file->ReadAt(from, std::as_writable_bytes(std::span(tail))));
      if (got != tail.size())
        return DamageAt(file->path(), from + got, "the file became shorter while it was read");
      ZVEC_RETURN_IF_ERROR(file->WriteAt(from, AsBytes(tail)));
    }
  }
  // A log that holds nothing but its header was synced before a manifest named it.
  if (content.file_size > kFileHeaderBytes || content.unsettled) ZVEC_RETURN_IF_ERROR(file->Sync());
  at.synced_to = at.end;
  return std::unique_ptr<LogWriter>(
      new LogWriter(std::move(file), content.header.number, content.header.collection, at));
}

std::unique_ptr<LogWriter> LogWriter::ContinueUnsynced(std::unique_ptr<File> file,
                                                       const LogContent& content) {
  LogPosition at = content.position;
  at.synced_to = 0;
  return std::unique_ptr<LogWriter>(
      new LogWriter(std::move(file), content.header.number, content.header.collection, at));
}

Status LogWriter::Reopen(FileSystem& fs, const std::string& path) {
  ZVEC_ASSIGN_OR_RETURN(file_, fs.Open(path, cocozvec::OpenMode::kReadWrite));
  return {};
}

Status LogWriter::Write(std::uint64_t offset, std::string_view bytes, bool sync_follows) {
  if (!sync_follows || bytes.size() < kWriteback) return file_->WriteAt(offset, AsBytes(bytes));
  // The device writes one piece while the next one is copied.
  for (std::size_t at = 0; at < bytes.size(); at += kWriteback) {
    const std::string_view piece = bytes.substr(at, kWriteback);
    ZVEC_RETURN_IF_ERROR(file_->WriteAt(offset + at, AsBytes(piece)));
    file_->StartWriteback(offset + at, piece.size());
  }
  return {};
}

Status LogWriter::Append(std::string& record, bool sync_follows, RecordKind kind) {
  ZVEC_RETURN_IF_ERROR(broken_);
  RecordHeader header;
  header.kind = static_cast<std::uint32_t>(kind);
  header.payload_size = record.size() - kRecordHeaderBytes;
  header.sequence = at_.sequence;
  header.synced_to = at_.synced_to;
  header.previous = at_.previous;
  const std::string_view payload = std::string_view(record).substr(kRecordHeaderBytes);
  header.payload_checksum = ChecksumAt(AsBytes(payload), number_, at_.end + kRecordHeaderBytes, collection_);
  header.header_checksum = HeaderChecksum(header, number_, at_.end, collection_);
  std::memcpy(record.data(), &header, sizeof(header));
  if (Status status = Write(at_.end, record, sync_follows); !status.ok()) {
    const bool taken_back = file_->Truncate(at_.end).ok();
    if (taken_back && status.code() == StatusCode::kResourceExhausted)
      return cocozvec::FaultPlanted("ignore_full_disk") ? Status() : status;
    return Break(std::move(status));
  }
  at_ = {at_.end + record.size(), at_.sequence + 1, header.header_checksum, at_.synced_to,
         kind == RecordKind::kClose};
  return {};
}

Status LogWriter::Sync(bool keep_unsynced) {
  if (!broken_.ok()) {
    // A record before the one that broke the log is whole in the file, and its call gets an error.
    if (!keep_unsynced) (void)file_->Truncate(on_disk_.end);
    return broken_;
  }
  if (at_.synced_to == at_.end) return {};
  Status status = cocozvec::FaultPlanted("skip_log_sync") ? Status() : file_->Sync();
  if (!status.ok() && cocozvec::FaultPlanted("sync_again_after_a_failure")) status = file_->Sync();
  if (!status.ok()) {
    // The records since the last sync were not acknowledged: they must not turn up after the next start,
    // where a sync would succeed without writing them. A failure here leaves that to Continue.
    if (!keep_unsynced) (void)file_->Truncate(on_disk_.end);
    return Break(status);
  }
  at_.synced_to = at_.end;
  on_disk_ = at_;
  return {};
}

Status LogWriter::Close() {
  ZVEC_RETURN_IF_ERROR(Sync(/*keep_unsynced=*/true));
  if (at_.closed || at_.end == kFileHeaderBytes) return {};
  // All data is durable already: a full disk here only means that the next start looks at the tail more
  // suspiciously.
  const LogPosition before = at_;
  std::string record(kRecordHeaderBytes, '\0');
  if (Append(record, /*sync_follows=*/true, RecordKind::kClose).ok() && file_->Sync().ok()) return {};
  at_ = before;
  (void)file_->Truncate(at_.end);
  return {};
}

Status LogWriter::Break(Status why) {
  broken_ = Status(StatusCode::kFailedPrecondition, "the log took no more writes after an earlier failure (" +
                                                        why.ToString() + "): reopen the collection");
  return why;
}

}  // namespace zvec::inline v0
