// The tracked record of a collection (connector.md 2.2). Its bytes are compared, never taken apart but for
// the manager: a change of this form rebuilds every collection.
#include "base/coding.h"
#include "connectors/zvec/handlers.h"

namespace cocoindex::inline v0::connectors::zvec {

namespace {
constexpr char kRecordVersion = 1;
}  // namespace

std::string collection_record(const SchemaCore& schema, ManagedBy managed_by) {
  std::string out;
  out.push_back(kRecordVersion);
  out.push_back(static_cast<char>(managed_by));
  cocozvec::PutBytes(out, schema.primary_key());
  cocozvec::PutVarint(out, schema.stored().size());
  for (const std::uint32_t i : schema.stored()) {
    const Column& column = schema.columns()[i];
    cocozvec::PutBytes(out, column.name);
    out.push_back(static_cast<char>(column.kind));
    out.push_back(static_cast<char>(column.type));
    out.push_back(static_cast<char>(column.nullable));
    cocozvec::PutVarint(out, column.dimension);
    out.push_back(static_cast<char>(column.metric));
    out.push_back(static_cast<char>(column.quantize));
    out.push_back(static_cast<char>(column.indexed));
    cocozvec::PutBytes(out, column.tokenizer_name);
    cocozvec::PutVarint(out, column.filters.size());
    for (const std::string& filter : column.filters) cocozvec::PutBytes(out, filter);
    cocozvec::PutBytes(out, column.extra_params);
  }
  return out;
}

bool is_user_managed(std::string_view record) noexcept {
  return record.size() > 1 && record[1] == static_cast<char>(ManagedBy::user);
}

}  // namespace cocoindex::inline v0::connectors::zvec
