#include "zvec/index/hnsw/index_file.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <new>
#include <utility>

#include "base/array.h"
#include "base/coding.h"
#include "base/fault.h"
#include "zvec/index/file/section_file.h"

namespace zvec::inline v0::hnsw {

using cocozvec::Array;
using cocozvec::FileSystem;
using cocozvec::MakeArray;
using cocozvec::PutFixed;
using cocozvec::Reader;
using cocozvec::Touched;
using index::SectionFile;
using index::SectionWriter;

namespace {

enum Kind : std::uint8_t { kMeta = 0, kCodes = 1, kLinks = 2, kSlots = 3 };
static_assert(kSlots + 1 == kGraphFile.sections);

/// What the sizes of the sections follow from.
struct Shape {
  std::uint64_t nodes = 0, code_bytes = 0;
  std::uint32_t m = 0, slots = 0, upper_rows = 0, entry = kNoNode, top_level = 0;

  std::uint64_t row_links() const { return 2 * std::uint64_t{m}; }
  std::uint64_t codes() const { return nodes * code_bytes; }
  std::uint64_t links() const { return nodes * row_links() * 4; }
  std::uint64_t slot_rows_at() const { return 4 * std::uint64_t{slots}; }
  std::uint64_t slot_links_at() const { return 8 * std::uint64_t{slots}; }
  std::uint64_t slot_codes_at() const {
    const std::uint64_t end = slot_links_at() + 4 * std::uint64_t{upper_rows} * m;
    return (end + 63) / 64 * 64;
  }
  std::uint64_t slot_bytes() const { return slot_codes_at() + slots * code_bytes; }
};

std::uint32_t VersionOf(const GraphView& graph) {
  return graph.encoder->kind() == CodeKind::kBits7 && graph.breadth == 1 ? 1 : kGraphFile.newest;
}

std::string EncodeMeta(const GraphPlace& place, const GraphView& graph) {
  std::string meta;
  PutFixed(meta, place.segment);
  for (const std::uint32_t v :
       {place.field, graph.m, graph.slots, graph.upper_rows, graph.entry, graph.top_level})
    PutFixed(meta, v);
  graph.encoder->Save(meta);
  if (VersionOf(graph) > 1) PutFixed(meta, graph.breadth);
  return meta;
}

Status WriteSections(SectionWriter& out, const GraphPlace& place, const GraphView& graph) {
  const std::string meta = EncodeMeta(place, graph);
  const std::size_t code = graph.code_bytes(), links = std::min(2 * graph.m, graph.row_links);
  ZVEC_RETURN_IF_ERROR(out.Begin());
  ZVEC_RETURN_IF_ERROR(out.Put(meta.data(), meta.size()));
  ZVEC_RETURN_IF_ERROR(out.Begin());
  const std::string none(code, '\0');
  for (std::uint32_t node = 0; node < graph.nodes; ++node) {
    // A row without a vector has no code: what memory held there must not reach the file.
    const void* bytes =
        graph.present[node] != 0 ? static_cast<const void*>(graph.codes + node * code) : none.data();
    ZVEC_RETURN_IF_ERROR(out.Put(bytes, code));
  }
  ZVEC_RETURN_IF_ERROR(out.Begin());
  for (std::uint32_t node = 0; node < graph.nodes; ++node)
    ZVEC_RETURN_IF_ERROR(out.Put(graph.links + std::size_t{node} * graph.row_links, links * 4));
  ZVEC_RETURN_IF_ERROR(out.Begin());
  const std::uint64_t slots = graph.slots, upper_links = std::uint64_t{graph.upper_rows} * graph.m;
  ZVEC_RETURN_IF_ERROR(out.Put(graph.slot_node, slots * 4));
  ZVEC_RETURN_IF_ERROR(out.Put(graph.slot_row, slots * 4));
  ZVEC_RETURN_IF_ERROR(out.Put(graph.slot_links, upper_links * 4));
  const std::string padding((64 - (slots * 8 + upper_links * 4) % 64) % 64, '\0');
  ZVEC_RETURN_IF_ERROR(out.Put(padding.data(), padding.size()));
  return out.Put(graph.slot_codes, slots * code);
}

class FileGraph final : public Graph, public BlockGuard {
 public:
  FileGraph(std::unique_ptr<const SectionFile> file, bool copies) : file_(std::move(file)), copies_(copies) {}

