// cli/index_report.h: what a run of `index` did, in counts.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "program.h"

namespace cocozvec::cli {

struct FileCounts {
  std::uint64_t seen = 0;       ///< files of the folders that are candidates, the skipped ones included
  std::uint64_t processed = 0;  ///< read and split in this run, for good
  std::uint64_t unchanged = 0;
  std::uint64_t removed = 0;
  std::uint64_t skipped = 0;  ///< binary, too large, ...: reasons in IndexReport::skips
};

struct DocumentCounts {
  std::uint64_t upserted = 0, deleted = 0, unchanged = 0, total = 0;
};

struct IndexError {
  std::string path, message;
};

struct IndexReport {
  FileCounts files;
  DocumentCounts documents;
  std::uint64_t components_executed = 0;  ///< folders left out; 0 when nothing had changed
  std::uint64_t empty_pieces = 0;
  std::vector<RunNotes::Skip> skips;
  std::vector<IndexError> errors;
  bool interrupted = false;
  double seconds = 0;
};

FileCounts FileCountsOf(const coco::UpdateStats& stats, const RunNotes& notes);
IndexReport MakeReport(const coco::UpdateStats& stats, std::span<const coco::Failure> failures,
                       const RunNotes& notes);

std::string ToJson(const IndexReport& report);
std::string ToText(const IndexReport& report);

}  // namespace cocozvec::cli
