#include "zvec/upkeep/collection_scan.h"

#include <algorithm>
#include <tuple>

#include "base/fault.h"
#include "zvec/index/hnsw/index_file.h"
#include "zvec/index/sparse/lists.h"
#include "zvec/storage/deletes.h"
#include "zvec/storage/file_names.h"
#include "zvec/storage/id_table.h"
#include "zvec/storage/row.h"
#include "zvec/upkeep/index_scan.h"
#include "zvec/upkeep/mend.h"

namespace zvec::inline v0 {

using cocozvec::File;

namespace {

Result<std::string> ReadWhole(const File& file, std::uint64_t most) {
  ZVEC_ASSIGN_OR_RETURN(const std::uint64_t size, file.Size());
  if (size > most)
    return DamageAt(file.path(), most,
                    "the file has " + std::to_string(size) + " bytes, allowed are " + std::to_string(most));
  std::string bytes(size, '\0');
  ZVEC_ASSIGN_OR_RETURN(const std::size_t got, file.ReadAt(0, std::as_writable_bytes(std::span(bytes))));
  bytes.resize(got);
  return bytes;
}

/// A row by its id's hash; two of equal hash are compared by their ids.
struct LiveRow {
  std::uint64_t hash;
  std::uint32_t segment, row;
};

std::string IdOf(const ScannedGeneration& generation, const LiveRow& live) {
  SegmentScan::Column column;
  if (!generation.segments[live.segment].rows->Load(kIdColumn, live.row / kChunkRows, &column)) return "";
  return std::string(column.cells.Cell(live.row % kChunkRows));
}

}  // namespace

void SortFindings(VerifyReport& report) {
  std::sort(report.findings.begin(), report.findings.end(), [](const Finding& a, const Finding& b) {
    return std::tie(a.harm, a.file, a.offset, a.what) < std::tie(b.harm, b.file, b.offset, b.what);
  });
}

Result<std::unique_ptr<CollectionScan>> CollectionScan::Run(const Source& source) {
  std::unique_ptr<CollectionScan> scan(new CollectionScan(source));
  scan->ScanNames();
  scan->ScanManifests();
  bool newest = true;
  for (const Generation& generation : source.generations()) {
    if (!generation.manifest) continue;
    ZVEC_RETURN_IF_ERROR(
        scan->ScanGeneration(*generation.manifest, newest ? Harm::kDocuments : Harm::kReserve));
    newest = false;
  }
  scan->ScanNewerLogs();
  scan->ScanMark();
  ZVEC_RETURN_IF_ERROR(scan->CountDocuments());
  SortFindings(scan->report_);
  return scan;
}

void CollectionScan::ScanNames() {
  for (const std::string& name : source_.odd_names())
    About(name, Harm::kDocuments).Add(0, 0, "not a plain file");
  if (!source_.lock_status().ok())
    About(std::string(kLockName), Harm::kDocuments)
        .Add(0, 0,
             "whether the log lost its end is not known: " + std::string(source_.lock_status().message()));
  report_.foreign_files = source_.foreign_files();
  report_.leftover_files = source_.Leftovers().size();
}

void CollectionScan::ScanManifests() {
  bool newest = true;
  for (const Generation& generation : source_.generations()) {
    ++report_.files;
    ++report_.blocks;
    report_.bytes += generation.bytes.size();
    if (generation.manifest && report_.generation == 0) report_.generation = generation.number;
    Notes notes = About(generation.name, newest ? Harm::kDocuments : Harm::kReserve);
    if (generation.mended_offset)
      notes.Add(*generation.mended_offset, 1, "one byte is wrong (its checksum says which)");
    else if (!generation.manifest)
      notes.Add(generation.status);
    newest = false;
  }
  if (source_.generations().empty())
    report_.findings.push_back({Harm::kDocuments, source_.directory(), 0, 0, "its manifest is missing"});
}

Status CollectionScan::ScanGeneration(const Manifest& manifest, Harm harm) {
  ScannedGeneration generation{.manifest = &manifest, .segments = {}, .log = {}};
  for (const SegmentEntry& entry : manifest.segments) {
    ZVEC_ASSIGN_OR_RETURN(ScannedSegment scanned, ScanSegment(manifest, entry, harm));
    generation.segments.push_back(std::move(scanned));
    ZVEC_RETURN_IF_ERROR(ScanIndexes(manifest, entry, harm == Harm::kReserve ? harm : Harm::kSpeed));
    const ScannedSegment& segment = generation.segments.back();
    if (harm == Harm::kDocuments && segment.dead) report_.deleted_rows += segment.dead->Count();
  }
  ZVEC_RETURN_IF_ERROR(ScanLogOf(manifest, harm, &generation));
  generations_.push_back(std::move(generation));
  return {};
}

Result<ScannedSegment> CollectionScan::ScanSegment(const Manifest& manifest, const SegmentEntry& entry,
                                                   Harm harm) {
  const std::uint64_t number = entry.file.number;
  const std::string name = SegmentName(number);
  auto& scan = segments_[number];
  if (!scan) {
    Notes notes = About(name, harm);
    const File* file = source_.Find(name);
    if (file == nullptr) notes.Add(source_.WhyMissing(name));
    auto made = std::make_shared<SegmentScan>(file, entry.file, manifest.collection, manifest.schema);
    ZVEC_RETURN_IF_ERROR(made->Run(notes));
    scan = std::move(made);
  }
  ScannedSegment segment{.rows = scan, .dead = nullptr, .deletions_lost = false};
  if (entry.deletes_number != 0) ZVEC_RETURN_IF_ERROR(ScanDeletes(manifest, entry, harm, &segment));
  return segment;
}

Status CollectionScan::ScanDeletes(const Manifest& manifest, const SegmentEntry& entry, Harm harm,
                                   ScannedSegment* segment) {
  const auto seen = deletes_.find(entry.deletes_number);
  if (seen != deletes_.end()) {
    segment->dead = seen->second.dead;
    segment->deletions_lost = seen->second.deletions_lost;
    return {};
  }
  const std::string name = DeletesName(entry.deletes_number);
  Notes notes = About(name, harm);
  const auto decode = [&](std::string_view bytes) {
    return DecodeDeletes(bytes, notes.file(), entry.deletes_number, manifest.collection, entry.file.number,
                         entry.file.rows, entry.deletes_checksum);
  };
  const File* file = source_.Find(name);
  segment->deletions_lost = true;
  if (file == nullptr) {
    notes.Add(source_.WhyMissing(name));
  } else if (const auto bytes = ReadWhole(*file, MaxDeletesBytes(entry.file.rows)); !bytes.ok()) {
    notes.Add(bytes.status());
  } else {
    ++report_.files;
    ++report_.blocks;
    report_.bytes += bytes->size();
    auto dead = decode(*bytes);
    if (dead.status().code() == StatusCode::kUnimplemented) return dead.status();
    if (!dead.ok()) {
      notes.Add(dead.status());
      const auto good = [&](const std::string& text) { return decode(text).ok(); };
      if (const auto mended = MendFile(*bytes, kDeletesMagic, entry.deletes_number, kFormatVersion, good))
        dead = decode(mended->bytes);
    }
    if (dead.ok()) {
      segment->dead = std::make_shared<Bitmap>(*std::move(dead));
      segment->deletions_lost = false;
    }
  }
  deletes_[entry.deletes_number] = *segment;
  return {};
}

Status CollectionScan::ScanIndexes(const Manifest& manifest, const SegmentEntry& entry, Harm harm) {
  for (const IndexEntry& index : entry.indexes) {
    if (index.refused() || !seen_.try_emplace(IndexName(index.number)).second) continue;
    const std::string name = IndexName(index.number);
    Notes notes = About(name, harm);
    const File* file = source_.Find(name);
    if (file == nullptr) {
      notes.Add(source_.WhyMissing(name));
      continue;
    }
    const FieldSchema& field = manifest.schema.fields[index.field];
    const bool sparse = IsSparseVector(field.type);
    ZVEC_RETURN_IF_ERROR(
        ScanIndex(*file, index, manifest.collection, sparse ? sparse::kListsFile : hnsw::kGraphFile, notes));
    if (notes.count() != 0 || source_.Superseded()) continue;
    // Every checksum is right: does it lead to what is there?
    const hnsw::GraphPlace place{manifest.collection, entry.file.number,
                                 static_cast<std::uint32_t>(index.field)};
    const auto graph =
        sparse ? sparse::OpenLists(source_.fs(), source_.PathOf(name), index, place, /*map=*/false)
               : hnsw::OpenGraph(source_.fs(), source_.PathOf(name), index, place, field.metric(),
                                 field.dimension, /*map=*/false, /*resident=*/false);
    const Status sound = graph.ok() ? (*graph)->Verify() : graph.status();
    if (!sound.ok() && !sound.IsNotFound()) notes.Add(sound);
  }
  return {};
}

std::uint64_t CollectionScan::ClosedAt(const Manifest& manifest, std::uint64_t log) const {
  const auto note = source_.note(manifest);
  return note && note->log == log ? note->end : 0;
}

Status CollectionScan::ScanLogOf(const Manifest& manifest, Harm harm, ScannedGeneration* generation) {
  const std::uint64_t number = manifest.log_number;
  if (const auto seen = logs_.find(number); seen != logs_.end()) {
    generation->log = seen->second;
    return {};
  }
  const std::string name = LogName(number);
  Notes notes = About(name, harm);
  const File* file = source_.Find(name);
  if (file == nullptr) {
    notes.Add(source_.WhyMissing(name));
    return {};
  }
  const RowLayout layout(manifest.schema);
  const auto read = [&](std::string_view payload) -> Status {
    BatchReader in(layout, payload);
    RowCells row;
    std::map<std::string, bool> changes;
    while (in.NextPut(&row)) {
      if (const Status status = CheckRow(manifest.schema, layout, row); !status.ok())
        return Status::DataLoss(std::string(status.message()));
      if (!changes.try_emplace(std::string(row.id), true).second)
        return Status::DataLoss("an id stands twice");
    }
    for (std::string_view id; in.NextDelete(&id);) changes[std::string(id)] = false;
    if (!in.ok()) return Status::DataLoss("the batch does not follow its format");
    if (harm == Harm::kDocuments)
      for (const auto& [id, put] : changes) written_[id] = put;
    return {};
  };
  LogPlace place{number, manifest.collection, manifest.log_checksum, ClosedAt(manifest, number)};
  if (cocozvec::FaultPlanted("forget_closed_log")) place.closed_at = 0;
  ZVEC_ASSIGN_OR_RETURN(generation->log, ScanLog(*file, place, &notes, read));
  logs_[number] = *generation->log;
  ++report_.files;
  report_.bytes += generation->log->bytes;
  report_.records += generation->log->records;
  if (harm == Harm::kDocuments) report_.unfinished_bytes = generation->log->unfinished_bytes;
  return {};
}

void CollectionScan::ScanNewerLogs() {
  for (const LostManifest& lost : source_.LostManifests())
    About(lost.name, Harm::kDocuments).Add(lost.offset, lost.size, lost.why);
}

void CollectionScan::ScanMark() {
  if (source_.mark().ok()) {
    ++report_.files;
    ++report_.blocks;
    report_.bytes += kFileHeaderBytes + source_.mark()->size();
  } else if (!source_.mark().status().IsNotFound()) {
    About(std::string(kMarkName), Harm::kMark).Add(source_.mark().status());
  }
}

Status CollectionScan::CountDocuments() {
  if (generations_.empty()) return {};
  const ScannedGeneration& newest = generations_.front();
  std::vector<LiveRow> live;
  for (std::uint32_t s = 0; s < newest.segments.size(); ++s) {
    const ScannedSegment& segment = newest.segments[s];
    for (std::uint32_t chunk = 0; chunk < segment.rows->chunks(); ++chunk) {
      SegmentScan::Column ids;
      if (!segment.rows->Load(kIdColumn, chunk, &ids)) continue;
      for (std::uint32_t r = 0; r < ids.cells.rows; ++r) {
        const std::uint32_t row = chunk * kChunkRows + r;
        if (segment.dead && segment.dead->Contains(row)) continue;
        live.push_back({HashId(ids.cells.Cell(r)), s, row});
      }
    }
  }
  std::sort(live.begin(), live.end(), [](const LiveRow& a, const LiveRow& b) {
    return std::tie(a.hash, a.segment, a.row) < std::tie(b.hash, b.segment, b.row);
  });
  for (std::size_t i = 1; i < live.size(); ++i) {
    const LiveRow &a = live[i - 1], &b = live[i];
    const bool unsure =
        newest.segments[a.segment].deletions_lost || newest.segments[b.segment].deletions_lost;
    if (a.hash != b.hash || unsure || IdOf(newest, a) != IdOf(newest, b)) continue;
    About(SegmentName(newest.segments[b.segment].rows->expected().number), Harm::kDocuments)
        .Add(0, 0,
             "row " + std::to_string(b.row) + " and row " + std::to_string(a.row) + " of " +
                 SegmentName(newest.segments[a.segment].rows->expected().number) +
                 " are live and have the same id");
  }
  report_.documents = live.size();
  for (const auto& [id, put] : written_) {
    const std::uint64_t hash = HashId(id);
    const auto at =
        std::lower_bound(live.begin(), live.end(), hash,
                         [](const LiveRow& row, std::uint64_t wanted) { return row.hash < wanted; });
    const bool sealed = at != live.end() && at->hash == hash;
    if (put && !sealed) ++report_.documents;
    if (!put && sealed) --report_.documents;
  }
  return {};
}

}  // namespace zvec::inline v0
