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
  /// Asks for the memory of a row that Read is to be given a little later.
  void Prefetch(const Location& at) const;
  /// The whole row, all fields.
  static Result<std::string> ReadRow(const Version& version, const RowLayout& layout, const Location& at);

 private:
  Status LoadChunk(const Location& at);

  const Version& version_;
  const Projection projection_;
  bool loaded_ = false;
  std::uint32_t segment_ = 0, chunk_ = 0;
  ColumnChunk ids_;
  std::vector<ColumnChunk> columns_;  ///< as in projection_
};

}  // namespace zvec::inline v0
