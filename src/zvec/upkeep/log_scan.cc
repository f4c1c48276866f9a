#include "zvec/upkeep/log_scan.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "zvec/storage/log_format.h"
#include "zvec/upkeep/pieces.h"

namespace zvec::inline v0 {

using cocozvec::ChecksumAt;
using cocozvec::File;

namespace {

class Scanner {
 public:
  Scanner(const File& file, const LogPlace& place, Notes* notes,
          const std::function<Status(std::string_view)>& apply)
      : file_(file), place_(place), notes_(notes), apply_(apply) {}

  Result<LogScan> RunHeader() {
    const auto size = file_.Size();
    if (!size.ok()) return Unreadable(size.status());
    scan_.bytes = *size;
    ZVEC_RETURN_IF_ERROR(CheckHeader());
    return scan_;
  }

  Result<LogScan> Run() {
    const auto size = file_.Size();
    if (!size.ok()) return Unreadable(size.status());
    scan_.bytes = *size;
    ZVEC_RETURN_IF_ERROR(CheckHeader());
    if (scan_.foreign) return scan_;
    // Nobody makes a log without a header: its records are gone with it, whether a note says so or not.
    if (scan_.bytes < kFileHeaderBytes) scan_.cut = true;
    // As an open judges it: what that forgives is no damage.
    const auto read =
        ReadLog(file_, place_.number, place_.collection, [](std::string_view) { return Status(); });
    if (read.ok()) scan_.bytes = read->file_size;  // a writer may have appended since
    const std::uint64_t limit = read.ok() ? read->position.end : scan_.bytes;
    scan_.unfinished_bytes = scan_.bytes - limit;
    scan_.end = std::min<std::uint64_t>(kFileHeaderBytes, scan_.bytes);
    for (std::uint64_t at = kFileHeaderBytes; at < limit;) {
      ZVEC_ASSIGN_OR_RETURN(at, Step(at));
    }
    if (damaged_) ++scan_.lost_calls;  // at least one, and nothing behind it says how many
    CheckClosed();
    return scan_;
  }

 private:
  enum class Kind { kWhole, kBadPayload, kTooLong, kNone };

  Result<LogScan> Unreadable(const Status& status) {
    Damage(0, 0, std::string(status.message()));
    ++scan_.lost_calls;
    return scan_;
  }

  void Damage(std::uint64_t offset, std::uint64_t size, std::string what) {
    scan_.whole = false;
    if (notes_ != nullptr) notes_->Add(offset, size, std::move(what));
  }

  bool Read(std::uint64_t offset, std::span<std::byte> out) {
    const auto got = file_.ReadAt(offset, out);
    return got.ok() && *got == out.size();
  }

  /// Errors   kUnimplemented (a newer format).
  Status CheckHeader() {
    std::string bytes(std::min<std::uint64_t>(kFileHeaderBytes, scan_.bytes), '\0');
    if (!Read(0, std::as_writable_bytes(std::span(bytes)))) {
      Damage(0, kFileHeaderBytes, "the header cannot be read");
      return {};
    }
    const auto header = DecodeFileHeader(kLogMagic, bytes, place_.number, file_.path());
    if (header.status().code() == StatusCode::kUnimplemented) return header.status();
    if (!header.ok()) {
      scan_.whole = false;
      if (notes_ != nullptr) notes_->Add(header.status());
    } else if (header->collection != place_.collection ||
               (place_.header_checksum && header->checksum != *place_.header_checksum)) {
      scan_.foreign = true;
      Damage(0, kFileHeaderBytes, "this is not the log that the manifest names");
    } else {
      scan_.first_sequence = scan_.next_sequence = header->a;
      previous_ = header->checksum;
    }
    return {};
  }

  bool Valid(const RecordHeader& header, std::uint64_t offset) const {
    return header.magic == kRecordMagic &&
           header.header_checksum == HeaderChecksum(header, place_.number, offset, place_.collection);
  }

  Kind ReadRecord(std::uint64_t at, RecordHeader* header) {
    const std::uint64_t left = scan_.bytes - at;
    if (left < kRecordHeaderBytes || !Read(at, std::as_writable_bytes(std::span(header, 1))) ||
        !Valid(*header, at))
      return Kind::kNone;
    if (header->payload_size > left - kRecordHeaderBytes) return Kind::kTooLong;
    payload_.resize(header->payload_size);
    const std::uint64_t offset = at + kRecordHeaderBytes;
    const bool whole =
        Read(offset, std::as_writable_bytes(std::span(payload_))) &&
        ChecksumAt(AsBytes(payload_), place_.number, offset, place_.collection) == header->payload_checksum;
    return whole ? Kind::kWhole : Kind::kBadPayload;
  }

