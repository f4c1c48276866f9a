// C7: of the damages of C1 and C4 that are not harmless, verify finds every one, and repair saves every
// document that they left alone. What a damage left alone is worked out here from the undamaged files: a
// document none of whose blocks or records (checksum included) was changed.
#include <set>

#include "damage.h"
#include "zvec/storage/deletes.h"
#include "zvec/storage/file_names.h"
#include "zvec/storage/log_format.h"
#include "zvec/storage/manifest.h"
#include "zvec/storage/row.h"
#include "zvec/storage/segment_format.h"
#include "zvec/storage/segment_view.h"
#include "zvec/upkeep.h"

namespace reliability {
namespace {

constexpr const char* kDamaged = "c";
constexpr const char* kRepaired = "repaired";

/// What a changed file may cost.
struct Cost {
  std::set<std::string> documents;  ///< of these, nothing is promised
  bool may_be_older = false;        ///< a log: documents may be as they were before
  bool deleted_may_be_back = false;
};

class Costs {
 public:
  Costs(const std::string& old, const std::string& now) : old_(old), now_(now) {}

  bool Changed(std::uint64_t begin, std::uint64_t end) const {
    for (std::uint64_t at = begin; at < end; ++at)
      if (at >= now_.size() || old_[at] != now_[at]) return true;
    return false;
  }

  Cost OfLog(const zvec::Manifest& manifest) const {
    Cost cost;
    const zvec::RowLayout layout(manifest.schema);
    for (std::uint64_t at = zvec::kFileHeaderBytes; at < old_.size();) {
      zvec::RecordHeader header;
      std::memcpy(&header, old_.data() + at, sizeof(header));
      const std::uint64_t end = at + zvec::kRecordHeaderBytes + header.payload_size;
      if (Changed(at, end)) {
        cost.may_be_older = cost.deleted_may_be_back = true;
        zvec::BatchReader in(
            layout, std::string_view(old_).substr(at + zvec::kRecordHeaderBytes, header.payload_size));
        zvec::RowCells row;
        while (in.NextPut(&row)) cost.documents.insert(std::string(row.id));
      }
      at = end;
    }
    return cost;
  }

  Cost OfSegment(const zvec::Manifest& manifest, std::uint64_t number) const {
    Cost cost;
    const auto header = zvec::DecodeFileHeader(zvec::kSegmentMagic, old_, number, "segment").value();
    const auto sections = zvec::DecodeSections(std::string_view(old_).substr(header.b), manifest.schema,
                                               header.a, header.b, "segment")
                              .value();
    std::uint64_t entry = header.b + 4;
    for (const zvec::Section& section : sections) {
      const bool by_chunks =
          section.kind == zvec::SectionKind::kIds || section.kind == zvec::SectionKind::kVariable;
      const std::uint64_t checksums = entry + 33 + (by_chunks ? 8 * section.block_count() : 0);
      for (std::size_t block = 0; block < section.block_count(); ++block)
        if (section.kind != zvec::SectionKind::kIdTable &&
            (Changed(section.offset + section.BlockBegin(block), section.offset + section.BlockEnd(block)) ||
             Changed(checksums + 8 * block, checksums + 8 * block + 8)))
          AddRows(sections, section, block, header.a, cost);
      entry = checksums + 8 * section.block_count();
    }
    return cost;
  }

 private:
  /// The ids of the rows of a block.
  void AddRows(const std::vector<zvec::Section>& sections, const zvec::Section& section, std::size_t block,
               std::uint64_t rows, Cost& cost) const {
    const std::uint64_t chunks = section.kind == zvec::SectionKind::kValid ? 128 : 1;
    for (const zvec::Section& ids : sections) {
      if (ids.kind != zvec::SectionKind::kIds) continue;
      for (std::uint64_t chunk = block * chunks;
           chunk < std::min<std::uint64_t>((block + 1) * chunks, ids.block_count()); ++chunk) {
        const std::uint64_t count =
            std::min<std::uint64_t>(zvec::kChunkRows, rows - chunk * zvec::kChunkRows);
        const char* offsets = old_.data() + ids.offset + ids.BlockBegin(chunk);
        for (std::uint64_t r = 0; r < count; ++r) {
          std::uint32_t ends[2];
          std::memcpy(ends, offsets + 4 * r, sizeof(ends));
          cost.documents.emplace(offsets + 4 * (count + 1) + ends[0], ends[1] - ends[0]);
        }
      }
    }
  }

  const std::string& old_;
  const std::string& now_;
};

zvec::Manifest NewestManifest(const Victim& victim) {
  std::uint64_t newest = 0;
  for (const auto& [name, content] : victim.files())
    if (const auto parsed = zvec::ParseName(name); parsed && parsed->kind == zvec::NameKind::kManifest)
      newest = std::max(newest, parsed->number);
  return zvec::DecodeManifest(victim.files().at(zvec::ManifestName(newest)), newest, "manifest").value();
}

Cost CostOf(const Victim& victim, const zvec::Manifest& manifest, const Changed& changed) {
  const std::string& old = victim.files().at(changed.name);
  const Costs costs(old, changed.content);
  const auto name = zvec::ParseName(changed.name);
  switch (name->kind) {
    case zvec::NameKind::kLog:
      return name->number == manifest.log_number ? costs.OfLog(manifest) : Cost();
    case zvec::NameKind::kSegment:
      return costs.OfSegment(manifest, name->number);
    case zvec::NameKind::kDeletes: {
      Cost cost;
      cost.deleted_may_be_back = true;
      return cost;
    }
    default:
      return {};
  }
}

std::string ReadDocs(const Collection& collection, std::map<std::string, Doc>* docs) {
  const auto iterator = collection.Iterate();
  if (!iterator.ok()) return iterator.status().ToString();
  for (Doc doc;;) {
    const auto more = (*iterator)->Next(&doc);
    if (!more.ok()) return more.status().ToString();
    if (!*more) return "";
    (*docs)[doc.id] = doc;
  }
}

class Judge {
 public:
  Judge(const Victim& victim, const Cost& cost, const zvec::RepairReport& report)
      : victim_(victim), cost_(cost), report_(report) {}

