// zvec/storage/log_format.h: the header of a record. docs/format/log.md
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/checksum.h"
#include "zvec/storage/log.h"

namespace zvec::inline v0 {

struct RecordHeader {
  std::uint32_t magic = kRecordMagic;
  std::uint32_t kind = 0;
  std::uint64_t payload_size = 0;
  std::uint64_t sequence = 0;
  std::uint64_t synced_to = 0;
  std::uint64_t previous = 0;
  std::uint64_t payload_checksum = 0;
  std::uint64_t header_checksum = 0;
};
static_assert(sizeof(RecordHeader) == kRecordHeaderBytes);
static_assert(offsetof(RecordHeader, payload_size) == 8 && offsetof(RecordHeader, header_checksum) == 48);

inline std::uint64_t HeaderChecksum(const RecordHeader& header, std::uint64_t number, std::uint64_t offset,
                                    std::uint64_t collection) {
  const auto* bytes = reinterpret_cast<const std::byte*>(&header);
  return cocozvec::ChecksumAt({bytes, offsetof(RecordHeader, header_checksum)}, number, offset, collection);
}

}  // namespace zvec::inline v0
