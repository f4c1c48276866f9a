// Verify, and what a collection takes on the disk.
#include <algorithm>

#include "zvec/collection.h"
#include "zvec/collection/file_system_of.h"
#include "zvec/collection/store.h"
#include "zvec/storage/deletes.h"
#include "zvec/storage/file_names.h"
#include "zvec/upkeep.h"
#include "zvec/upkeep/collection_scan.h"

namespace zvec::inline v0 {

using cocozvec::FileSystem;
using cocozvec::JoinPath;

namespace {
/// Beside a writer a file may be retired while it is looked for.
constexpr int kAttempts = 5;
}  // namespace

Result<VerifyReport> Verify(PathView path, const CollectionOptions& options) {
  for (int attempt = 1;; ++attempt) {
    ZVEC_ASSIGN_OR_RETURN(const Source source, Source::Open(FileSystemOf(options), path.str()));
    ZVEC_ASSIGN_OR_RETURN(const auto scan, CollectionScan::Run(source));
    VerifyReport report = scan->report();
    const bool moved = source.Superseded();
    if (!report.clean() && moved && attempt < kAttempts) continue;
    if (!report.only(Harm::kMark) || moved) return report;
    // Whatever this missed and an open notices is a finding, too.
    CollectionOptions reading = options;
    reading.read_only = true;
    if (const auto opened = Collection::Open(path, reading);
        opened.status().code() == StatusCode::kDataLoss) {
      report.findings.push_back({Harm::kDocuments, path.str(), 0, 0, std::string(opened.status().message())});
      SortFindings(report);
    }
    return report;
  }
}

namespace {

void AddPart(StorageStats& stats, const std::string& name, std::uint64_t bytes) {
  switch (ParseName(name)->kind) {
    case NameKind::kLog:
      stats.log_bytes += bytes;
      break;
    case NameKind::kSegment:
      stats.segment_bytes += bytes;
      break;
    case NameKind::kDeletes:
      stats.deletes_bytes += bytes;
      break;
    case NameKind::kIndex:
      stats.index_bytes += bytes;
      break;
    case NameKind::kManifest:
      stats.manifest_bytes += bytes;
      break;
    default:
      stats.other_bytes += bytes;
  }
}

std::uint64_t SizeOf(FileSystem& fs, const std::string& path) {
  auto info = fs.Stat(path);
  if (info.status().IsNotFound()) info = fs.Stat(path + ".tmp");  // of a collection that is not settled
  return info.ok() ? info->size : 0;
}

Result<SegmentStats> MeasureSegment(const Source& source, const Manifest& manifest,
                                    const SegmentEntry& entry) {
  SegmentStats stats{.number = entry.file.number, .rows = entry.file.rows};
  stats.bytes = entry.file.size_bytes;
  for (const IndexEntry& index : entry.indexes) stats.index_bytes += index.size_bytes;
  if (entry.deletes_number != 0) {
    const std::string path = source.PathOf(DeletesName(entry.deletes_number));
    ZVEC_ASSIGN_OR_RETURN(const Bitmap dead,
                          ReadDeletes(source.fs(), path, entry.deletes_number, manifest.collection,
                                      entry.file.number, entry.file.rows, entry.deletes_checksum));
    stats.deleted_rows = dead.Count();
  }
  return stats;
}

Result<StorageStats> Measure(const Source& source) {
  StorageStats stats;
  const Manifest* manifest = source.newest();
  if (manifest == nullptr) return Status::DataLoss(source.directory() + ": no manifest can be read");
  stats.generation = manifest->generation;
  const std::set<std::string> named = NamedFiles(*manifest);
  for (const std::string& name : named) AddPart(stats, name, SizeOf(source.fs(), source.PathOf(name)));
  for (const std::string_view name : {kLockName, kMarkName})
    AddPart(stats, std::string(name), SizeOf(source.fs(), source.PathOf(std::string(name))));
  for (const Generation& generation : source.generations())
    if (generation.manifest && &*generation.manifest != manifest)
      for (const std::string& name : NamedFiles(*generation.manifest))
        if (!named.contains(name)) stats.reserve_bytes += SizeOf(source.fs(), source.PathOf(name));
  for (const auto& [name, bytes] : source.Pinned()) stats.reserve_bytes += bytes;
  for (const auto& [name, bytes] : source.Leftovers()) stats.leftover_bytes += bytes;
  stats.live_bytes = stats.log_bytes + stats.manifest_bytes + stats.other_bytes;
  for (const SegmentEntry& entry : manifest->segments) {
    ZVEC_ASSIGN_OR_RETURN(const SegmentStats segment, MeasureSegment(source, *manifest, entry));
    const double share = segment.rows == 0 ? 0
                                           : static_cast<double>(segment.rows - segment.deleted_rows) /
                                                 static_cast<double>(segment.rows);
    stats.live_bytes +=
        static_cast<std::uint64_t>(static_cast<double>(segment.bytes + segment.index_bytes) * share);
    stats.segments.push_back(segment);
  }
  return stats;
}

}  // namespace

Result<StorageStats> MeasureStorage(PathView path, const CollectionOptions& options) {
  for (int attempt = 1;; ++attempt) {
    ZVEC_ASSIGN_OR_RETURN(const Source source, Source::Open(FileSystemOf(options), path.str()));
    auto stats = Measure(source);
    if (stats.status().IsNotFound() && source.Superseded() && attempt < kAttempts) continue;
    ZVEC_RETURN_IF_ERROR(stats.status());
    CollectionOptions reading = options;
    reading.read_only = true;
    ZVEC_ASSIGN_OR_RETURN(const auto collection, Collection::Open(path, reading));
    // Both of one moment, as far as files say it.
    if (source.Superseded() && attempt < kAttempts) continue;
    const CollectionStats live = collection->Stats();
    stats->documents = live.doc_count;
    stats->deleted_rows = live.deleted_count;
    stats->unlinked_rows = live.unlinked_rows;
    return stats;
  }
}

}  // namespace zvec::inline v0