  std::string Compare(const std::map<std::string, Doc>& saved) const {
    std::set<std::string> lost;
    for (const auto& document : report_.lost) lost.insert(document.id);
    const bool unnamed = report_.lost_unnamed_rows != 0 || report_.lost_calls != 0 || report_.log_cut;
    for (const auto& [id, doc] : victim_.docs()) {
      const auto it = saved.find(id);
      if (it == saved.end()) {
        if (!cost_.documents.contains(id)) return id + " is not damaged, and it is not saved";
        if (!lost.contains(id) && !unnamed) return id + " is lost without a word";
      } else if (lost.contains(id)) {
        return id + " is called lost, and it is there";
      } else if (it->second != doc && !(cost_.may_be_older && cost_.documents.contains(id))) {
        return id + " is not as it was";
      }
    }
    for (const auto& [id, doc] : saved)
      if (!victim_.docs().contains(id) && !cost_.deleted_may_be_back)
        return id + " was deleted, and it is back";
    if (report_.complete() && saved != victim_.docs()) return "called complete, and it is not";
    if (report_.recovered != saved.size()) return "it counted other documents than there are";
    return "";
  }

 private:
  const Victim& victim_;
  const Cost& cost_;
  const zvec::RepairReport& report_;
};

Outcome Problem(const Changed& changed, const std::string& what) { return {"", changed.what + ": " + what}; }

/// Whether verify speaks of the file. One that is missing for it may be called by its manifest.
bool Names(const zvec::VerifyReport& report, const std::string& name) {
  for (const zvec::Finding& finding : report.findings)
    if (finding.file.ends_with("/" + name) || finding.what.find("manifest") != std::string::npos) return true;
  return false;
}

Outcome Save(const Victim& victim, const zvec::Manifest& manifest, const Changed& changed) {
  const Outcome read = victim.Judge({{changed.name, &changed.content}}, changed.name, /*write=*/false,
                                    /*may_be_earlier=*/changed.name == "MARK");
  const auto disk = victim.Copy({{changed.name, &changed.content}});
  auto options = Victim::OptionsOn(*disk);
  const auto found = zvec::Verify(kDamaged, options);
  if (!found.ok()) return Problem(changed, "verify gave up: " + found.status().ToString());
  const bool harmless = read.counted == "harmless" || read.counted == "an earlier state";
  if (!harmless && found->clean()) return Problem(changed, "verify found nothing");
  if (!found->clean() && !Names(*found, changed.name)) return Problem(changed, "verify does not name it");
  if (harmless && found->clean()) return {"harmless", ""};
  const auto report = zvec::Repair(kDamaged, kRepaired, options);
  if (!report.ok()) return Problem(changed, "not repaired: " + report.status().ToString());
  const auto after = zvec::Verify(kRepaired, options);
  if (!after.ok() || !after->clean())
    return Problem(changed, "what was repaired is not clean: " +
                                (after.ok() ? after->findings.front().what : after.status().ToString()));
  options.read_only = true;
  const auto opened = Collection::Open(kRepaired, options);
  if (!opened.ok())
    return Problem(changed, "what was repaired cannot be opened: " + opened.status().ToString());
  std::map<std::string, Doc> saved;
  if (std::string problem = ReadDocs(**opened, &saved); !problem.empty()) return Problem(changed, problem);
  const Cost cost = CostOf(victim, manifest, changed);
  if (const std::string problem = Judge(victim, cost, *report).Compare(saved); !problem.empty())
    return Problem(changed, problem);
  const auto mark = Collection::ReadMark(kRepaired, options);
  const bool as_it_was = report->complete() && changed.name != "MARK";
  if (mark.ok() != as_it_was || (mark.ok() && *mark != victim.mark()))
    return Problem(changed, "the mark is " + std::string(mark.ok() ? "kept" : "gone"));
  return {report->complete() ? "saved whole" : "saved in part", ""};
}

}  // namespace

/// C7. Case n: every fifth a misplaced block, the others a changed byte.
void Salvage(const Settings& settings, Tally& tally) {
  const Victim victim;
  const zvec::Manifest manifest = NewestManifest(victim);
  std::vector<std::string> names;
  for (const auto& [name, content] : victim.files()) names.push_back(name);
  const std::uint64_t flips = victim.bytes() * 3, total = flips / 4 * 5;
  tally.Most("all", total);
  if (settings.from > total) return;
  const std::uint64_t count = std::min(settings.count, total + 1 - settings.from);
  RunInChildren(settings.from, count, tally, [&](std::uint64_t n) -> Outcome {
    if (n % 5 != 0) return Save(victim, manifest, FlipOneByte(victim, Spread(n - n / 5, flips), n));
    Random random(n / 5);
    Changed drawn;
    do drawn = Misplace(victim, names, random);
    while (drawn.content == victim.files().at(drawn.name));
    return Save(victim, manifest, drawn);
  });
}

}  // namespace reliability
