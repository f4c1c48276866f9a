#include "zvec/index/hnsw/index_file.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <new>
#include <vector>

#include "base/checksum.h"
#include "base/coding.h"
#include "base/fault.h"
#include "zvec/index/hnsw/arrays.h"
#include "zvec/storage/file_header.h"

namespace zvec::inline v0::hnsw {

using cocozvec::ChecksumAt;
using cocozvec::File;
using cocozvec::FileSystem;
using cocozvec::PutFixed;
using cocozvec::Reader;

namespace {

enum Kind : std::uint8_t { kMeta = 0, kCodes = 1, kLinks = 2, kSlots = 3 };
constexpr std::size_t kSections = 4;
/// 1 has codes of 7 bits and no breadth; it is written where that suffices, for older readers.
constexpr std::uint32_t kIndexVersion = 2;
constexpr std::uint64_t kAlignment = 64;
constexpr std::uint64_t kBlock = 64 << 10;

struct Section {
  std::uint64_t offset = 0, size = 0;
  std::vector<std::uint64_t> checksums;
};
using Sections = std::array<Section, kSections>;

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

std::uint64_t Blocks(std::uint64_t size) { return (size + kBlock - 1) / kBlock; }

/// Appends to a file block by block.
class Writer {
 public:
  Writer(File& file, std::uint64_t number, std::uint64_t collection)
      : file_(file), number_(number), collection_(collection) {}

  std::uint64_t offset() const noexcept { return flushed_ + buffer_.size(); }
  Status Begin(Section& section) {
    ZVEC_RETURN_IF_ERROR(EndBlock());
    buffer_.append((kAlignment - offset() % kAlignment) % kAlignment, '\0');
    ZVEC_RETURN_IF_ERROR(Flush());
    section_ = &section;
    section.offset = offset();
    return {};
  }
  Status Put(const void* data, std::uint64_t size) {
    const char* at = static_cast<const char*>(data);
    while (size != 0) {
      const std::uint64_t part = std::min(size, kBlock - buffer_.size());
      buffer_.append(at, part);
      at += part;
      size -= part;
      if (buffer_.size() == kBlock) ZVEC_RETURN_IF_ERROR(EndBlock());
    }
    return {};
  }
  /// The checksum of what was put since the last one.
  Status EndBlock() {
    if (section_ == nullptr || buffer_.empty()) return {};
    section_->checksums.push_back(ChecksumAt(AsBytes(buffer_), number_, flushed_, collection_));
    section_->size += buffer_.size();
    return Flush();
  }
  Status Raw(std::string_view bytes) {
    ZVEC_RETURN_IF_ERROR(EndBlock());
    section_ = nullptr;
    buffer_.append(bytes);
    return Flush();
  }

 private:
  Status Flush() {
    ZVEC_RETURN_IF_ERROR(file_.WriteAt(flushed_, AsBytes(buffer_)));
    flushed_ += buffer_.size();
    buffer_.clear();
    return {};
  }

