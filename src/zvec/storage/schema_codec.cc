// The schema inside a manifest: docs/format/manifest.md, "Schema".
#include "base/coding.h"
#include "zvec/storage/manifest.h"

namespace zvec::inline v0 {

using cocozvec::PutBytes;
using cocozvec::PutFixed;
using cocozvec::PutVarint;
using cocozvec::Reader;

namespace {

enum FieldFlags : std::uint8_t { kNullable = 1, kHasIndex = 2 };
enum IndexFlags : std::uint8_t { kRange = 1, kWildcard = 2 };

void EncodeIndex(const IndexParams& index, std::string& out) {
  PutFixed(out, index.type);
  PutFixed(out, index.metric);
  PutFixed(out, index.quantize);
  PutFixed(out, index.m);
  PutFixed(out, index.ef_construction);
  PutFixed(out, static_cast<std::uint8_t>((index.range_optimization ? kRange : 0) |
                                          (index.extended_wildcard ? kWildcard : 0)));
  PutBytes(out, index.tokenizer);
  PutVarint(out, index.filters.size());
  for (const std::string& filter : index.filters) PutBytes(out, filter);
  PutBytes(out, index.extra_params);
}

IndexParams DecodeIndex(Reader& in) {
  IndexParams index;
  index.type = in.Read<IndexType>();
  index.metric = in.Read<MetricType>();
  index.quantize = in.Read<QuantizeType>();
  index.m = in.Read<std::uint32_t>();
  index.ef_construction = in.Read<std::uint32_t>();
  const auto flags = in.Read<std::uint8_t>();
  index.range_optimization = (flags & kRange) != 0;
  index.extended_wildcard = (flags & kWildcard) != 0;
  index.tokenizer = in.Bytes();
  index.filters.resize(in.Count(1));
  for (std::string& filter : index.filters) filter = in.Bytes();
  index.extra_params = in.Bytes();
  return index;
}

}  // namespace

void EncodeSchema(const CollectionSchema& schema, std::string& out) {
  PutBytes(out, schema.name);
  PutVarint(out, schema.fields.size());
  for (const FieldSchema& field : schema.fields) {
    PutBytes(out, field.name);
    PutFixed(out, field.type);
    PutFixed(out,
             static_cast<std::uint8_t>((field.nullable ? kNullable : 0) | (field.index ? kHasIndex : 0)));
    PutFixed(out, field.dimension);
    if (field.index) EncodeIndex(*field.index, out);
  }
}

bool DecodeSchema(std::string_view bytes, CollectionSchema* schema) {
  Reader in(bytes);
  schema->name = in.Bytes();
  schema->fields.resize(in.Count(7));
  for (FieldSchema& field : schema->fields) {
    field.name = in.Bytes();
    field.type = in.Read<DataType>();
    const auto flags = in.Read<std::uint8_t>();
    field.nullable = (flags & kNullable) != 0;
    field.dimension = in.Read<std::uint32_t>();
    if ((flags & kHasIndex) != 0) field.index = DecodeIndex(in);
  }
  return in.done();
}

}  // namespace zvec::inline v0
