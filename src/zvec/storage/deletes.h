// zvec/storage/deletes.h: the file with the deleted rows of one sealed segment. docs/format/deletes.md
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/io/file_system.h"
#include "zvec/schema.h"
#include "zvec/storage/bitmap.h"

namespace zvec::inline v0 {

/// Writes and syncs; returns the checksum of the file's header.
Result<std::uint64_t> WriteDeletes(cocozvec::FileSystem& fs, const std::string& path, std::uint64_t number,
                                   std::uint64_t collection, std::uint64_t segment, const Bitmap& dead);

/// `bytes`: of the whole file. Errors   as ReadDeletes.
Result<Bitmap> DecodeDeletes(std::string_view bytes, const std::string& path, std::uint64_t number,
                             std::uint64_t collection, std::uint64_t segment, std::uint64_t rows,
                             std::uint64_t header_checksum);
/// A file with deletions of a segment of so many rows is no longer.
std::uint64_t MaxDeletesBytes(std::uint64_t rows) noexcept;

/// Errors   kDataLoss (also: another segment's, another version's, a row that the segment does not have),
/// kUnimplemented.
Result<Bitmap> ReadDeletes(cocozvec::FileSystem& fs, const std::string& path, std::uint64_t number,
                           std::uint64_t collection, std::uint64_t segment, std::uint64_t rows,
                           std::uint64_t header_checksum);

}  // namespace zvec::inline v0
