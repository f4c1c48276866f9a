#include "zvec/collection/doc_codec.h"

#include <algorithm>

#include "base/coding.h"
#include "zvec/schema/text.h"
#include "zvec/storage/cell.h"

namespace zvec::inline v0 {

using cocozvec::PutBytes;
using cocozvec::PutFixed;
using cocozvec::Reader;

namespace {

std::string InDocument(const CollectionSchema& schema, std::string_view id) {
  return "collection " + Quoted(schema.name) + ": document " + Quoted(id);
}

/// The values of a document by place in the schema; null: not given.
Result<std::vector<const Value*>> PlaceValues(const CollectionSchema& schema, const Doc& doc) {
  std::vector<const Value*> values(schema.fields.size());
  std::size_t guess = 0;  // documents mostly name their fields in the order of the schema
  for (const Field& field : doc.fields) {
    if (guess >= values.size() || schema.fields[guess].name != field.name) {
      const FieldSchema* found = schema.Find(field.name);
      if (found == nullptr)
        return Status::InvalidArgument(InDocument(schema, doc.id) + ": field " + Quoted(field.name) +
                                       " is not in the schema");
      guess = static_cast<std::size_t>(found - schema.fields.data());
    }
    if (values[guess] != nullptr)
      return Status::InvalidArgument(InDocument(schema, doc.id) + ": field " + Quoted(field.name) +
                                     " is given twice");
    values[guess++] = &field.value;
  }
  return values;
}

bool IsNull(const Value* value) { return value == nullptr || std::holds_alternative<std::monostate>(*value); }

/// Writes a row cell by cell.
class RowEncoder {
 public:
  RowEncoder(const CollectionSchema& schema, const RowLayout& layout, std::string_view id, std::string& row)
      : schema_(schema), layout_(layout), row_(row) {
    PutBytes(row_, id);
    presence_ = row_.size();
    row_.append(layout.presence_bytes(), '\0');
  }

  Status Put(std::size_t f, const Value& value) {
    auto& bits = reinterpret_cast<unsigned char&>(row_[presence_ + f / 8]);
    bits = static_cast<unsigned char>(bits | (1u << (f % 8)));
    const bool variable = layout_.width(f) == 0;
    const std::size_t start = row_.size() + (variable ? 4 : 0);
    if (variable) PutFixed<std::uint32_t>(row_, 0);
    ZVEC_RETURN_IF_ERROR(EncodeCell(schema_.fields[f], value, row_));
    if (!variable) return {};
    const std::size_t size = row_.size() - start;
    if (size > kMaxCellBytes)
      return Status::InvalidArgument("field " + Quoted(schema_.fields[f].name) + ": " + std::to_string(size) +
                                     " bytes, at most " + std::to_string(kMaxCellBytes) + " are allowed");
    const auto size32 = static_cast<std::uint32_t>(size);
    row_.replace(start - 4, 4, reinterpret_cast<const char*>(&size32), 4);
    return {};
  }

