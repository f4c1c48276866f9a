// zvec/storage/sealed_segment.h: a sealed segment's file, mapped or read whole. docs/format/segment.md
// Threads: immutable; the marks of verified blocks are atomic, codes for scans (of a view) are made by them.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/io/file_system.h"
#include "zvec/storage/coded_chunk.h"
#include "zvec/storage/file_header.h"
#include "zvec/storage/segment_format.h"
#include "zvec/storage/segment_writer.h"
#include "zvec/storage/stored_view.h"

namespace zvec::inline v0 {

/// The codes that scans make of a segment's fields, for as long as a view without their graphs lives; by
/// field, null: does not suit.
using ScanCodes = std::vector<std::unique_ptr<CodedChunk[]>>;

class SealedSegment {
 public:
  /// Checks header and section table against the manifest's entry; blocks are checked when they are first
  /// touched. Errors   kNotFound, kIoError, kDataLoss, kUnimplemented (a newer version).
  static Result<std::shared_ptr<const SealedSegment>> Open(cocozvec::FileSystem& fs, const std::string& path,
                                                           const SegmentFile& expected,
                                                           std::uint64_t collection,
                                                           std::shared_ptr<const CollectionSchema> schema,
                                                           bool map);
  ~SealedSegment();

  const SegmentFile& file() const noexcept { return info_; }
  const CollectionSchema& schema() const noexcept { return *schema_; }
  std::uint32_t rows() const noexcept { return static_cast<std::uint32_t>(info_.rows); }
  Result<ColumnChunk> Column(std::size_t field, std::uint32_t chunk) const;
  /// What the cells of a field take, with their offsets.
  std::uint64_t ColumnBytes(std::size_t field) const noexcept { return data_[field]->section.size; }
  Result<std::optional<std::uint32_t>> Find(std::string_view id, std::uint64_t hash) const;
  void PrefetchFind(std::uint64_t hash, int step) const noexcept;
  std::shared_ptr<const ScanCodes> NoCodesYet() const;
  /// Every block, checked now.
  Status VerifyAll() const;

 private:
  SealedSegment() = default;
  struct AlignedFree {
    void operator()(std::byte* p) const noexcept;
  };
  struct Checked {
    Section section;
    std::unique_ptr<std::atomic<bool>[]> verified;  ///< per block
  };

  Status Load(const cocozvec::File& file, bool map);
  Status ReadTable(const FileHeader& header);
  const std::byte* At(const Section& section, std::uint64_t offset) const noexcept {
    return bytes_.data() + section.offset + offset;
  }
  /// Checks a block's checksum, and the structure of a block of variable cells, when it is touched for the
  /// first time.
  Status Verify(const Checked& checked, std::size_t block) const;
  /// Before the first use of these bytes: a mapped block that the disk cannot read would end the process.
  Status Reach(std::uint64_t offset, std::uint64_t size) const {
    return mapping_ ? mapping_->Populate(offset, size) : Status();
  }
  Status CheckCells(const Section& section, std::size_t block) const;

  std::string path_;
  SegmentFile info_;
  std::uint64_t collection_ = 0;
  std::shared_ptr<const CollectionSchema> schema_;
  std::unique_ptr<cocozvec::Mapping> mapping_;
  std::unique_ptr<std::byte, AlignedFree> memory_;
  std::span<const std::byte> bytes_;
  std::vector<Checked> sections_;
  const Checked* ids_ = nullptr;
  const Checked* id_table_ = nullptr;
  std::vector<const Checked*> data_;   ///< by field
  std::vector<const Checked*> valid_;  ///< by field; null: no nulls
};

class SealedView final : public StoredView {
 public:
  SealedView(std::shared_ptr<const SealedSegment> segment, std::shared_ptr<const Bitmap> dead,
             std::shared_ptr<const Graphs> graphs = nullptr)
      : StoredView(std::move(dead)),
        segment_(std::move(segment)),
        graphs_(std::move(graphs)),
        codes_(segment_->NoCodesYet()) {}
  /// The same segment, and no more of it has a finished graph than before: the codes of its rows stay.
  SealedView(const SealedView& before, std::shared_ptr<const Bitmap> dead,
             std::shared_ptr<const Graphs> graphs)
      : StoredView(std::move(dead)),
        segment_(before.segment_),
        graphs_(std::move(graphs)),
        codes_(before.codes_) {}
  /// The same segment: with the codes of `before` if it has the same graphs.
  static std::shared_ptr<const SealedView> After(const SealedView& before, std::shared_ptr<const Bitmap> dead,
                                                 std::shared_ptr<const Graphs> graphs);
  const CollectionSchema& schema() const noexcept override { return segment_->schema(); }
  std::uint32_t row_count() const noexcept override { return segment_->rows(); }
  Result<ColumnChunk> Column(std::size_t field, std::uint32_t chunk) const override {
    return segment_->Column(field, chunk);
  }
  std::shared_ptr<const void> Identity() const override { return segment_; }
  const CodedChunk* Codes(std::size_t field, std::uint32_t chunk) const override {
    return (*codes_)[field] ? &(*codes_)[field][chunk] : nullptr;
  }
  std::uint64_t code_bytes() const noexcept override;
  Result<std::optional<std::uint32_t>> Find(std::string_view id, std::uint64_t hash) const override {
    return segment_->Find(id, hash);
  }
  void PrefetchFind(std::uint64_t hash, int step) const noexcept override {
    segment_->PrefetchFind(hash, step);
  }
  const hnsw::Graph* Graph(std::size_t field) const override {
    return graphs_ && field < graphs_->size() ? (*graphs_)[field].get() : nullptr;
  }
  const std::shared_ptr<const SealedSegment>& segment() const noexcept { return segment_; }
  const std::shared_ptr<const Graphs>& graphs() const noexcept { return graphs_; }

 private:
  std::shared_ptr<const SealedSegment> segment_;
  std::shared_ptr<const Graphs> graphs_;
  std::shared_ptr<const ScanCodes> codes_;
};

}  // namespace zvec::inline v0
