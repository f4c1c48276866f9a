#include "seal.h"

#include <algorithm>
#include <charconv>

#include "base/checksum.h"
#include "fuzz.h"

namespace fuzz {
namespace {

constexpr std::size_t kRecordHeader = 56;
constexpr std::size_t kNoteAt = 112, kNoteEnd = 192, kPublicationAt = 256;  // in LOCK

void Put(std::string& file, std::size_t at, std::uint64_t value) {
  if (at <= file.size() && file.size() - at >= sizeof(value))
    std::memcpy(file.data() + at, &value, sizeof(value));
}

std::uint64_t Sum(const std::string& file, std::size_t at, std::size_t size) {
  return cocozvec::ChecksumAt({reinterpret_cast<const std::byte*>(file.data()) + at, size},
                              Get<std::uint64_t>(file, 24), at, Get<std::uint64_t>(file, 16));
}

struct Table {
  bool segment;  ///< sections have a kind, a field and blocks of a size of their own
  std::size_t at, end;
};

/// One section's blocks; false: the table ends, or does not follow its format.
bool SealSection(std::string& file, Table& table) {
  const std::size_t fixed = table.segment ? 33 : 20;
  if (table.end - table.at < fixed) return false;
  const auto kind = table.segment ? Get<std::uint8_t>(file, table.at) : 0;
  const std::size_t numbers = table.at + (table.segment ? 5 : 0);
  const auto offset = Get<std::uint64_t>(file, numbers), size = Get<std::uint64_t>(file, numbers + 8);
  const auto block_bytes = table.segment ? Get<std::uint64_t>(file, numbers + 16) : 64 << 10;
  const std::uint64_t count = Get<std::uint32_t>(file, table.at + fixed - 4);
  const std::size_t ends = table.at + fixed;
  const bool listed = kind == 1 || kind == 3;  // each block's end stands in the table
  const std::size_t each = listed ? 16 : 8;
  if (count > (table.end - ends) / each) return false;
  const std::size_t sums = listed ? ends + 8 * count : ends;
  std::uint64_t begin = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t most = begin > size ? begin : block_bytes > size - begin ? size : begin + block_bytes;
    const std::uint64_t end = listed ? Get<std::uint64_t>(file, ends + 8 * i) : most;
    if (begin <= end && offset <= file.size() && end <= file.size() - offset)
      Put(file, sums + 8 * i, Sum(file, offset + begin, end - begin));
    begin = end;
  }
  table.at = sums + 8 * count;
  return true;
}

void SealSections(std::string& file, bool segment) {
  if (file.size() < kHeaderBytes) return;
  const auto begin = Get<std::uint64_t>(file, 40);
  if (begin >= kHeaderBytes && begin <= file.size()) {
    Table table{segment, std::min<std::size_t>(begin + (segment ? 4 : 0), file.size()), file.size()};
    while (SealSection(file, table)) {
    }
    Put(file, 48, Sum(file, begin, file.size() - begin));
  }
  SealHeader(file);
}

}  // namespace

void SealHeader(std::string& file) {
  if (file.size() >= kHeaderBytes) Put(file, 56, Sum(file, 0, 56));
}

void SealBody(std::string& file, bool size) {
  if (file.size() < kHeaderBytes) return;
  if (size) Put(file, 32, file.size() - kHeaderBytes);
  Put(file, 40, Sum(file, kHeaderBytes, file.size() - kHeaderBytes));
  SealHeader(file);
}

void SealLog(std::string& file, bool size) {
  if (file.size() < kHeaderBytes) return;
  SealHeader(file);
  auto previous = Get<std::uint64_t>(file, 56);
  for (std::size_t at = kHeaderBytes; file.size() - at >= kRecordHeader;) {
    const std::size_t payload = at + kRecordHeader, left = file.size() - payload;
    if (size && Get<std::uint64_t>(file, at + 8) > left) Put(file, at + 8, left);
    const auto bytes = Get<std::uint64_t>(file, at + 8);
    if (bytes <= left) Put(file, at + 40, Sum(file, payload, bytes));
    Put(file, at + 32, previous);
    previous = Sum(file, at, 48);
    Put(file, at + 48, previous);
    if (bytes > left) break;
    at = payload + bytes;
  }
}

void SealSegment(std::string& file) { SealSections(file, true); }
void SealIndex(std::string& file) { SealSections(file, false); }

void SealMark(std::string& file, bool size) {
  if (file.size() < kHeaderBytes) return;
  if (size) Put(file, 32, file.size() - kHeaderBytes);
  Put(file, 40, cocozvec::Checksum(std::string_view(file).substr(kHeaderBytes)));
  SealHeader(file);
}

void SealLock(std::string& file, std::uint64_t collection) {
  if (file.size() >= kPublicationAt + 64) {
    const auto publisher = Get<std::uint64_t>(file, kPublicationAt + 16);
    const auto* block = reinterpret_cast<const std::byte*>(file.data()) + kPublicationAt;
    Put(file, kPublicationAt + 56, cocozvec::ChecksumAt({block, 56}, 0, kPublicationAt, publisher));
  }
  if (file.size() < kNoteEnd) return;
  constexpr std::string_view kStart = "log ", kMiddle = " closed at ", kBehind = ", ";
  const std::string_view line = std::string_view(file).substr(kNoteAt, kNoteEnd - kNoteAt);
  const std::size_t middle = line.find(kMiddle), text = line.find(kBehind) + kBehind.size();
  if (!line.starts_with(kStart) || middle == line.npos || text < middle || text + 16 > line.size()) return;
  std::uint64_t log = 0, end = 0;
  (void)std::from_chars(line.data() + kStart.size(), line.data() + middle, log);
  (void)std::from_chars(line.data() + middle + kMiddle.size(), line.data() + text - kBehind.size(), end);
  std::uint64_t left =
      cocozvec::ChecksumAt({reinterpret_cast<const std::byte*>(line.data()), text}, log, end, collection);
  for (std::size_t i = 0; i < 16; ++i, left <<= 4) file[kNoteAt + text + i] = "0123456789abcdef"[left >> 60];
}

void SealFile(std::string_view name, std::string& file) {
  if (name.starts_with("MANIFEST-") || name.starts_with("deletes-")) SealBody(file, /*size=*/false);
  if (name.starts_with("log-")) SealLog(file, /*size=*/false);
  if (name.starts_with("segment-")) SealSegment(file);
  if (name.starts_with("index-")) SealIndex(file);
  if (name == "MARK") SealMark(file, /*size=*/false);
}

}  // namespace fuzz