  File& file_;
  const std::uint64_t number_, collection_;
  std::uint64_t flushed_ = 0;
  std::string buffer_;
  Section* section_ = nullptr;
};

std::uint32_t VersionOf(const GraphView& graph) {
  return graph.encoder->kind() == CodeKind::kBits7 && graph.breadth == 1 ? 1 : kIndexVersion;
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

Status WriteSections(Writer& out, const GraphPlace& place, const GraphView& graph, Sections& sections) {
  const std::string meta = EncodeMeta(place, graph);
  const std::size_t code = graph.code_bytes(), links = std::min(2 * graph.m, graph.row_links);
  ZVEC_RETURN_IF_ERROR(out.Begin(sections[kMeta]));
  ZVEC_RETURN_IF_ERROR(out.Put(meta.data(), meta.size()));
  ZVEC_RETURN_IF_ERROR(out.Begin(sections[kCodes]));
  const std::string none(code, '\0');
  for (std::uint32_t node = 0; node < graph.nodes; ++node) {
    // A row without a vector has no code: what memory held there must not reach the file.
    const void* bytes =
        graph.present[node] != 0 ? static_cast<const void*>(graph.codes + node * code) : none.data();
    ZVEC_RETURN_IF_ERROR(out.Put(bytes, code));
  }
  ZVEC_RETURN_IF_ERROR(out.Begin(sections[kLinks]));
  for (std::uint32_t node = 0; node < graph.nodes; ++node)
    ZVEC_RETURN_IF_ERROR(out.Put(graph.links + std::size_t{node} * graph.row_links, links * 4));
  ZVEC_RETURN_IF_ERROR(out.Begin(sections[kSlots]));
  const std::uint64_t slots = graph.slots, upper_links = std::uint64_t{graph.upper_rows} * graph.m;
  ZVEC_RETURN_IF_ERROR(out.Put(graph.slot_node, slots * 4));
  ZVEC_RETURN_IF_ERROR(out.Put(graph.slot_row, slots * 4));
  ZVEC_RETURN_IF_ERROR(out.Put(graph.slot_links, upper_links * 4));
  const std::string padding((64 - (slots * 8 + upper_links * 4) % 64) % 64, '\0');
  ZVEC_RETURN_IF_ERROR(out.Put(padding.data(), padding.size()));
  return out.Put(graph.slot_codes, slots * code);
}

std::string EncodeTable(const Sections& sections) {
  std::string table;
  for (const Section& s : sections) {
    PutFixed(table, s.offset);
    PutFixed(table, s.size);
    PutFixed(table, static_cast<std::uint32_t>(s.checksums.size()));
    for (const std::uint64_t checksum : s.checksums) PutFixed(table, checksum);
  }
  return table;
}

/// False when a section is not where and as large as a table of this file could say.
bool DecodeTable(std::string_view table, std::uint64_t end, Sections& sections) {
  Reader in(table);
  for (Section& s : sections) {
    s.offset = in.Read<std::uint64_t>();
    s.size = in.Read<std::uint64_t>();
    const auto blocks = in.Read<std::uint32_t>();
    if (!in.ok() || s.offset % kAlignment != 0 || s.offset < kFileHeaderBytes || s.offset > end ||
        s.size > end - s.offset || blocks != Blocks(s.size) || blocks > in.remaining() / 8)
      return false;
    s.checksums.resize(blocks);
    for (std::uint64_t& checksum : s.checksums) checksum = in.Read<std::uint64_t>();
  }
  return in.done();
}

class FileGraph final : public Graph, public BlockGuard {
 public:
  FileGraph(std::string path, const IndexEntry& entry, const GraphPlace& place, bool copies)
      : path_(std::move(path)), entry_(entry), place_(place), copies_(copies) {}

  Status Load(const File& file, bool map);
  Status Check(MetricType metric, std::size_t dim);

  GraphRef Current() const override {
    if (const Copy* copy = copy_.load(std::memory_order_acquire)) return {copy->view, nullptr};
    if (copies_ && searches_.fetch_add(1, std::memory_order_relaxed) == kSearchesBeforeCopy) MakeCopy();
    return {view_, nullptr};
  }
  Status Verify() const override;
  /// Blocks with right checksums are not yet levels that lead somewhere.
  bool complete() const noexcept override {
    return unchecked_.load(std::memory_order_acquire) == 0 && upper_checked_.load(std::memory_order_acquire);
  }
  Status TouchUpper() const override;
  Status TouchCode(std::uint32_t node) const override {
    return TouchRange(kCodes, node * shape_.code_bytes, shape_.code_bytes);
  }
  Status TouchLinks(std::uint32_t node) const override {
    return TouchRange(kLinks, node * shape_.row_links() * 4, shape_.row_links() * 4);
  }

 private:
  const std::byte* At(Kind kind) const noexcept { return bytes_.data() + sections_[kind].offset; }
  Status Damage(std::uint64_t offset, std::string_view what) const { return DamageAt(path_, offset, what); }
  Status ReadHeader();
  Status ReadMeta(MetricType metric, std::size_t dim);
  Status VerifyBlock(Kind kind, std::uint64_t block) const;
  /// Before the first use of these bytes: a mapped block that the disk cannot read would end the process.
  Status Reach(std::uint64_t offset, std::uint64_t size) const {
    return mapping_ ? mapping_->Populate(offset, size) : Status();
  }
  Status TouchRange(Kind kind, std::uint64_t begin, std::uint64_t size) const;
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

  const std::string path_;
  const IndexEntry entry_;
  const GraphPlace place_;
  std::unique_ptr<cocozvec::Mapping> mapping_;
  Array<std::byte> memory_;
  std::span<const std::byte> bytes_;
  Sections sections_;
  Shape shape_;
  Encoder encoder_;
  GraphView view_;
  std::array<std::unique_ptr<std::atomic<bool>[]>, kSections> checked_;
  mutable std::atomic<std::uint64_t> unchecked_{0};
  mutable std::atomic<bool> upper_checked_{false};
  const bool copies_;
  mutable std::atomic<std::uint32_t> searches_{0};
  mutable std::unique_ptr<const Copy> owned_copy_;  ///< made once, by one thread, then only read through:
  mutable std::atomic<const Copy*> copy_{nullptr};
};

Status FileGraph::Load(const File& file, bool map) {
  ZVEC_ASSIGN_OR_RETURN(const std::uint64_t size, file.Size());
  if (size != entry_.size_bytes)
    return Damage(size, "the file has " + std::to_string(size) + " bytes, " +
                            std::to_string(entry_.size_bytes) + " in the manifest");
  if (map) {
    ZVEC_ASSIGN_OR_RETURN(mapping_, file.Map(size));
    bytes_ = mapping_->bytes();
    return {};
  }
  memory_ = MakeArray<std::byte>(size);
  ZVEC_ASSIGN_OR_RETURN(const std::size_t got, file.ReadAt(0, std::span(memory_.get(), size)));
  if (got != size) return Damage(got, "the file ended while it was read");
  bytes_ = {memory_.get(), size};
  return {};
}

Status FileGraph::ReadHeader() {
  const std::string_view start(reinterpret_cast<const char*>(bytes_.data()),
                               std::min(kFileHeaderBytes, bytes_.size()));
  ZVEC_RETURN_IF_ERROR(Reach(0, start.size()));
  ZVEC_ASSIGN_OR_RETURN(const FileHeader header,
                        DecodeFileHeader(kIndexMagic, start, entry_.number, path_, kIndexVersion));
  if (header.collection != place_.collection) return Damage(16, "this is an index of another collection");
  if (header.checksum != entry_.header_checksum || header.a != entry_.nodes)
    return Damage(56, "this is not the index that the manifest names, but another one of that number");
  if (header.b < kFileHeaderBytes || header.b > bytes_.size())
    return Damage(40, "the section table begins at " + std::to_string(header.b) + ", outside the file");
  const auto table = bytes_.subspan(header.b);
  ZVEC_RETURN_IF_ERROR(Reach(header.b, table.size()));
  if (ChecksumAt(table, entry_.number, header.b, place_.collection) != header.c)
    return Damage(header.b, "the section table does not match its checksum");
  if (!DecodeTable({reinterpret_cast<const char*>(table.data()), table.size()}, header.b, sections_))
    return Damage(header.b, "the section table does not follow its format");
  return {};
}

Status FileGraph::ReadMeta(MetricType metric, std::size_t dim) {
  for (std::uint64_t block = 0; block < sections_[kMeta].checksums.size(); ++block)
    ZVEC_RETURN_IF_ERROR(VerifyBlock(kMeta, block));
  Reader in(std::span(At(kMeta), sections_[kMeta].size));
  const auto segment = in.Read<std::uint64_t>();
  const auto field = in.Read<std::uint32_t>();
  for (std::uint32_t* v : {&shape_.m, &shape_.slots, &shape_.upper_rows, &shape_.entry, &shape_.top_level})
    *v = in.Read<std::uint32_t>();
  const bool encoder = encoder_.Load(in, metric, dim);
  if (!in.done()) view_.breadth = in.Read<std::uint32_t>();  // files of version 1 may lack it
  if (!encoder || !in.done() || view_.breadth < 1 || view_.breadth > kMostBreadth ||
      segment != place_.segment || field != place_.field)
    return Damage(sections_[kMeta].offset, "this is not the graph of this field and segment");
  shape_.nodes = entry_.nodes;
  shape_.code_bytes = encoder_.code_bytes();
  const bool sane = shape_.nodes < kNoNode / 2 && shape_.m >= 2 && shape_.m <= 1'000 &&
                    shape_.slots <= shape_.nodes &&
                    (shape_.entry == kNoNode || (shape_.entry < shape_.slots && shape_.top_level >= 1)) &&
                    sections_[kCodes].size == shape_.codes() && sections_[kLinks].size == shape_.links() &&
                    sections_[kSlots].size == shape_.slot_bytes();
  return sane ? Status() : Damage(sections_[kMeta].offset, "the sizes of the sections do not fit the graph");
}

Status FileGraph::Check(MetricType metric, std::size_t dim) {
  ZVEC_RETURN_IF_ERROR(ReadHeader());
  ZVEC_RETURN_IF_ERROR(ReadMeta(metric, dim));
  for (const Kind kind : {kCodes, kLinks, kSlots}) {
    const std::size_t blocks = sections_[kind].checksums.size();
    checked_[kind] = std::make_unique<std::atomic<bool>[]>(blocks);
    unchecked_ += blocks;
  }
  const std::byte* slots = At(kSlots);
  const auto words = [](const std::byte* p) { return reinterpret_cast<const std::uint32_t*>(p); };
  view_.encoder = &encoder_;
  view_.nodes = static_cast<std::uint32_t>(shape_.nodes);
  view_.codes = reinterpret_cast<const std::uint8_t*>(At(kCodes));
  view_.links = words(At(kLinks));
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

Status FileGraph::VerifyBlock(Kind kind, std::uint64_t block) const {
  const Section& section = sections_[kind];
  const std::uint64_t begin = block * kBlock, size = std::min(kBlock, section.size - begin);
  const std::uint64_t offset = section.offset + begin;
  ZVEC_RETURN_IF_ERROR(Reach(offset, size));
  if (ChecksumAt(bytes_.subspan(offset, size), entry_.number, offset, place_.collection) !=
      section.checksums[block])
    return Damage(offset, "the block of " + std::to_string(size) + " bytes does not match its checksum");
  return {};
}

Status FileGraph::TouchRange(Kind kind, std::uint64_t begin, std::uint64_t size) const {
  for (std::uint64_t block = begin / kBlock; block <= (begin + size - 1) / kBlock; ++block) {
    std::atomic<bool>& checked = checked_[kind][block];
    if (checked.load(std::memory_order_acquire)) continue;
    ZVEC_RETURN_IF_ERROR(VerifyBlock(kind, block));
    if (!checked.exchange(true, std::memory_order_acq_rel))
      unchecked_.fetch_sub(1, std::memory_order_acq_rel);
  }
  return {};
}

Status FileGraph::TouchUpper() const {
  if (upper_checked_.load(std::memory_order_acquire)) return {};
  if (sections_[kSlots].size != 0) ZVEC_RETURN_IF_ERROR(TouchRange(kSlots, 0, sections_[kSlots].size));
  ZVEC_RETURN_IF_ERROR(CheckSlots());
  upper_checked_.store(true, std::memory_order_release);
  return {};
}

Status FileGraph::Verify() const {
  if (view_.nodes == 0) return {};
  ZVEC_RETURN_IF_ERROR(TouchUpper());
  ZVEC_RETURN_IF_ERROR(TouchRange(kCodes, 0, shape_.codes()));
  return TouchRange(kLinks, 0, shape_.links());
}

void FileGraph::MakeCopy() const {
  if (view_.nodes == 0 || !Verify().ok()) return;
  try {
    auto copy = std::make_unique<Copy>();
    copy->codes = MakeArray<std::uint8_t>(shape_.codes());
    copy->slot_codes = MakeArray<std::uint8_t>(shape_.slots * shape_.code_bytes);
    copy->links = MakeArray<std::uint32_t>(shape_.links() / 4);
    std::memcpy(copy->codes.get(), view_.codes, shape_.codes());
    std::memcpy(copy->slot_codes.get(), view_.slot_codes, shape_.slots * shape_.code_bytes);
    std::memcpy(copy->links.get(), view_.links, shape_.links());
    copy->view = view_;
    copy->view.codes = copy->codes.get();
    copy->view.slot_codes = copy->slot_codes.get();
    copy->view.links = copy->links.get();
    owned_copy_ = std::move(copy);
    copy_.store(owned_copy_.get(), std::memory_order_release);
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
  return sane ? Status() : Damage(sections_[kSlots].offset, "the upper levels do not follow their format");
}

}  // namespace

Result<IndexEntry> WriteGraph(FileSystem& fs, const std::string& path, std::uint64_t number,
                              const GraphPlace& place, const GraphView& graph) {
  ZVEC_ASSIGN_OR_RETURN(auto file, fs.Open(path, cocozvec::OpenMode::kCreateNew));
  Writer out(*file, number, place.collection);
  ZVEC_RETURN_IF_ERROR(out.Raw(std::string(kFileHeaderBytes, '\0')));
  Sections sections;
  ZVEC_RETURN_IF_ERROR(WriteSections(out, place, graph, sections));
  ZVEC_RETURN_IF_ERROR(out.EndBlock());
  const std::string table = EncodeTable(sections);
  FileHeader header{.version = VersionOf(graph),
                    .collection = place.collection,
                    .number = number,
                    .a = graph.nodes,
                    .b = out.offset()};
  header.c = ChecksumAt(AsBytes(table), number, header.b, place.collection);
  ZVEC_RETURN_IF_ERROR(out.Raw(table));
  ZVEC_RETURN_IF_ERROR(file->WriteAt(0, AsBytes(EncodeFileHeader(kIndexMagic, header))));
  ZVEC_RETURN_IF_ERROR(file->Sync());
  return IndexEntry{place.field, number, out.offset(), graph.nodes, header.checksum};
}

Result<std::shared_ptr<const Graph>> OpenGraph(FileSystem& fs, const std::string& path,
                                               const IndexEntry& expected, const GraphPlace& place,
                                               MetricType metric, std::size_t dim, bool map, bool resident) {
  ZVEC_ASSIGN_OR_RETURN(auto file, fs.Open(path, cocozvec::OpenMode::kRead));
  auto graph = std::make_shared<FileGraph>(path, expected, place, map && resident);
  ZVEC_RETURN_IF_ERROR(graph->Load(*file, map));
  ZVEC_RETURN_IF_ERROR(graph->Check(metric, dim));
  return std::shared_ptr<const Graph>(std::move(graph));
}

}  // namespace zvec::inline v0::hnsw
