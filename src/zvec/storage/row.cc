#include "zvec/storage/row.h"

#include <cstring>

#include "zvec/storage/cell.h"

namespace zvec::inline v0 {

using cocozvec::PutBytes;
using cocozvec::PutFixed;
using cocozvec::Reader;

RowLayout::RowLayout(const CollectionSchema& schema) {
  widths_.reserve(schema.fields.size());
  for (const FieldSchema& field : schema.fields) widths_.push_back(CellWidth(field));
}

void EncodeRow(const RowLayout& layout, const RowCells& row, std::string& out) {
  PutBytes(out, row.id);
  const std::size_t presence = out.size();
  out.append(layout.presence_bytes(), '\0');
  for (std::size_t f = 0; f < layout.field_count(); ++f) {
    const std::string_view cell = row.cells[f];
    if (cell.data() == nullptr) continue;
    out[presence + f / 8] =
        static_cast<char>(static_cast<unsigned char>(out[presence + f / 8]) | (1u << (f % 8)));
    if (layout.width(f) == 0) PutFixed(out, static_cast<std::uint32_t>(cell.size()));
    out.append(cell);
  }
}

bool DecodeRow(const RowLayout& layout, Reader& in, RowCells* row) {
  row->id = in.Bytes();
  const std::string_view presence = in.Raw(layout.presence_bytes());
  row->cells.assign(layout.field_count(), std::string_view());
  if (!in.ok()) return false;
  for (std::size_t f = 0; f < layout.field_count(); ++f) {
    if (!((static_cast<unsigned char>(presence[f / 8]) >> (f % 8)) & 1)) continue;
    const std::uint64_t size = layout.width(f) ? layout.width(f) : in.Read<std::uint32_t>();
    row->cells[f] = size ? in.Raw(size) : std::string_view("", 0);
    if (!in.ok()) return false;
  }
  return true;
}

Status CheckRow(const CollectionSchema& schema, const RowLayout& layout, const RowCells& row) {
  ZVEC_RETURN_IF_ERROR(ValidateId(row.id));
  for (std::size_t f = 0; f < schema.fields.size(); ++f) {
    const FieldSchema& field = schema.fields[f];
    if (row.cells[f].data() == nullptr) {
      if (!field.nullable) return Status::DataLoss("field " + field.name + " is null and must not be");
    } else if (layout.width(f) == 0) {
      ZVEC_RETURN_IF_ERROR(CheckCell(field, row.cells[f]));
    }
  }
  return {};
}

BatchBuilder::BatchBuilder(std::size_t space) : bytes_(space + 8, '\0'), space_(space) {}

void BatchBuilder::Put(std::string_view encoded_row) {
  ++puts_;
  bytes_.append(encoded_row);
}

void BatchBuilder::Delete(std::string_view id) {
  ++deletes_;
  PutBytes(bytes_, id);
}

std::string BatchBuilder::Finish() && {
  std::memcpy(bytes_.data() + space_, &puts_, sizeof(puts_));
  std::memcpy(bytes_.data() + space_ + 4, &deletes_, sizeof(deletes_));
  return std::move(bytes_);
}

BatchReader::BatchReader(const RowLayout& layout, std::string_view payload) : layout_(layout), in_(payload) {
  puts_ = in_.Read<std::uint32_t>();
  deletes_ = in_.Read<std::uint32_t>();
}

bool BatchReader::NextPut(RowCells* row) {
  if (puts_ == 0 || !in_.ok()) return false;
  if (!DecodeRow(layout_, in_, row)) return false;
  --puts_;
  return true;
}

bool BatchReader::NextDelete(std::string_view* id) {
  if (puts_ != 0 || deletes_ == 0 || !in_.ok()) return false;
  *id = in_.Bytes();
  if (!in_.ok()) return false;
  --deletes_;
  return true;
}

}  // namespace zvec::inline v0
