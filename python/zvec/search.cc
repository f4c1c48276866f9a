// Queries: vector, id, filter only.

#include <chrono>

#include "python/zvec/collection.h"
#include "python/zvec/convert.h"
#include "python/zvec/errors.h"
#include "python/zvec/jobs.h"

namespace cocozvec_python {
namespace {

using Clock = std::chrono::steady_clock;

constexpr auto kLong = std::chrono::milliseconds(20);

// Inline while queries are short, as a thread costs more than such a query; heard by Ctrl-C when they are
// not.
template <class F>
auto RunQuery(const Handle& handle, F call) {
  const auto timed = [slow = handle.slow, call = std::move(call)] {
    const auto begin = Clock::now();
    auto result = call();
    slow->store(Clock::now() - begin > kLong, std::memory_order_relaxed);
    return result;
  };
  if (handle.slow->load(std::memory_order_relaxed)) return Interruptible(timed);
  return Released(timed);
}

// What a query is, beside its vector.
struct Request {
  std::uint32_t topk = 10;
  std::string filter;
  db::OutputFields output_fields;
  bool include_vector = false;
  float radius = 0;
};

Request MakeRequest(std::uint32_t topk, nb::handle filter, bool include_vector, nb::handle output_fields) {
  Request request;
  request.topk = topk;
  if (!filter.is_none()) {
    if (!PyUnicode_Check(filter.ptr())) Raise(PyExc_TypeError, "filter must be a string or None");
    request.filter = Text(filter, "filter");
  }
  request.include_vector = include_vector;
  request.output_fields = Names(output_fields);
  return request;
}

const FieldInfo& VectorField(const Handle& handle, nb::handle name) {
  const FieldInfo* field = handle.schema()->Find(name);
  if (field && field->is_vector) return *field;
  Raise(PyExc_ValueError, "Vector field '" + Text(name, "field name") + "' not found in schema");
}

// The vector that the document `id` stores in the field.
decltype(db::VectorQuery::vector) StoredVector(const db::Collection& collection, const FieldInfo& field,
                                               nb::handle id) {
  const std::vector<std::string> ids = {Id(id)};
  db::FetchOptions options;
  options.include_vectors = false;
  options.output_fields = {field.schema->name};
  auto docs = Take(Released([&] { return collection.Fetch(ids, options); }), Action::kRead);
  const db::Value* value = docs.empty() ? nullptr : docs[0].Find(field.schema->name);
  if (docs.empty()) Raise(PyExc_ValueError, "Document with id '" + ids[0] + "' not found");
  if (value) {
    if (const auto* floats = std::get_if<std::vector<float>>(value)) return *floats;
    if (const auto* halves = std::get_if<std::vector<db::Half>>(value)) return *halves;
    if (const auto* bytes = std::get_if<std::vector<std::int8_t>>(value)) return *bytes;
    if (const auto* sparse = std::get_if<db::SparseVector>(value)) return *sparse;
  }
  Raise(PyExc_ValueError, "Document with id '" + ids[0] + "' has no vector '" + field.schema->name + "'");
}

// Hits come nearest first, so those within a threshold on the score are a prefix.
template <class Hits>
void KeepWithin(const FieldInfo& field, float radius, Hits* hits) {
  if (!(radius > 0)) return;
  const bool larger_is_nearer = field.schema->metric() == db::MetricType::kIp;
  std::size_t keep = 0;
  while (keep < hits->size() &&
         (larger_is_nearer ? (*hits)[keep].score >= radius : (*hits)[keep].score <= radius))
    ++keep;
  hits->resize(keep);
}

nb::list Docs(const Handle& handle, std::vector<db::Hit> hits) {
  auto found = std::make_shared<Found>();
  found->schema = handle.schema();
  found->hits = std::move(hits);
  return MakeDocs(std::move(found));
}

nb::list Search(const Handle& handle, std::shared_ptr<db::Collection> collection, const FieldInfo& field,
                decltype(db::VectorQuery::vector) vector, Request request) {
  db::VectorQuery query;
  query.field = field.schema->name;
  query.vector = std::move(vector);
  query.topk = request.topk;
  query.filter = std::move(request.filter);
  query.output_fields = std::move(request.output_fields);
  query.include_vectors = request.include_vector;
  auto result = RunQuery(handle, [collection = std::move(collection), query = std::move(query)] {
    return collection->Query(query);
  });
  if (!result.ok()) RaiseStatus(result.status(), Action::kRead);
  KeepWithin(field, request.radius, &result->hits);
  return Docs(handle, std::move(result->hits));
}

nb::list Query(Handle* self, nb::handle field_name, nb::handle vector, std::uint32_t topk, nb::handle filter,
               bool include_vector, nb::handle output_fields, int /*ef*/, float radius) {
  auto collection = self->Get();
  const FieldInfo& field = VectorField(*self, field_name);
  Request request = MakeRequest(topk, filter, include_vector, output_fields);
  request.radius = radius;
  return Search(*self, std::move(collection), field, ToQueryVector(field, vector), std::move(request));
}

nb::list QueryById(Handle* self, nb::handle field_name, nb::handle id, std::uint32_t topk, nb::handle filter,
                   bool include_vector, nb::handle output_fields, int /*ef*/, float radius) {
  auto collection = self->Get();
  const FieldInfo& field = VectorField(*self, field_name);
  Request request = MakeRequest(topk, filter, include_vector, output_fields);
  request.radius = radius;
  auto vector = StoredVector(*collection, field, id);
  return Search(*self, std::move(collection), field, std::move(vector), std::move(request));
}

nb::list Scan(Handle* self, std::uint32_t topk, nb::handle filter, bool include_vector,
              nb::handle output_fields) {
  auto collection = self->Get();
  Request request = MakeRequest(topk, filter, include_vector, output_fields);
  db::ScanQuery query;
  query.limit = request.topk;
  query.filter = std::move(request.filter);
  query.output_fields = std::move(request.output_fields);
  query.include_vectors = request.include_vector;
  auto result = RunQuery(*self, [collection = std::move(collection), query = std::move(query)] {
    return collection->Scan(query);
  });
  if (!result.ok()) RaiseStatus(result.status(), Action::kRead);
  return Docs(*self, std::move(result->hits));
}

}  // namespace

void BindSearch(nb::class_<Handle>& handle) {
  handle
      .def("query", &Query, nb::arg("field"), nb::arg("vector").none(), nb::arg("topk"),
           nb::arg("filter").none(), nb::arg("include_vector"), nb::arg("output_fields").none(),
           nb::arg("ef"), nb::arg("radius"))
      .def("query_by_id", &QueryById, nb::arg("field"), nb::arg("id").none(), nb::arg("topk"),
           nb::arg("filter").none(), nb::arg("include_vector"), nb::arg("output_fields").none(),
           nb::arg("ef"), nb::arg("radius"))
      .def("scan", &Scan, nb::arg("topk"), nb::arg("filter").none(), nb::arg("include_vector"),
           nb::arg("output_fields").none());
}

}  // namespace cocozvec_python