  Status Check(const IndexEntry& entry, const GraphPlace& place, MetricType metric, std::size_t dim);

  GraphRef Current() const override {
    const Copy* copy = copy_.load(std::memory_order_acquire);
    if (copy == nullptr && copies_ &&
        searches_.fetch_add(1, std::memory_order_relaxed) == kSearchesBeforeCopy) {
      MakeCopy();
      copy = copy_.load(std::memory_order_acquire);  // this walk, too: it would bring back what was released
    }
    return {copy != nullptr ? copy->view : view_, nullptr};
  }
  Status Verify() const override;
  /// Blocks with right checksums are not yet levels that lead somewhere.
  bool complete() const noexcept override {
    return file_->complete() && upper_checked_.load(std::memory_order_acquire);
  }
  Status TouchUpper() const override;
  Status TouchCode(std::uint32_t node) const override {
    return file_->Touch(kCodes, node * shape_.code_bytes, shape_.code_bytes);
  }
  Status TouchLinks(std::uint32_t node) const override {
    return file_->Touch(kLinks, node * shape_.row_links() * 4, shape_.row_links() * 4);
  }

 private:
  Status ReadMeta(const IndexEntry& entry, const GraphPlace& place, MetricType metric, std::size_t dim);
  /// Levels and links of the upper layers, which a descent trusts.
  Status CheckSlots() const;
  /// Everything a walk touches, verified and on huge pages. Where that fails the file goes on being walked:
  /// damage is reported by the search that meets it.
  void MakeCopy() const;

  struct Copy {
    Array<std::uint8_t> codes, slot_codes;
    Array<std::uint32_t> links;
    GraphView view;
  };

