// zvec/storage/segment_writer.h: writes chosen rows of other segments as one sealed segment.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "base/array.h"
#include "base/io/file_system.h"
#include "zvec/storage/segment_view.h"

namespace zvec::inline v0 {

struct RowRef {
  std::uint32_t source = 0;  ///< index into the sources
  std::uint32_t row = 0;
};
using RowRefs = cocozvec::LargeVector<RowRef>;

/// What the manifest says about a segment's file.
struct SegmentFile {
  std::uint64_t number = 0;
  std::uint64_t size_bytes = 0;
  std::uint64_t rows = 0;
  std::uint64_t header_checksum = 0;  ///< covers the section table, which covers every block
  bool operator==(const SegmentFile&) const = default;
};

/// Writes and syncs the file (its name is durable when the caller has synced the directory). `rows` are in
/// the order of the sources and, within one, ascending; no id occurs twice. On an error the file may be there
/// in part.
Result<SegmentFile> WriteSegment(cocozvec::FileSystem& fs, const std::string& path, std::uint64_t number,
                                 std::uint64_t collection, std::span<const SegmentView* const> sources,
                                 std::span<const RowRef> rows);

}  // namespace zvec::inline v0
