#include "zvec/storage/mutable_segment.h"

#include <algorithm>
#include <cstring>

#include "zvec/storage/coded_chunk.h"

namespace zvec::inline v0 {

namespace {

constexpr std::size_t kArenaBlock = 256 << 10;
constexpr std::size_t kValidWords = kChunkRows / 64;
constexpr std::uint64_t kRowOverhead = 32;  // id view, hash, slots of the id table

struct ColumnRows {
  cocozvec::Array<std::byte> fixed;
  std::unique_ptr<std::string_view[]> views;
  std::unique_ptr<std::uint64_t[]> valid;  // made at the first null
};

}  // namespace

struct MutableSegment::Chunk {
  std::string_view ids[kChunkRows];
  std::vector<ColumnRows> columns;
  std::unique_ptr<CodedChunk[]> codes;  ///< by field; null: none suits
};

MutableSegment::MutableSegment(std::shared_ptr<const CollectionSchema> schema)
    : schema_(std::move(schema)), layout_(*schema_), table_(std::make_shared<ChunkTable>()) {}

MutableSegment::~MutableSegment() = default;

void MutableSegment::AddChunk() {
  auto chunk = std::make_unique<Chunk>();
  chunk->columns.resize(layout_.field_count());
  for (std::size_t f = 0; f < layout_.field_count(); ++f) {
    ColumnRows& column = chunk->columns[f];
    // Untouched pages of a large chunk cost nothing: the kernel gives them on first use.
    if (layout_.width(f) != 0)
      column.fixed = cocozvec::MakeBytes(layout_.width(f) * kChunkRows);
    else
      column.views = std::make_unique<std::string_view[]>(kChunkRows);
  }
  if (std::any_of(schema_->fields.begin(), schema_->fields.end(), CodedChunk::Suits))
    chunk->codes = std::make_unique<CodedChunk[]>(layout_.field_count());
  chunks_.push_back(std::move(chunk));
  auto table = std::make_shared<ChunkTable>(*table_);
  table->push_back(chunks_.back().get());
  table_ = std::move(table);
}

std::string_view MutableSegment::Keep(std::string_view bytes) {
  if (bytes.empty()) return std::string_view("", 0);
  if (bytes.size() > arena_left_) {
    const bool alone =
        bytes.size() >= kArenaBlock / 4;  // a large cell does not waste what is left of the block
    const std::size_t size = alone ? bytes.size() : kArenaBlock;
    arena_.push_back(cocozvec::MakeArray<char>(size));
    if (alone) {
      std::memcpy(arena_.back().get(), bytes.data(), bytes.size());
      return {arena_.back().get(), bytes.size()};
    }
    arena_at_ = arena_.back().get();
    arena_left_ = size;
  }
  std::memcpy(arena_at_, bytes.data(), bytes.size());
  const std::string_view kept(arena_at_, bytes.size());
  arena_at_ += bytes.size();
  arena_left_ -= bytes.size();
  return kept;
}

std::uint32_t MutableSegment::Append(const RowCells& row) {
  const std::uint32_t at = rows_ % kChunkRows;
  if (at == 0) AddChunk();
  Chunk& chunk = *chunks_.back();
  chunk.ids[at] = Keep(row.id);
  bytes_ += row.id.size() + kRowOverhead;
  for (std::size_t f = 0; f < layout_.field_count(); ++f) {
    ColumnRows& column = chunk.columns[f];
    const std::string_view cell = row.cells[f];
    const std::size_t width = layout_.width(f);
    if (cell.data() == nullptr) {
      if (!column.valid) {
        column.valid = std::make_unique<std::uint64_t[]>(kValidWords);
        std::fill_n(column.valid.get(), kValidWords, ~std::uint64_t{0});
      }
      column.valid[at / 64] &= ~(std::uint64_t{1} << (at % 64));
      if (width != 0) std::memset(column.fixed.get() + at * width, 0, width);
      continue;
    }
    if (width != 0) {
      std::memcpy(column.fixed.get() + at * width, cell.data(), width);
      bytes_ += width;
    } else {
      column.views[at] = Keep(cell);
      bytes_ += cell.size() + sizeof(std::string_view);
    }
  }
  return rows_++;
}

std::string_view MutableSegment::IdAt(std::uint32_t row) const noexcept {
  return chunks_[row / kChunkRows]->ids[row % kChunkRows];
}

std::optional<std::uint32_t> MutableSegment::Index(std::string_view id, std::uint64_t hash,
                                                   std::uint32_t row) {
  return ids_.Put(hash, row, [&](std::uint32_t other) { return IdAt(other) == id; });
}

std::shared_ptr<const MutableView> MutableSegment::Publish(std::shared_ptr<const Bitmap> dead) const {
  return std::shared_ptr<const MutableView>(new MutableView(shared_from_this(), std::move(dead)));
}

MutableView::MutableView(std::shared_ptr<const MutableSegment> segment, std::shared_ptr<const Bitmap> dead)
    : StoredView(std::move(dead)),
      segment_(std::move(segment)),
      rows_(segment_->rows_),
      table_(segment_->table_),
      graphs_(segment_->graphs_) {
  if (rows_ % kChunkRows == 0) return;
  const MutableSegment::Chunk& tail = *table_->back();
  tail_valid_.resize(tail.columns.size());
  for (std::size_t f = 0; f < tail.columns.size(); ++f)
    if (const auto& valid = tail.columns[f].valid)
      tail_valid_[f].assign(valid.get(), valid.get() + kValidWords);
}

Result<ColumnChunk> MutableView::Column(std::size_t field, std::uint32_t chunk) const {
  ColumnChunk out;
  out.rows = std::min(kChunkRows, rows_ - chunk * kChunkRows);
  const MutableSegment::Chunk& in = *(*table_)[chunk];
  if (field == kIdColumn) {
    out.views = in.ids;
    return out;
  }
  const ColumnRows& column = in.columns[field];
  out.width = segment_->layout_.width(field);
  out.fixed = column.fixed.get();
  out.views = column.views.get();
  if (out.rows == kChunkRows)
    out.valid = column.valid.get();
  else if (!tail_valid_[field].empty())
    out.valid = tail_valid_[field].data();
  return out;
}

const CodedChunk* MutableView::Codes(std::size_t field, std::uint32_t chunk) const {
  const auto& codes = (*table_)[chunk]->codes;
  return codes && CodedChunk::Suits(segment_->schema_->fields[field]) ? &codes[field] : nullptr;
}

std::uint64_t MutableView::code_bytes() const noexcept {
  std::uint64_t bytes = 0;
  for (const MutableSegment::Chunk* chunk : *table_)
    for (std::size_t f = 0; chunk->codes && f < segment_->layout_.field_count(); ++f)
      bytes += chunk->codes[f].bytes();
  return bytes;
}

Result<std::optional<std::uint32_t>> MutableView::Find(std::string_view id, std::uint64_t hash) const {
  return segment_->ids_.Find(hash, [&](std::uint32_t row) {
    return row < rows_ && (*table_)[row / kChunkRows]->ids[row % kChunkRows] == id;
  });
}

}  // namespace zvec::inline v0
