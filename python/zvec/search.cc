// Queries: vector, id, filter only.

#include <chrono>
#include <cstring>
#include <limits>
#include <optional>
#include <span>
#include <variant>

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
  std::uint32_t ef = 0;  ///< 0: the database chooses
  float radius = 0;      ///< not above 0: none
  bool exact = false;
};

Request MakeRequest(std::uint32_t topk, nb::handle filter, nb::handle include_vector,
                    nb::handle output_fields) {
  Request request;
  request.topk = topk;
  if (!filter.is_none()) {
    if (!PyUnicode_Check(filter.ptr())) Raise(PyExc_TypeError, "filter must be a string or None");
    request.filter = Text(filter, "filter");
  }
  request.include_vector = Switch(include_vector, "include_vector");
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

nb::list Docs(const Handle& handle, std::vector<db::Hit> hits) {
  auto found = std::make_shared<Found>();
  found->schema = handle.schema();
  found->hits = std::move(hits);
  return MakeDocs(std::move(found));
}

db::VectorQuery MakeQuery(const FieldInfo& field, decltype(db::VectorQuery::vector) vector, Request request) {
  db::VectorQuery query;
  query.field = field.schema->name;
  query.vector = std::move(vector);
  query.topk = request.topk;
  query.ef = request.ef;
  if (request.radius > 0) query.radius = request.radius;
  query.exact = request.exact;
  query.filter = std::move(request.filter);
  query.output_fields = std::move(request.output_fields);
  query.include_vectors = request.include_vector;
  return query;
}

// The vector given, or the one that the document `id` stores.
decltype(db::VectorQuery::vector) TakeVector(const db::Collection& collection, const FieldInfo& field,
                                             nb::handle vector, nb::handle id) {
  return id.is_none() ? ToQueryVector(field, vector) : StoredVector(collection, field, id);
}

nb::list Query(Handle* self, nb::handle field_name, nb::handle vector, nb::handle id, std::uint32_t topk,
               nb::handle filter, nb::handle include_vector, nb::handle output_fields, std::uint32_t ef,
               float radius, bool exact) {
  auto collection = self->Get();
  const FieldInfo& field = VectorField(*self, field_name);
  Request request = MakeRequest(topk, filter, include_vector, output_fields);
  request.ef = ef, request.radius = radius, request.exact = exact;
  auto query = MakeQuery(field, TakeVector(*collection, field, vector, id), std::move(request));
  auto result = RunQuery(*self, [collection = std::move(collection), query = std::move(query)] {
    return collection->Query(query);
  });
  if (!result.ok()) RaiseStatus(result.status(), Action::kRead);
  return Docs(*self, std::move(result->hits));
}

// The writable memory of a one-dimensional array of `count` elements of the kind; TypeError otherwise.
class Output {
 public:
  Output(nb::handle array, Py_ssize_t itemsize, std::size_t count) {
    if (PyObject_GetBuffer(array.ptr(), &view_, PyBUF_C_CONTIGUOUS | PyBUF_WRITABLE) != 0)
      throw nb::python_error();
    if (view_.len == itemsize * static_cast<Py_ssize_t>(count)) return;
    PyBuffer_Release(&view_);
    Raise(PyExc_TypeError, "an output array has the wrong size");
  }
  ~Output() { PyBuffer_Release(&view_); }
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;
  char* data() noexcept { return static_cast<char*>(view_.buf); }

 private:
  Py_buffer view_{};
};

template <class T>
void Put(Output& out, std::size_t at, T value) {
  std::memcpy(out.data() + at * sizeof(T), &value, sizeof(T));
}

// Row numbers and scores into arrays that the caller made; what is missing is -1 and NaN.
void QueryRows(Handle* self, nb::handle field_name, nb::handle vector, nb::handle id, std::uint32_t topk,
               nb::handle filter, std::uint32_t ef, float radius, bool exact, nb::handle ids,
               nb::handle scores) {
  auto collection = self->Get();
  const FieldInfo& field = VectorField(*self, field_name);
  Request request = MakeRequest(topk, filter, nb::none(), nb::none());
  request.ef = ef, request.radius = radius, request.exact = exact;
  Output id_array(ids, sizeof(std::int64_t), topk);
  std::optional<Output> score_array;
  if (!scores.is_none()) score_array.emplace(scores, sizeof(float), topk);
  auto query = MakeQuery(field, TakeVector(*collection, field, vector, id), std::move(request));
  auto result = RunQuery(*self, [collection = std::move(collection), query = std::move(query)] {
    return collection->QueryRows(query);
  });
  if (!result.ok()) RaiseStatus(result.status(), Action::kRead);
  for (std::size_t i = 0; i < topk; ++i) {
    const bool found = i < result->rows.size();
    Put(id_array, i, found ? static_cast<std::int64_t>(result->rows[i]) : std::int64_t{-1});
    if (score_array)
      Put(*score_array, i, found ? result->scores[i] : std::numeric_limits<float>::quiet_NaN());
  }
}

// Numbers as Python ints; -1, deleted and unknown rows give None.
nb::list IdsOfRows(Handle* self, nb::list rows) {
  auto collection = self->Get();
  std::vector<std::uint64_t> numbers;
  numbers.reserve(rows.size());
  for (nb::handle row : rows) {
    const long long number = PyLong_AsLongLong(row.ptr());
    if (number == -1 && PyErr_Occurred()) throw nb::python_error();
    numbers.push_back(static_cast<std::uint64_t>(number));  // -1 is beyond every row
  }
  // Only read-only handles are asked (model/collection.py), whose layout is 0 for ever.
  auto ids = Take(Released([&] { return collection->IdsOfRows(numbers, 0); }), Action::kRead);
  nb::list out;
  for (const auto& id : ids) out.append(id ? FromValue(*id) : nb::none());
  return out;
}

// The vectors of a batch, owned: the call may go on after Ctrl-C, when the program's array is gone.
struct Vectors {
  std::size_t count = 0;
  std::variant<std::vector<float>, std::vector<db::Half>, std::vector<std::int8_t>,
               std::vector<db::SparseVector>>
      elements;
};

template <class T>
std::vector<T> Rows(const Buffer& buffer) {
  const auto count = static_cast<std::size_t>(buffer.shape(0)),
             dim = static_cast<std::size_t>(buffer.shape(1));
  std::vector<T> out(count * dim);
  for (std::size_t row = 0; row < count; ++row) {
    const char* from = buffer.data() + static_cast<Py_ssize_t>(row) * buffer.stride(0);
    T* to = out.data() + row * dim;
    if (buffer.stride(1) == static_cast<Py_ssize_t>(sizeof(T))) {
      if (dim != 0) std::memcpy(to, from, dim * sizeof(T));
      continue;
    }
    for (std::size_t i = 0; i < dim; ++i)
      std::memcpy(to + i, from + static_cast<Py_ssize_t>(i) * buffer.stride(1), sizeof(T));
  }
  return out;
}

Vectors SparseRows(const FieldInfo& field, nb::handle given) {
  if (PyDict_Check(given.ptr()) || PyUnicode_Check(given.ptr()))
    Raise(PyExc_ValueError, "vectors must be a sequence of dicts for a sparse vector field");
  std::vector<db::SparseVector> rows;
  for (nb::handle row : nb::iter(given))
    rows.push_back(std::get<db::SparseVector>(ToQueryVector(field, row)));
  return {rows.size(), std::move(rows)};
}

Vectors BatchVectors(const FieldInfo& field, nb::handle given) {
  const db::DataType type = field.schema->type;
  if (db::IsSparseVector(type)) return SparseRows(field, given);
  nb::object held = nb::borrow(given);
  if (const Buffer direct(given); !direct || direct.kind() != KindOf(type)) held = AsArray(field, given);
  const Buffer buffer(held);
  if (!buffer || buffer.ndim() != 2 || buffer.shape(1) != field.schema->dimension) {
    Raise(PyExc_ValueError, "vectors must be an array of shape (queries, " +
                                std::to_string(field.schema->dimension) + ") for field '" +
                                field.schema->name + "'");
  }
  const auto count = static_cast<std::size_t>(buffer.shape(0));
  if (type == db::DataType::kVectorFp32) return {count, Rows<float>(buffer)};
  if (type == db::DataType::kVectorFp16) return {count, Rows<db::Half>(buffer)};
  return {count, Rows<std::int8_t>(buffer)};
}

db::Result<db::BatchHitList> AskBatch(const db::Collection& collection, db::BatchQuery query,
                                      const Vectors& vectors) {
  std::visit([&](const auto& all) { query.vectors = std::span(all); }, vectors.elements);
  return collection.QueryBatch(query);
}

// Many queries at once, without documents between: row numbers into the array `rows`, or, when that is None,
// ids as a list of lists. `scores`: an array for as many. What is missing is -1, None and NaN.
nb::list QueryBatch(Handle* self, nb::handle field_name, nb::handle vectors, std::uint32_t topk,
                    nb::handle filter, std::uint32_t ef, float radius, bool exact, std::uint32_t threads,
                    nb::handle rows, nb::handle scores) {
  auto collection = self->Get();
  const FieldInfo& field = VectorField(*self, field_name);
  Vectors asked = BatchVectors(field, vectors);
  const std::size_t count = asked.count;
  Request request = MakeRequest(topk, filter, nb::none(), nb::none());
  db::BatchQuery query{.field = field.schema->name,
                       .topk = topk,
                       .ef = ef,
                       .exact = exact,
                       .filter = std::move(request.filter),
                       .ids = rows.is_none(),
                       .threads = threads};
  if (radius > 0) query.radius = radius;
  Output score_array(scores, sizeof(float), count * topk);
  std::optional<Output> row_array;
  if (!rows.is_none()) row_array.emplace(rows, sizeof(std::int64_t), count * topk);
  constexpr std::size_t kFew = 64;
  auto ask = [collection = std::move(collection), query = std::move(query), asked = std::move(asked)] {
    return AskBatch(*collection, query, asked);
  };
  auto found = count < kFew ? RunQuery(*self, std::move(ask)) : Interruptible(std::move(ask));
  if (!found.ok()) RaiseStatus(found.status(), Action::kRead);
  nb::list out;
  for (std::size_t q = 0; q < count; ++q) {
    const std::size_t first = found->begin[q], hits = found->begin[q + 1] - first;
    nb::list ids;
    for (std::size_t i = 0; i < topk; ++i) {
      const bool hit = i < hits;
      Put(score_array, q * topk + i,
          hit ? found->scores[first + i] : std::numeric_limits<float>::quiet_NaN());
      if (row_array) {
        Put(*row_array, q * topk + i,
            hit ? static_cast<std::int64_t>(found->rows[first + i]) : std::int64_t{-1});
      } else {
        ids.append(hit ? FromValue(found->ids[first + i]) : nb::none());
      }
    }
    if (!row_array) out.append(ids);
  }
  return out;
}

nb::list Scan(Handle* self, std::uint32_t topk, nb::handle filter, nb::handle include_vector,
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
  handle.def("query", &Query, nb::arg("field"), nb::arg("vector").none(), nb::arg("id").none(),
             nb::arg("topk"), nb::arg("filter").none(), nb::arg("include_vector").none(),
             nb::arg("output_fields").none(), nb::arg("ef"), nb::arg("radius"), nb::arg("exact"));
  handle.def("query_rows", &QueryRows, nb::arg("field"), nb::arg("vector").none(), nb::arg("id").none(),
             nb::arg("topk"), nb::arg("filter").none(), nb::arg("ef"), nb::arg("radius"), nb::arg("exact"),
             nb::arg("ids"), nb::arg("scores").none());
  handle.def("ids_of_rows", &IdsOfRows, nb::arg("rows"));
  handle.def("query_batch", &QueryBatch, nb::arg("field"), nb::arg("vectors"), nb::arg("topk"),
             nb::arg("filter").none(), nb::arg("ef"), nb::arg("radius"), nb::arg("exact"), nb::arg("threads"),
             nb::arg("rows").none(), nb::arg("scores"));
  handle.def("scan", &Scan, nb::arg("topk"), nb::arg("filter").none(), nb::arg("include_vector").none(),
             nb::arg("output_fields").none());
}

}  // namespace cocozvec_python
