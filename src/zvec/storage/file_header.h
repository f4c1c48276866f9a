// zvec/storage/file_header.h: the first 64 bytes of every file of a collection, the same in every version of
// every kind.
//
//   offset size field
//        0    8 magic        what kind of file: "ZVECMAN\n", "ZVECLOG\n", "ZVECSEG\n", "ZVECDEL\n",
//                          "ZVECIDX\n", "ZVECSPX\n"
//        8    4 version      of the format of this kind
//       12    4 zero
//       16    8 collection   random number of the collection
//       24    8 number       of the file, as in its name
//       32   24 a, b, c      the kind's own
//       56    8 checksum     ChecksumAt(bytes 0 .. 55, number, 0, collection)
// The version is trusted only under the checksum, so that a damaged byte is never taken for a newer format.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/io/file_system.h"
#include "zvec/schema.h"

namespace zvec::inline v0 {

inline constexpr std::size_t kFileHeaderBytes = 64;
inline constexpr std::string_view kManifestMagic = "ZVECMAN\n";
inline constexpr std::string_view kLogMagic = "ZVECLOG\n";
inline constexpr std::string_view kSegmentMagic = "ZVECSEG\n";
inline constexpr std::string_view kDeletesMagic = "ZVECDEL\n";
inline constexpr std::string_view kIndexMagic = "ZVECIDX\n";
inline constexpr std::string_view kSparseMagic = "ZVECSPX\n";
inline constexpr std::uint32_t kFormatVersion = 1;

struct FileHeader {
  std::uint32_t version = kFormatVersion;
  std::uint64_t collection = 0;
  std::uint64_t number = 0;
  std::uint64_t a = 0, b = 0, c = 0;
  std::uint64_t checksum = 0;  ///< filled by EncodeFileHeader and DecodeFileHeader
};

/// 64 bytes.
std::string EncodeFileHeader(std::string_view magic, FileHeader& header);

/// `newest`: the newest version of this kind that can be read.
/// Errors   kDataLoss (short, magic, checksum, another file's number), kUnimplemented (a newer version: both
/// numbers).
Result<FileHeader> DecodeFileHeader(std::string_view magic, std::string_view bytes, std::uint64_t number,
                                    const std::string& path, std::uint32_t newest = kFormatVersion);

/// True when the file begins so; nothing else is looked at. kNotFound, kIoError ...: it could not be looked
/// at.
Result<bool> HasMagic(cocozvec::FileSystem& fs, const std::string& path, std::string_view magic);

/// kDataLoss "<path>: at byte <offset>: <what>".
Status DamageAt(const std::string& path, std::uint64_t offset, std::string_view what);

inline std::span<const std::byte> AsBytes(std::string_view text) noexcept {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

}  // namespace zvec::inline v0
