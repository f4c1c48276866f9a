// zvec/upkeep/collection_scan.h: everything about a collection's files, whole or not: what Verify reports and
// Repair works with. Threads: one at a time.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "zvec/storage/bitmap.h"
#include "zvec/upkeep/log_scan.h"
#include "zvec/upkeep/segment_scan.h"
#include "zvec/upkeep/source.h"

namespace zvec::inline v0 {

struct ScannedSegment {
  std::shared_ptr<const SegmentScan> rows;
  std::shared_ptr<const Bitmap> dead;  ///< null: nothing is deleted, or nobody knows (below)
  bool deletions_lost = false;
};

struct ScannedGeneration {
  const Manifest* manifest = nullptr;
  std::vector<ScannedSegment> segments;  ///< in storage order
  std::optional<LogScan> log;            ///< nothing: the file is missing

  bool segments_are_whole() const {
    for (const ScannedSegment& segment : segments)
      if (!segment.rows->rows_are_whole() || segment.deletions_lost) return false;
    return true;
  }
};

/// The worst first, then by place.
void SortFindings(VerifyReport& report);

class CollectionScan {
 public:
  /// Reads all of it. `source` outlives it. Errors   kUnimplemented (a newer format).
  static Result<std::unique_ptr<CollectionScan>> Run(const Source& source);

  const VerifyReport& report() const noexcept { return report_; }
  const Source& source() const noexcept { return source_; }
  /// Those with a manifest, the newest first.
  const std::vector<ScannedGeneration>& generations() const noexcept { return generations_; }
  /// How far the note of the last close says that this log came; 0: nothing.
  std::uint64_t ClosedAt(const Manifest& manifest, std::uint64_t log) const;

 private:
  explicit CollectionScan(const Source& source) : source_(source) {}
  void ScanNames();
  void ScanManifests();
  Status ScanGeneration(const Manifest& manifest, Harm harm);
  Result<ScannedSegment> ScanSegment(const Manifest& manifest, const SegmentEntry& entry, Harm harm);
  Status ScanDeletes(const Manifest& manifest, const SegmentEntry& entry, Harm harm, ScannedSegment* segment);
  Status ScanIndexes(const Manifest& manifest, const SegmentEntry& entry, Harm harm);
  Status ScanLogOf(const Manifest& manifest, Harm harm, ScannedGeneration* generation);
  void ScanNewerLogs();
  void ScanMark();
  /// Every id live once; how many documents there are.
  Status CountDocuments();
  Notes About(const std::string& name, Harm harm) { return {report_, harm, source_.PathOf(name)}; }

  const Source& source_;
  VerifyReport report_;
  std::vector<ScannedGeneration> generations_;
  std::map<std::uint64_t, std::shared_ptr<const SegmentScan>> segments_;
  std::map<std::uint64_t, ScannedSegment> deletes_;  ///< by number of the file
  std::map<std::uint64_t, LogScan> logs_;
  std::map<std::string, bool> seen_;     ///< index files
  std::map<std::string, bool> written_;  ///< by the newest log: the last thing it says of an id; true: put
};

}  // namespace zvec::inline v0
