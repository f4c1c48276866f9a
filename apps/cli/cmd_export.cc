#include <algorithm>

#include "commands.h"
#include "json.h"
#include "reader.h"

namespace cocozvec::cli {
namespace {

constexpr std::size_t kBatch = 256;  // documents in memory at a time

void WriteElement(JsonWriter& json, float v) { json.Float(v); }
void WriteElement(JsonWriter& json, double v) { json.Double(v); }
void WriteElement(JsonWriter& json, bool v) { json.Bool(v); }
void WriteElement(JsonWriter& json, const std::string& v) { json.Text(v); }
void WriteElement(JsonWriter& json, zvec::Half v) { json.Float(zvec::FromHalf(v)); }
void WriteElement(JsonWriter& json, std::integral auto v) { json.Int(static_cast<std::int64_t>(v)); }
void WriteElement(JsonWriter& json, std::uint64_t v) { json.Int(v); }
void WriteElement(JsonWriter& json, std::monostate) { json.Null(); }

template <class T>
void WriteElement(JsonWriter& json, const std::vector<T>& elements) {
  json.Array();
  for (const auto& element : elements) WriteElement(json, static_cast<const T&>(element));
  json.EndArray();
}

void WriteElement(JsonWriter& json, const zvec::SparseVector& v) {
  json.Object().Key("indices");
  WriteElement(json, v.indices);
  json.Key("values");
  WriteElement(json, v.values);
  json.EndObject();
}

void WriteDocument(JsonWriter& json, const zvec::Doc& doc, const zvec::CollectionSchema& schema,
                   bool vectors) {
  const auto write_fields = [&](bool of_vectors) {
    json.Object();
    for (const zvec::FieldSchema& field :
         schema.fields) {  // in the order of the schema: the same for every document
      const zvec::Value* value = doc.Find(field.name);
      if (zvec::IsVector(field.type) != of_vectors || value == nullptr) continue;
      json.Key(field.name);
      std::visit([&](const auto& v) { WriteElement(json, v); }, *value);
    }
    json.EndObject();
  };
  json.Object().Key("id").Text(doc.id).Key("fields");
  write_fields(false);
  if (vectors) {
    json.Key("vectors");
    write_fields(true);
  }
  json.EndObject();
}

std::vector<std::string> SortedIds(const zvec::Collection& collection) {
  zvec::FetchOptions nothing;
  nothing.output_fields = std::vector<std::string>{};
  nothing.include_vectors = false;
  std::vector<std::string> ids;
  const auto documents = collection.Iterate(nothing).value();
  for (zvec::Doc doc; documents->Next(&doc).value();) ids.push_back(std::move(doc.id));
  std::ranges::sort(ids);
  return ids;
}

}  // namespace

int RunExport(const Options& options, Console& console) {
  const OpenedStore store = OpenForReading(options.store).value();
  const std::vector<std::string> ids = SortedIds(*store.collection);
  zvec::FetchOptions fetch;
  fetch.include_vectors = options.vectors;
  JsonWriter
      json;  // --json is one object, so it is either whole or not there: for many documents there is --jsonl
  if (options.json) json.Object().Key("documents").Array();
  for (std::size_t at = 0; at < ids.size(); at += kBatch) {
    const std::span batch(ids.data() + at, std::min(kBatch, ids.size() - at));
    for (const zvec::Doc& doc : store.collection->Fetch(batch, fetch).value()) {
      if (!options.json) json = JsonWriter();
      WriteDocument(json, doc, store.collection->schema(), options.vectors);
      if (!options.json) console.WriteLine(json.text());
    }
  }
  if (options.json) console.WriteLine(json.EndArray().EndObject().text());
  return kDone;
}

}  // namespace cocozvec::cli
