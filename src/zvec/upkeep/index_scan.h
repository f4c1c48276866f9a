// zvec/upkeep/index_scan.h: every block of the file of a graph or of sparse lists. docs/format/index.md,
// sparse.md Threads: plain functions.
#pragma once

#include <cstdint>

#include "base/io/file_system.h"
#include "zvec/index/file/section_file.h"
#include "zvec/schema.h"
#include "zvec/storage/index_entry.h"
#include "zvec/upkeep/notes.h"

namespace zvec::inline v0 {

/// Where a damaged part is found the rest is looked at, as far as the table can be read.
/// Errors   kUnimplemented (a newer format).
Status ScanIndex(const cocozvec::File& file, const IndexEntry& expected, std::uint64_t collection,
                 const index::SectionFormat& format, Notes& notes);

}  // namespace zvec::inline v0