  const std::unique_ptr<const SectionFile> file_;
  Shape shape_;
  Encoder encoder_;
  GraphView view_;
  mutable std::atomic<bool> upper_checked_{false};
  const bool copies_;
  mutable std::atomic<std::uint32_t> searches_{0};
  mutable std::unique_ptr<const Copy> owned_copy_;  ///< made once, by one thread, then only read through:
  mutable std::atomic<const Copy*> copy_{nullptr};
};

Status FileGraph::ReadMeta(const IndexEntry& entry, const GraphPlace& place, MetricType metric,
                           std::size_t dim) {
  ZVEC_RETURN_IF_ERROR(file_->TouchAll(kMeta));
  Reader in(std::span(file_->at(kMeta), file_->size(kMeta)));
  const auto segment = in.Read<std::uint64_t>();
  const auto field = in.Read<std::uint32_t>();
  for (std::uint32_t* v : {&shape_.m, &shape_.slots, &shape_.upper_rows, &shape_.entry, &shape_.top_level})
    *v = in.Read<std::uint32_t>();
  const bool encoder = encoder_.Load(in, metric, dim);
  if (!in.done()) view_.breadth = in.Read<std::uint32_t>();  // files of version 1 may lack it
  if (!encoder || !in.done() || view_.breadth < 1 || view_.breadth > kMostBreadth ||
      segment != place.segment || field != place.field)
    return file_->Damage(kMeta, "this is not the graph of this field and segment");
  shape_.nodes = entry.nodes;
  shape_.code_bytes = encoder_.code_bytes();
  const bool sane = shape_.nodes < kNoNode / 2 && shape_.m >= 2 && shape_.m <= 1'000 &&
                    shape_.slots <= shape_.nodes &&
                    (shape_.entry == kNoNode || (shape_.entry < shape_.slots && shape_.top_level >= 1)) &&
                    file_->size(kCodes) == shape_.codes() && file_->size(kLinks) == shape_.links() &&
                    file_->size(kSlots) == shape_.slot_bytes();
  return sane ? Status() : file_->Damage(kMeta, "the sizes of the sections do not fit the graph");
}

Status FileGraph::Check(const IndexEntry& entry, const GraphPlace& place, MetricType metric,
                        std::size_t dim) {
  ZVEC_RETURN_IF_ERROR(ReadMeta(entry, place, metric, dim));
  const std::byte* slots = file_->at(kSlots);
  const auto words = [](const std::byte* p) { return reinterpret_cast<const std::uint32_t*>(p); };
  view_.encoder = &encoder_;
  view_.nodes = static_cast<std::uint32_t>(shape_.nodes);
  view_.codes = reinterpret_cast<const std::uint8_t*>(file_->at(kCodes));
  view_.links = words(file_->at(kLinks));
  view_.row_links = static_cast<std::uint32_t>(shape_.row_links());
  view_.m = shape_.m;
  view_.slots = shape_.slots;
  view_.upper_rows = shape_.upper_rows;
  view_.slot_node = words(slots);
  view_.slot_row = words(slots + shape_.slot_rows_at());
  view_.slot_links = words(slots + shape_.slot_links_at());
  view_.slot_codes = reinterpret_cast<const std::uint8_t*>(slots + shape_.slot_codes_at());
  view_.entry = shape_.entry;
  view_.top_level = shape_.top_level;
  view_.guard = this;
  return {};
}

Status FileGraph::TouchUpper() const {
  if (upper_checked_.load(std::memory_order_acquire)) return {};
  ZVEC_RETURN_IF_ERROR(file_->TouchAll(kSlots));
  ZVEC_RETURN_IF_ERROR(CheckSlots());
  upper_checked_.store(true, std::memory_order_release);
  return {};
}

Status FileGraph::Verify() const {
  if (view_.nodes == 0) return {};
  ZVEC_RETURN_IF_ERROR(TouchUpper());
  ZVEC_RETURN_IF_ERROR(file_->TouchAll(kCodes));
  return file_->TouchAll(kLinks);
}

void FileGraph::MakeCopy() const {
  if (view_.nodes == 0 || !Verify().ok()) return;
  try {
    auto copy = std::make_unique<Copy>();
    copy->codes = MakeArray<std::uint8_t>(shape_.codes(), Touched::kAtRandom);
    copy->slot_codes = MakeArray<std::uint8_t>(shape_.slots * shape_.code_bytes, Touched::kAtRandom);
    copy->links = MakeArray<std::uint32_t>(shape_.links() / 4, Touched::kAtRandom);
    std::memcpy(copy->codes.get(), view_.codes, shape_.codes());
    std::memcpy(copy->slot_codes.get(), view_.slot_codes, shape_.slots * shape_.code_bytes);
    std::memcpy(copy->links.get(), view_.links, shape_.links());
    copy->view = view_;
    copy->view.codes = copy->codes.get();
    copy->view.slot_codes = copy->slot_codes.get();
    copy->view.links = copy->links.get();
    owned_copy_ = std::move(copy);
    copy_.store(owned_copy_.get(), std::memory_order_release);
    // Walks that are under way read them once more.
    file_->Release(kCodes);
    file_->Release(kLinks);
    file_->Release(kSlots, shape_.slot_codes_at());
  } catch (const std::bad_alloc&) {
    // The mapping serves as well, only slower.
  }
}

Status FileGraph::CheckSlots() const {
  if (cocozvec::FaultPlanted("trust_sizes")) return {};
  const auto levels = [&](std::uint32_t slot) {
    const std::uint32_t end = slot + 1 < view_.slots ? view_.slot_row[slot + 1] : view_.upper_rows;
    return end - view_.slot_row[slot];
  };
  bool sane = view_.slots == 0 || view_.slot_row[0] == 0;
  for (std::uint32_t slot = 0; slot < view_.slots && sane; ++slot) {
    const std::uint32_t end = slot + 1 < view_.slots ? view_.slot_row[slot + 1] : view_.upper_rows;
    sane = view_.slot_node[slot] < view_.nodes && end > view_.slot_row[slot] && end <= view_.upper_rows;
  }
  sane = sane && (view_.entry == kNoNode || levels(view_.entry) == view_.top_level);
  for (std::uint32_t slot = 0; slot < view_.slots && sane; ++slot) {
    for (std::uint32_t level = 1; level <= levels(slot); ++level) {
      const std::uint32_t* row = view_.slot_links + std::size_t{view_.slot_row[slot] + level - 1} * view_.m;
      for (std::uint32_t i = 0; i < view_.m && sane && row[i] != kNoNode; ++i)
        sane = row[i] < view_.slots && levels(row[i]) >= level;
    }
  }
  return sane ? Status() : file_->Damage(kSlots, "the upper levels do not follow their format");
}

}  // namespace

Result<IndexEntry> WriteGraph(FileSystem& fs, const std::string& path, std::uint64_t number,
                              const GraphPlace& place, const GraphView& graph) {
  ZVEC_ASSIGN_OR_RETURN(auto out, SectionWriter::Create(fs, path, number, place.collection));
  ZVEC_RETURN_IF_ERROR(WriteSections(out, place, graph));
  IndexEntry entry{.field = place.field};
  ZVEC_RETURN_IF_ERROR(out.Finish(kIndexMagic, graph.nodes, &entry, VersionOf(graph)));
  return entry;
}

Result<IndexEntry> WriteGrowing(FileSystem& fs, const std::string& path, std::uint64_t number,
                                const GraphPlace& place, const GraphView& graph) {
  GraphView wide = graph;
  wide.m = (graph.row_links + 1) / 2;
  std::vector<std::uint32_t> links(std::size_t{graph.upper_rows} * wide.m, kNoNode);
  for (std::uint32_t row = 0; row < graph.upper_rows; ++row)
    std::copy_n(graph.slot_links + std::size_t{row} * graph.m, graph.m, &links[std::size_t{row} * wide.m]);
  wide.slot_links = links.data();
  ZVEC_ASSIGN_OR_RETURN(auto out, SectionWriter::Create(fs, path, number, place.collection));
  ZVEC_RETURN_IF_ERROR(WriteSections(out, place, wide));
  IndexEntry entry{.field = place.field};
  ZVEC_RETURN_IF_ERROR(out.Finish(kIndexMagic, wide.nodes, &entry, VersionOf(wide), /*sync=*/false));
  return entry;
}

Result<GraphNote> ReadGraphNote(FileSystem& fs, const std::string& path, std::uint64_t number) {
  ZVEC_ASSIGN_OR_RETURN(const auto file, fs.Open(path, cocozvec::OpenMode::kRead));
  std::string start(kFileHeaderBytes + 12, '\0');  // the first section begins where it was written
  ZVEC_ASSIGN_OR_RETURN(const std::size_t got, file->ReadAt(0, std::as_writable_bytes(std::span(start))));
  start.resize(got);
  ZVEC_ASSIGN_OR_RETURN(const FileHeader header,
                        DecodeFileHeader(kIndexMagic, std::string_view(start).substr(0, kFileHeaderBytes),
                                         number, path, kGraphFile.newest));
  Reader in(std::string_view(start).substr(kFileHeaderBytes));
  GraphNote note;
  note.place.collection = header.collection;
  note.place.segment = in.Read<std::uint64_t>();
  note.place.field = in.Read<std::uint32_t>();
  if (!in.ok()) return DamageAt(path, got, "the file ends before it says what it is a graph of");
  note.entry = {
      .field = note.place.field, .number = number, .nodes = header.a, .header_checksum = header.checksum};
  ZVEC_ASSIGN_OR_RETURN(note.entry.size_bytes, file->Size());
  return note;
}

Result<std::shared_ptr<const Graph>> OpenGraph(FileSystem& fs, const std::string& path,
                                               const IndexEntry& expected, const GraphPlace& place,
                                               MetricType metric, std::size_t dim, bool map, bool resident) {
  ZVEC_ASSIGN_OR_RETURN(auto file, SectionFile::Open(fs, path, kGraphFile, expected, place.collection, map));
  auto graph = std::make_shared<FileGraph>(std::move(file), map && resident);
  ZVEC_RETURN_IF_ERROR(graph->Check(expected, place, metric, dim));
  return std::shared_ptr<const Graph>(std::move(graph));
}

}  // namespace zvec::inline v0::hnsw