 private:
  const CollectionSchema& schema_;
  const RowLayout& layout_;
  std::string& row_;
  std::size_t presence_ = 0;
};

Status CheckId(const CollectionSchema& schema, const Doc& doc) {
  return ValidateId(doc.id).WithContext("collection " + Quoted(schema.name));
}

Status MustHaveValue(const CollectionSchema& schema, std::string_view id, const FieldSchema& field,
                     bool given) {
  if (field.nullable) return {};
  return Status::InvalidArgument(InDocument(schema, id) + ": field " + Quoted(field.name) + " is " +
                                 (given ? "null" : "missing") + ", and is not nullable");
}

}  // namespace

Status EncodeDoc(const CollectionSchema& schema, const RowLayout& layout, const Doc& doc, std::string& row) {
  if (Status status = CheckId(schema, doc); !status.ok()) return status;
  ZVEC_ASSIGN_OR_RETURN(const auto values, PlaceValues(schema, doc));
  RowEncoder encoder(schema, layout, doc.id, row);
  for (std::size_t f = 0; f < values.size(); ++f) {
    if (IsNull(values[f])) {
      ZVEC_RETURN_IF_ERROR(MustHaveValue(schema, doc.id, schema.fields[f], values[f] != nullptr));
    } else if (Status status = encoder.Put(f, *values[f]); !status.ok()) {
      return status.WithContext(InDocument(schema, doc.id));
    }
  }
  return {};
}

Status EncodePatch(const CollectionSchema& schema, const RowLayout& layout, const Doc& doc, DocPatch* patch) {
  if (Status status = CheckId(schema, doc); !status.ok()) return status;
  ZVEC_ASSIGN_OR_RETURN(const auto values, PlaceValues(schema, doc));
  patch->given.assign(values.size(), false);
  RowEncoder encoder(schema, layout, doc.id, patch->row);
  for (std::size_t f = 0; f < values.size(); ++f) {
    if (values[f] == nullptr) continue;
    patch->given[f] = true;
    if (IsNull(values[f])) {
      ZVEC_RETURN_IF_ERROR(MustHaveValue(schema, doc.id, schema.fields[f], true));
    } else if (Status status = encoder.Put(f, *values[f]); !status.ok()) {
      return status.WithContext(InDocument(schema, doc.id));
    }
  }
  return {};
}

std::string ApplyPatch(const RowLayout& layout, std::string_view old_row, const DocPatch& patch) {
  RowCells cells, changes;
  Reader old_in(old_row), patch_in(patch.row);
  DecodeRow(layout, old_in, &cells);
  DecodeRow(layout, patch_in, &changes);
  for (std::size_t f = 0; f < patch.given.size(); ++f)
    if (patch.given[f]) cells.cells[f] = changes.cells[f];
  std::string row;
  row.reserve(old_row.size() + patch.row.size());
  EncodeRow(layout, cells, row);
  return row;
}

Result<Projection> MakeProjection(const CollectionSchema& schema, const OutputFields& fields,
                                  bool include_vectors) {
  std::vector<bool> wanted(schema.fields.size());
  for (std::size_t f = 0; f < wanted.size(); ++f)
    wanted[f] = IsVector(schema.fields[f].type) ? include_vectors : !fields.has_value();
  if (fields) {
    for (const std::string& name : *fields) {
      const FieldSchema* field = schema.Find(name);
      if (field == nullptr)
        return Status::NotFound("collection " + Quoted(schema.name) + ": output field " + Quoted(name) +
                                " is not in the schema");
      wanted[static_cast<std::size_t>(field - schema.fields.data())] = true;
    }
  }
  Projection projection;
  for (std::size_t f = 0; f < wanted.size(); ++f)
    if (wanted[f]) projection.push_back(f);
  return projection;
}

Status DocReader::Load(const Location& at, ColumnChunk* chunks) const {
  const StoredView& view = version_.At(at.segment);
  const std::uint32_t chunk = at.row / kChunkRows, row = at.row % kChunkRows;
  for (std::size_t i = 0; i < stride(); ++i) {
    ZVEC_ASSIGN_OR_RETURN(chunks[i], view.Column(i == 0 ? kIdColumn : projection_[i - 1], chunk));
    const ColumnChunk& column = chunks[i];
    if (column.valid != nullptr) __builtin_prefetch(column.valid + row / 64);
    if (column.width != 0) {
      __builtin_prefetch(column.fixed + row * column.width);
    } else if (column.offsets != nullptr) {
      __builtin_prefetch(column.offsets + row);
    } else {
      __builtin_prefetch(column.views + row);
    }
  }
  return {};
}

void DocReader::PrefetchBytes(std::uint32_t row, const ColumnChunk* chunks) const noexcept {
  row %= kChunkRows;
  for (std::size_t i = 0; i < stride(); ++i) {
    const ColumnChunk& column = chunks[i];
    if (column.width != 0) continue;
    // The view of a null row is any, so that its text may not be looked at; a prefetch does not.
    __builtin_prefetch(column.offsets != nullptr ? column.bytes + column.offsets[row]
                                                 : column.views[row].data());
  }
}

void DocReader::PrefetchRest(std::uint32_t row, const ColumnChunk* chunks) const noexcept {
  constexpr std::size_t kLine = 64, kMostLines = 16;  // the rest of a long cell follows by itself
  row %= kChunkRows;
  for (std::size_t i = 0; i < stride(); ++i)
    for (std::size_t line = kLine; line < std::min(chunks[i].width, kMostLines * kLine); line += kLine)
      __builtin_prefetch(chunks[i].fixed + row * chunks[i].width + line);
}

Status DocReader::Decode(const Location& at, const ColumnChunk* chunks, Doc* doc) const {
  const std::uint32_t row = at.row % kChunkRows;
  const CollectionSchema& schema = version_.At(at.segment).schema();
  doc->id = chunks[0].Cell(row);
  doc->fields.clear();
  doc->fields.reserve(projection_.size());
  for (std::size_t i = 0; i < projection_.size(); ++i) {
    const ColumnChunk& column = chunks[i + 1];
    if (column.IsNull(row)) continue;
    const FieldSchema& field = schema.fields[projection_[i]];
    auto value = DecodeCell(field, column.Cell(row));
    if (!value.ok()) return value.status().WithContext(InDocument(schema, doc->id));
    doc->fields.push_back({field.name, *std::move(value)});
  }
  return {};
}

Status DocReader::Read(const Location& at, Doc* doc) {
  const std::uint32_t chunk = at.row / kChunkRows;
  if (!loaded_ || segment_ != at.segment || chunk_ != chunk) {
    loaded_ = false;
    chunks_.resize(stride());
    ZVEC_RETURN_IF_ERROR(Load(at, chunks_.data()));
    segment_ = at.segment;
    chunk_ = chunk;
    loaded_ = true;
  }
  return Decode(at, chunks_.data(), doc);
}

Result<std::string> DocReader::ReadRow(const Version& version, const RowLayout& layout, const Location& at) {
  const StoredView& view = version.At(at.segment);
  const std::uint32_t chunk = at.row / kChunkRows, row = at.row % kChunkRows;
  RowCells cells;
  ZVEC_ASSIGN_OR_RETURN(const ColumnChunk ids, view.Column(kIdColumn, chunk));
  cells.id = ids.Cell(row);
  cells.cells.resize(layout.field_count());
  for (std::size_t f = 0; f < layout.field_count(); ++f) {
    ZVEC_ASSIGN_OR_RETURN(const ColumnChunk column, view.Column(f, chunk));
    if (column.IsNull(row)) continue;
    cells.cells[f] = column.Cell(row);
    if (cells.cells[f].data() == nullptr) cells.cells[f] = std::string_view("", 0);
  }
  std::string out;
  EncodeRow(layout, cells, out);
  return out;
}

}  // namespace zvec::inline v0
