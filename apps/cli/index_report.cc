#include "index_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "console.h"
#include "json.h"

namespace cocozvec::cli {

FileCounts FileCountsOf(const coco::UpdateStats& stats, const RunNotes& notes) {
  FileCounts files;
  const RunNotes::Counts counts = notes.counts();
  files.seen = counts.seen;
  files.skipped = counts.skipped;
  if (const auto it = stats.by_component.find(kFileComponent); it != stats.by_component.end()) {
    const std::uint64_t built = it->second.adds + it->second.reprocesses;
    files.processed = built - std::min(built, counts.read_skipped);
    files.unchanged = it->second.unchanged;
    files.removed = it->second.deletes;
  }
  return files;
}

namespace {

// Folders are walked in every run, that is how a change is noticed; what counts is what was done about it.
std::uint64_t ExecutedForFiles(const coco::UpdateStats& stats) {
  std::uint64_t walks = 0;
  if (const auto it = stats.by_component.find(kFolderComponent); it != stats.by_component.end()) {
    walks = it->second.adds + it->second.reprocesses + it->second.errors;
  }
  return stats.executed - std::min(stats.executed, walks);
}

}  // namespace

IndexReport MakeReport(const coco::UpdateStats& stats, std::span<const coco::Failure> failures,
                       const RunNotes& notes) {
  IndexReport report;
  report.files = FileCountsOf(stats, notes);
  const coco::TargetCounts targets = stats.target_total();
  report.documents.upserted = targets.upserted;
  report.documents.deleted = targets.deleted;
  report.components_executed = ExecutedForFiles(stats);
  report.empty_pieces = notes.counts().empty_pieces;
  report.skips = notes.skips();
  for (const coco::Failure& failure : failures)
    report.errors.push_back({FileOf(failure.path), failure.message});
  return report;
}

std::string ToJson(const IndexReport& report) {
  JsonWriter json;
  json.Object().Key("files").Object();
  json.Key("seen").Int(report.files.seen).Key("processed").Int(report.files.processed);
  json.Key("unchanged").Int(report.files.unchanged).Key("removed").Int(report.files.removed);
  json.Key("skipped").Int(report.files.skipped).EndObject();
  json.Key("documents").Object();
  json.Key("upserted").Int(report.documents.upserted).Key("deleted").Int(report.documents.deleted);
  json.Key("unchanged").Int(report.documents.unchanged).Key("total").Int(report.documents.total).EndObject();
  json.Key("errors").Array();
  for (const IndexError& e : report.errors) {
    json.Object().Key("path").Text(e.path).Key("message").Text(e.message).EndObject();
  }
  json.EndArray().Key("skips").Array();
  for (const auto& s : report.skips) {
    json.Object()
        .Key("path")
        .Text(s.file)
        .Key("reason")
        .Text(s.reason)
        .Key("detail")
        .Text(s.detail)
        .EndObject();
  }
  json.EndArray().Key("components_executed").Int(report.components_executed);
  json.Key("empty_pieces").Int(report.empty_pieces).Key("interrupted").Bool(report.interrupted);
  json.Key("seconds").Double(report.seconds).EndObject();
  return json.Take();
}

std::string ToText(const IndexReport& report) {
  const FileCounts& f = report.files;
  const DocumentCounts& d = report.documents;
  std::string out = fmt::format("files      {} seen: {} processed, {} unchanged, {} skipped; {} removed\n",
                                f.seen, f.processed, f.unchanged, f.skipped, f.removed);
  std::map<std::string, std::uint64_t> reasons;
  for (const auto& skip : report.skips) ++reasons[skip.reason];
  for (const auto& [reason, count] : reasons)
    out += fmt::format("  skipped  {}: {}\n", count, Printable(reason));
  out += fmt::format("documents  {} written, {} deleted, {} unchanged, {} in total\n", d.upserted, d.deleted,
                     d.unchanged, d.total);
  if (report.empty_pieces > 0)
    out += fmt::format("  left out {} pieces without a letter or digit\n", report.empty_pieces);
  if (!report.errors.empty()) out += fmt::format("errors     {}\n", report.errors.size());
  return out + fmt::format("time       {:.2f} s", report.seconds);
}

}  // namespace cocozvec::cli