  /// Judges what begins at `at`; returns where to go on.
  Result<std::uint64_t> Step(std::uint64_t at) {
    RecordHeader header;
    switch (ReadRecord(at, &header)) {
      case Kind::kWhole:
        return Accept(header, at);
      case Kind::kBadPayload: {
        const std::uint64_t end = at + kRecordHeaderBytes + header.payload_size;
        damaged_ = true;
        Damage(at, end - at, "record " + std::to_string(header.sequence) + " does not match its checksum");
        return end;
      }
      case Kind::kTooLong:
        damaged_ = true;
        Damage(at, scan_.bytes - at,
               "record " + std::to_string(header.sequence) + " of " + std::to_string(header.payload_size) +
                   " bytes ends behind the file");
        return scan_.bytes;
      case Kind::kNone:
        break;
    }
    const std::uint64_t next = FindRecord(at + 1);
    // The record that closed the log holds no write.
    const bool close = next == scan_.bytes && next - at == kRecordHeaderBytes && next == place_.closed_at;
    damaged_ |= !close;
    Damage(at, next - at,
           next < scan_.bytes
               ? "no record begins here; the next whole header is at byte " + std::to_string(next)
               : std::string("no record begins here, and none follows"));
    return next;
  }

  Result<std::uint64_t> Accept(const RecordHeader& header, std::uint64_t at) {
    const std::uint64_t end = at + kRecordHeaderBytes + header.payload_size;
    const bool known = scan_.next_sequence != 0;
    const bool broken =
        known && !damaged_ && (header.sequence != scan_.next_sequence || header.previous != previous_);
    if (broken)
      Damage(at, end - at,
             "record " + std::to_string(header.sequence) + " stands where record " +
                 std::to_string(scan_.next_sequence) + " belongs");
    if (known && header.sequence > scan_.next_sequence)
      scan_.lost_calls += header.sequence - scan_.next_sequence;
    else if (damaged_ || broken)
      ++scan_.lost_calls;  // of unknown number
    damaged_ = false;
    scan_.next_sequence = header.sequence + 1;
    previous_ = header.header_checksum;
    scan_.end = end;
    ++scan_.records;
    Status status;
    if (header.kind == static_cast<std::uint32_t>(RecordKind::kBatch))
      status = apply_(payload_);
    else if (header.kind != static_cast<std::uint32_t>(RecordKind::kClose))
      status = Status::DataLoss("its kind " + std::to_string(header.kind) + " is not known");
    if (status.ok()) return end;
    if (status.code() != StatusCode::kDataLoss) return status;
    ++scan_.lost_calls;
    Damage(at, end - at, "record " + std::to_string(header.sequence) + ": " + std::string(status.message()));
    return end;
  }

  /// The next place at or behind `from` where a whole record header stands; the end of the file else.
  std::uint64_t FindRecord(std::uint64_t from) {
    constexpr std::uint64_t kWindow = 1 << 20;
    std::string window;
    for (; from + kRecordHeaderBytes <= scan_.bytes; from += kWindow) {
      window.resize(std::min<std::uint64_t>(kWindow + kRecordHeaderBytes - 1, scan_.bytes - from));
      ReadAround(file_, from, std::as_writable_bytes(std::span(window)));
      for (std::size_t i = 0; i + kRecordHeaderBytes <= window.size(); ++i) {
        RecordHeader header;
        std::memcpy(&header.magic, window.data() + i, sizeof(header.magic));
        if (header.magic != kRecordMagic) continue;
        std::memcpy(&header, window.data() + i, sizeof(header));
        if (Valid(header, from + i)) return from + i;
      }
    }
    return scan_.bytes;
  }

  void CheckClosed() {
    if (place_.closed_at <= scan_.end) return;
    const bool cut = scan_.bytes < place_.closed_at || scan_.whole;
    scan_.cut |= cut;
    if (cut)
      Damage(scan_.end, place_.closed_at - scan_.end,
             "the log ends here, and it was closed at byte " + std::to_string(place_.closed_at));
  }

  const File& file_;
  const LogPlace place_;
  Notes* const notes_;
  const std::function<Status(std::string_view)>& apply_;
  LogScan scan_;
  std::uint64_t previous_ = 0;
  std::string payload_;
  bool damaged_ = false;  ///< between the last whole record and here
};

}  // namespace

Result<LogScan> ScanLogHeader(const File& file, const LogPlace& place) {
  return Scanner(file, place, nullptr, {}).RunHeader();
}

Result<LogScan> ScanLog(const File& file, const LogPlace& place, Notes* notes,
                        const std::function<Status(std::string_view payload)>& apply) {
  return Scanner(file, place, notes, apply).Run();
}

}  // namespace zvec::inline v0
