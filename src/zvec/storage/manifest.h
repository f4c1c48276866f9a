// zvec/storage/manifest.h: what a collection consists of: schema, segments, deletions, log.
// docs/format/manifest.md One file per generation, MANIFEST-<generation>; the highest one counts.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/io/file_system.h"
#include "zvec/schema.h"
#include "zvec/storage/index_entry.h"
#include "zvec/storage/segment_writer.h"

namespace zvec::inline v0 {

struct SegmentEntry {
  SegmentFile file;

  std::uint64_t deletes_number =
      0;  ///< of the deletions file; 0: nothing deleted when the manifest was written
  std::uint64_t deletes_checksum = 0;    ///< of that file's header
  std::vector<IndexEntry> indexes = {};  ///< of its vector fields that have a graph
  bool operator==(const SegmentEntry&) const = default;
};

struct Manifest {
  std::uint64_t collection = 0;
  std::uint64_t generation = 0;
  std::uint64_t next_number = 1;  ///< for the next file
  std::uint64_t log_number = 0;
  std::uint64_t log_checksum = 0;  ///< of the log's header
  CollectionSchema schema;
  std::vector<SegmentEntry> segments;  ///< in storage order
  bool operator==(const Manifest&) const = default;
};

/// 1 has no indexes, 2 none of sparse fields; the oldest that suffices is written.
inline constexpr std::uint32_t kManifestVersion = 3;
inline constexpr std::uint64_t kMaxManifestBytes = std::uint64_t{256} << 20;

std::string EncodeManifest(const Manifest& manifest);
/// Errors   kDataLoss, kUnimplemented (a newer version).
Result<Manifest> DecodeManifest(std::string_view bytes, std::uint64_t generation, const std::string& path);

Result<Manifest> ReadManifest(cocozvec::FileSystem& fs, const std::string& directory,
                              std::uint64_t generation);

/// The first manifest of a directory that nobody can see yet: written and synced; so is the directory.
Status WriteFirstManifest(cocozvec::FileSystem& fs, const std::string& directory, const Manifest& manifest);

/// Makes the manifest the newest: written beside, synced, then renamed. Until the rename nothing has changed
/// (and
/// `*uncertain` stays false); when it is true after an error, either generation may be the one that is found
/// next time.
Status InstallManifest(cocozvec::FileSystem& fs, const std::string& directory, const Manifest& manifest,
                       bool* uncertain);

void EncodeSchema(const CollectionSchema& schema, std::string& out);
/// False when the bytes do not follow the format. The schema itself is not validated.
bool DecodeSchema(std::string_view bytes, CollectionSchema* schema);

}  // namespace zvec::inline v0
