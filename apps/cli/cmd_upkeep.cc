// verify, repair, snapshot, backup, restore, stats: a collection's directory from outside.
#include <fmt/format.h>

#include "commands.h"
#include "json.h"
#include "store_config.h"
#include "zvec/upkeep.h"

namespace cocozvec::cli {
namespace {

/// The collection that is meant: of a store, or the directory itself.
std::string CollectionOf(const Options& options) {
  if (!options.collection.empty()) return options.collection;
  const StorePaths paths(options.store);
  const StoreKind kind = Inspect(paths).value();
  if (kind == StoreKind::kNothing)
    throw StatusError(Status::NotFound("store '" + options.store + "': nothing is there"));
  if (kind == StoreKind::kStarted)
    throw StatusError(Status::NotFound("store '" + options.store + "': no completed index is there"));
  return paths.collection();
}

std::string_view NameOf(zvec::Harm harm) {
  switch (harm) {
    case zvec::Harm::kDocuments:
      return "documents";
    case zvec::Harm::kMark:
      return "mark";
    case zvec::Harm::kSpeed:
      return "speed";
    case zvec::Harm::kReserve:
      return "reserve";
  }
  return "documents";
}

void PutFindings(const zvec::VerifyReport& report, JsonWriter& json) {
  json.Key("findings").Array();
  for (const zvec::Finding& f : report.findings) {
    json.Object().Key("harm").Text(NameOf(f.harm)).Key("file").Text(f.file).Key("offset").Int(f.offset);
    json.Key("size").Int(f.size).Key("what").Text(f.what).EndObject();
  }
  json.EndArray();
}

void PrintFindings(const zvec::VerifyReport& report, Console& console) {
  for (const zvec::Finding& f : report.findings)
    console.WriteLine(fmt::format(
        "{} {}: at byte {}{}: {}", console.Bold(std::string(NameOf(f.harm)) + ":"), Printable(f.file),
        f.offset, f.size != 0 ? fmt::format(" ({} bytes)", f.size) : std::string(), Printable(f.what)));
}

std::string Counted(const zvec::VerifyReport& r) {
  return fmt::format("{} bytes in {} files, {} blocks, {} records: {} documents, {} deleted rows", r.bytes,
                     r.files, r.blocks, r.records, r.documents, r.deleted_rows);
}

void PutCounts(const zvec::VerifyReport& r, JsonWriter& json) {
  json.Key("generation").Int(r.generation).Key("files").Int(r.files).Key("bytes").Int(r.bytes);
  json.Key("blocks").Int(r.blocks).Key("records").Int(r.records).Key("documents").Int(r.documents);
  json.Key("deleted_rows").Int(r.deleted_rows).Key("unfinished_bytes").Int(r.unfinished_bytes);
  json.Key("leftover_files").Int(r.leftover_files).Key("foreign_files").Int(r.foreign_files);
}

void PutLost(const zvec::RepairReport& report, JsonWriter& json) {
  json.Key("lost").Array();
  for (const zvec::LostDocument& lost : report.lost)
    json.Object().Key("id").Text(lost.id).Key("where").Text(lost.where).EndObject();
  json.EndArray().Key("lost_unnamed_rows").Int(report.lost_unnamed_rows);
  json.Key("lost_calls").Int(report.lost_calls).Key("log_cut").Bool(report.log_cut);
  json.Key("deletions_lost").Bool(report.deletions_lost);
  json.Key("losses_unknown").Bool(report.losses_unknown);
}

void PrintLost(const zvec::RepairReport& report, Console& console) {
  constexpr std::size_t kMostShown = 20;
  for (std::size_t i = 0; i < report.lost.size() && i < kMostShown; ++i)
    console.WriteLine("lost: " + Printable(report.lost[i].id) + " (" + Printable(report.lost[i].where) + ")");
  if (report.lost.size() > kMostShown)
    console.WriteLine(fmt::format("lost: {} more (--json lists them)", report.lost.size() - kMostShown));
  if (report.lost_unnamed_rows != 0)
    console.WriteLine(fmt::format("lost: {} rows whose ids are not known", report.lost_unnamed_rows));
  if (report.lost_calls != 0)
    console.WriteLine(fmt::format(
        "lost: {} write calls; what they wrote is missing or older, what they deleted may be back",
        report.lost_calls));
  if (report.log_cut) console.WriteLine("lost: the end of the log, nobody knows how many calls");
  if (report.losses_unknown)
    console.WriteLine("an interrupted repair was finished: what the first run said is lost, is lost");
  if (report.deletions_lost)
    console.WriteLine("lost: deletions; documents that had been deleted may be back");
}

std::string ToJson(const Options& options, const zvec::CopyReport& r) {
  JsonWriter json;
  json.Object()
      .Key("made")
      .Text(options.to)
      .Key("generation")
      .Int(r.generation)
      .Key("documents")
      .Int(r.documents);
  json.Key("files").Int(r.files).Key("bytes").Int(r.bytes).Key("linked_bytes").Int(r.linked_bytes);
  return json.EndObject().Take();
}

int Report(const Options& options, const std::string& made, const zvec::CopyReport& r, Console& console) {
  if (options.json) {
    Options named = options;
    named.to = made;
    console.WriteLine(ToJson(named, r));
  } else {
    console.WriteLine(fmt::format(
        "{}: {} documents, {} bytes in {} files{}", Printable(made), r.documents, r.bytes, r.files,
        r.linked_bytes != 0 ? fmt::format(", {} bytes of them shared", r.linked_bytes) : std::string()));
  }
  return kDone;
}

zvec::CopyOptions CopyOptionsOf(const Options& options) {
  zvec::CopyOptions copy;
  copy.verify = !options.no_verify;
  return copy;
}

std::string ToJson(const std::string& path, const zvec::StorageStats& s) {
  JsonWriter json;
  json.Object().Key("path").Text(path).Key("generation").Int(s.generation).Key("documents").Int(s.documents);
  json.Key("deleted_rows").Int(s.deleted_rows).Key("unlinked_rows").Int(s.unlinked_rows);
  json.Key("bytes").Object().Key("total").Int(s.total_bytes()).Key("log").Int(s.log_bytes);
  json.Key("segments")
      .Int(s.segment_bytes)
      .Key("deletes")
      .Int(s.deletes_bytes)
      .Key("indexes")
      .Int(s.index_bytes);
  json.Key("manifest").Int(s.manifest_bytes).Key("other").Int(s.other_bytes);
  json.Key("reserve").Int(s.reserve_bytes).Key("leftover").Int(s.leftover_bytes);
  json.Key("live").Int(s.live_bytes).EndObject().Key("amplification").Double(s.amplification());
  json.Key("segments").Array();
  for (const zvec::SegmentStats& segment : s.segments) {
    json.Object().Key("number").Int(segment.number).Key("rows").Int(segment.rows);
    json.Key("deleted_rows").Int(segment.deleted_rows).Key("bytes").Int(segment.bytes);
    json.Key("index_bytes").Int(segment.index_bytes).EndObject();
  }
  return json.EndArray().EndObject().Take();
}

void Print(const std::string& path, const zvec::StorageStats& s, Console& console) {
  console.WriteLine(
      fmt::format("{}: {} documents, {} deleted rows that still take room, {} rows not in a graph yet",
                  console.Bold(Printable(path)), s.documents, s.deleted_rows, s.unlinked_rows));
  const std::pair<const char*, std::uint64_t> parts[] = {
      {"log", s.log_bytes},         {"segments", s.segment_bytes},   {"deletions", s.deletes_bytes},
      {"indexes", s.index_bytes},   {"manifest", s.manifest_bytes},  {"lock and mark", s.other_bytes},
      {"reserve", s.reserve_bytes}, {"leftovers", s.leftover_bytes}, {"in all", s.total_bytes()}};
  for (const auto& [name, bytes] : parts) console.WriteLine(fmt::format("{:>14} {:>16} bytes", name, bytes));
  console.WriteLine(fmt::format("{:.2f} times what the live documents take; generation {}", s.amplification(),
                                s.generation));
  for (const zvec::SegmentStats& segment : s.segments)
    console.WriteLine(fmt::format("segment {}: {} rows, {} of them deleted, {} bytes, indexes {} bytes",
                                  segment.number, segment.rows, segment.deleted_rows, segment.bytes,
                                  segment.index_bytes));
}

}  // namespace

int RunVerify(const Options& options, Console& console) {
  const std::string path = CollectionOf(options);
  const zvec::VerifyReport report = zvec::Verify(path).value();
  if (options.json) {
    JsonWriter json;
    json.Object().Key("path").Text(path).Key("clean").Bool(report.clean());
    PutFindings(report, json);
    PutCounts(report, json);
    console.WriteLine(json.EndObject().text());
  } else {
    PrintFindings(report, console);
    console.WriteLine(Counted(report));
    console.WriteLine(report.clean() ? "clean" : fmt::format("{} findings", report.findings.size()));
  }
  return report.clean() ? kDone : kDamaged;
}

int RunRepair(const Options& options, Console& console) {
  const std::string path = CollectionOf(options);
  const zvec::RepairReport report =
      (options.in_place ? zvec::RepairInPlace(path) : zvec::Repair(path, options.to)).value();
  const std::string made = options.in_place ? path : options.to;
  if (options.json) {
    JsonWriter json;
    json.Object().Key("made").Text(made).Key("complete").Bool(report.complete());
    json.Key("recovered").Int(report.recovered).Key("source").Text(report.source);
    PutLost(report, json);
    json.Key("mark_kept").Bool(report.mark_kept);
    PutFindings(report.before, json);
    console.WriteLine(json.EndObject().text());
  } else {
    PrintFindings(report.before, console);
    PrintLost(report, console);
    console.WriteLine(fmt::format("{}: {} documents, from {}; {}", Printable(made), report.recovered,
                                  report.source, report.complete() ? "nothing is lost" : "the rest is lost"));
    // Its name without the slash that may stand at the end.
    const std::string name = JoinPath(ParentPath(path), BaseName(path));
    if (options.in_place) console.WriteLine("the damaged original is " + Printable(name + ".before-repair"));
  }
  return report.complete() ? kDone : kDamaged;
}

int RunSnapshot(const Options& options, Console& console) {
  return Report(options, options.to,
                zvec::Snapshot(CollectionOf(options), options.to, CopyOptionsOf(options)).value(), console);
}

int RunBackup(const Options& options, Console& console) {
  return Report(options, options.to,
                zvec::Backup(CollectionOf(options), options.to, CopyOptionsOf(options)).value(), console);
}

int RunRestore(const Options& options, Console& console) {
  const std::string path = CollectionOf(options);
  return Report(options, path, zvec::Restore(options.from, path, CopyOptionsOf(options)).value(), console);
}

int RunStats(const Options& options, Console& console) {
  const std::string path = CollectionOf(options);
  const zvec::StorageStats stats = zvec::MeasureStorage(path).value();
  if (options.json)
    console.WriteLine(ToJson(path, stats));
  else
    Print(path, stats, console);
  return kDone;
}

}  // namespace cocozvec::cli
