// zvec/collection/doc_codec.h: documents to rows, checked against the schema, and rows to documents.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "zvec/collection/version.h"
#include "zvec/doc.h"
#include "zvec/query.h"
#include "zvec/schema.h"
#include "zvec/storage/row.h"

namespace zvec::inline v0 {

/// Appends the whole row (row.h); a field that is missing is null. kInvalidArgument names id, field and both
/// values.
Status EncodeDoc(const CollectionSchema& schema, const RowLayout& layout, const Doc& doc, std::string& row);

/// The fields that an update gives; the others keep what they hold.
struct DocPatch {
  std::vector<bool> given;
  std::string row;  ///< a row whose other cells mean nothing
  bool gives_something() const { return std::find(given.begin(), given.end(), true) != given.end(); }
};
Status EncodePatch(const CollectionSchema& schema, const RowLayout& layout, const Doc& doc, DocPatch* patch);
/// `old_row` with the given fields replaced.
std::string ApplyPatch(const RowLayout& layout, std::string_view old_row, const DocPatch& patch);

/// Which fields a read returns, as places in the schema, ascending.
using Projection = std::vector<std::size_t>;
/// kNotFound for a name that the schema does not have.
Result<Projection> MakeProjection(const CollectionSchema& schema, const OutputFields& fields,
                                  bool include_vectors);

/// Reads documents of one version; quick when consecutive rows lie together.
/// Threads: one at a time.
class DocReader {
 public:
  DocReader(const Version& version, Projection projection)
      : version_(version), projection_(std::move(projection)) {}
  Status Read(const Location& at, Doc* doc);
  /// The rows `at(0)` .. `at(count - 1)` into `*doc(i)` each. They may lie far from each other: the memory of
  /// many is asked for before that of the first is needed.
  template <class At, class Into>
  Status ReadEach(std::size_t count, const At& at, const Into& doc) {
    for (std::size_t first = 0; first < count; first += kAhead) {
      const std::size_t some = std::min(kAhead, count - first);
      ahead_.resize(some * stride());
      for (std::size_t i = 0; i < some; ++i)
        ZVEC_RETURN_IF_ERROR(Load(at(first + i), ahead_.data() + i * stride()));
      for (std::size_t i = 0; i < some; ++i) PrefetchBytes(at(first + i).row, ahead_.data() + i * stride());
      for (std::size_t i = 0; i < some + kWideAhead; ++i) {
        if (i < some) PrefetchRest(at(first + i).row, ahead_.data() + i * stride());
        if (i < kWideAhead) continue;
        const std::size_t row = i - kWideAhead;
        ZVEC_RETURN_IF_ERROR(Decode(at(first + row), ahead_.data() + row * stride(), doc(first + row)));
      }
    }
    return {};
  }
  /// The whole row, all fields.
  static Result<std::string> ReadRow(const Version& version, const RowLayout& layout, const Location& at);

 private:
  static constexpr std::size_t kAhead = 64;     ///< rows whose first lines are asked for
  static constexpr std::size_t kWideAhead = 6;  ///< rows whose vectors are

  /// Of the chunks of a row: its ids, then the columns of the projection.
  std::size_t stride() const noexcept { return projection_.size() + 1; }
  Status Load(const Location& at, ColumnChunk* chunks) const;
  void PrefetchBytes(std::uint32_t row, const ColumnChunk* chunks) const noexcept;
  void PrefetchRest(std::uint32_t row, const ColumnChunk* chunks) const noexcept;
  Status Decode(const Location& at, const ColumnChunk* chunks, Doc* doc) const;

  const Version& version_;
  const Projection projection_;
  bool loaded_ = false;
  std::uint32_t segment_ = 0, chunk_ = 0;
  std::vector<ColumnChunk> chunks_;  ///< of the row that Read gave last
  std::vector<ColumnChunk> ahead_;   ///< of many rows, one after the other
};

}  // namespace zvec::inline v0
