#include "python/zvec/write.h"

#include "python/zvec/convert.h"
#include "python/zvec/errors.h"
#include "python/zvec/jobs.h"

namespace cocozvec_python {
namespace {

enum class Kind { kInsert, kUpsert, kUpdate };

db::Result<db::WriteResult> Write(db::Collection& collection, Kind kind, const std::vector<db::Doc>& docs) {
  if (kind == Kind::kInsert) return collection.Insert(docs);
  return kind == Kind::kUpsert ? collection.Upsert(docs) : collection.Update(docs);
}

nb::object Answer(const db::WriteResult& result) {
  const std::size_t count = result.statuses.size();
  if (result.applied == count) return nb::make_tuple(count, nb::none());
  nb::list failures;
  for (std::size_t i = 0; i < count; ++i) {
    const db::Status& status = result.statuses[i];
    if (status.ok()) continue;
    const std::string message(status.message());
    failures.append(nb::make_tuple(i, StatusNumber(status.code()), message.c_str()));
  }
  return nb::make_tuple(count, failures);
}

nb::object Run(std::shared_ptr<db::Collection> collection, Kind kind, std::vector<db::Doc> docs) {
  if (docs.empty()) return nb::make_tuple(0, nb::none());
  auto result = docs.size() < kLongCall
                    ? Released([&] { return Write(*collection, kind, docs); })
                    : Interruptible([collection = std::move(collection), kind, docs = std::move(docs)] {
                        return Write(*collection, kind, docs);
                      });
  return Answer(Take(std::move(result), Action::kWrite));
}

// The values that `given` holds for the scalar (or vector) fields; a name it should not hold is an error.
void AddValues(const SchemaInfo& schema, nb::handle given, bool vectors, db::Doc* doc) {
  if (!PyDict_Check(given.ptr())) {
    Raise(PyExc_TypeError, std::string("Invalid doc[") + doc->id + "]: " + (vectors ? "vectors" : "fields") +
                               " must be a dict");
  }
  Py_ssize_t used = 0;
  const Py_ssize_t size = PyDict_Size(given.ptr());
  for (const FieldInfo& field : schema.fields()) {
    if (used == size) break;
    if (field.is_vector != vectors) continue;
    PyObject* found = PyDict_GetItemWithError(given.ptr(), field.name.ptr());
    if (!found) {
      if (PyErr_Occurred()) throw nb::python_error();
      continue;
    }
    ++used;
    const nb::object value = nb::borrow(found);
    doc->fields.push_back({field.schema->name, ToValue(field, value)});
  }
  if (used == PyDict_Size(given.ptr())) return;
  const nb::object keys = nb::steal(PyDict_Keys(given.ptr()));
  for (nb::handle key : nb::iter(keys)) {
    const FieldInfo* field = schema.Find(key);
    if (field && field->is_vector == vectors) continue;
    nb::object shown = nb::steal(PyObject_ASCII(key.ptr()));
    if (!shown) throw nb::python_error();
    Raise(PyExc_ValueError,
          "Invalid schema: " + std::string(TryText(shown).value_or("?")) + " not found in collection schema" +
              (field ? (vectors ? " as a vector; it is a scalar field" : " as a scalar; it is a vector field")
                     : ""));
  }
}

db::Doc ToDoc(const SchemaInfo& schema, nb::handle given) {
  DocBase& base = AsDoc(given);
  db::Doc doc(Id(base.id()));
  doc.fields.reserve(schema.fields().size());
  AddValues(schema, base.fields(), false, &doc);
  AddValues(schema, base.raw_vectors(), true, &doc);
  return doc;
}

nb::object WriteDocs(Handle* self, int kind, nb::handle docs, bool single) {
  auto collection = self->GetWritable();
  std::vector<db::Doc> converted;
  if (single) {
    converted.push_back(ToDoc(*self->schema(), docs));
  } else {
    if (PyList_Check(docs.ptr())) converted.reserve(static_cast<std::size_t>(PyList_Size(docs.ptr())));
    for (nb::handle doc : nb::iter(docs)) converted.push_back(ToDoc(*self->schema(), doc));
  }
  return Run(std::move(collection), static_cast<Kind>(kind), std::move(converted));
}

[[noreturn]] void BadColumn(const FieldInfo& field, const std::string& what) {
  Raise(PyExc_ValueError, "Field '" + field.schema->name + "': " + what);
}

// As AsArray; what NumPy would cut to whole numbers or wrap around is refused, as it is in documents.
nb::object WholeArray(const FieldInfo& field, nb::handle given) {
  nb::object array = AsArray(field, given);
  if (field.schema->type != db::DataType::kVectorInt8) return array;
  if (!nb::cast<bool>(nb::module_::import_("numpy").attr("array_equal")(array, given)))
    BadColumn(field, "expected whole numbers from -128 to 127");
  return array;
}

// One field of every document. Dense vectors: an array of shape (count, dimension). Scalars: a
// one-dimensional array or any sequence of `count` values.
void AddColumn(const FieldInfo& field, nb::handle given, std::vector<db::Doc>* docs) {
  const auto count = static_cast<Py_ssize_t>(docs->size());
  nb::object held = nb::borrow(given);
  if (db::IsDenseVector(field.schema->type)) {
    if (const Buffer direct(given); !direct || direct.kind() != KindOf(field.schema->type))
      held = WholeArray(field, given);
    const Buffer buffer(held);
    if (!buffer || buffer.ndim() != 2 || buffer.shape(0) != count ||
        buffer.shape(1) != field.schema->dimension) {
      nb::object shape = nb::str(nb::getattr(held, "shape", nb::none()));
      BadColumn(field, "expected an array of shape (" + std::to_string(count) + ", " +
                           std::to_string(field.schema->dimension) + "), got " +
                           std::string(TryText(shape).value_or("?")));
    }
    for (Py_ssize_t i = 0; i < count; ++i)
      (*docs)[i].fields.push_back({field.schema->name, DenseFromBuffer(field.schema->type, buffer, i)});
    return;
  }
  // NumPy's scalars convert as Python's, one call for the whole column.
  if (nb::hasattr(given, "tolist")) held = given.attr("tolist")();
  if (PyUnicode_Check(held.ptr()) || PyBytes_Check(held.ptr()))
    BadColumn(field, "expected a sequence of " + std::to_string(count) + " values, got one text");
  const nb::object values = nb::steal(PySequence_List(held.ptr()));
  if (!values) throw nb::python_error();
  if (PyList_Size(values.ptr()) != count) {
    BadColumn(field, "expected " + std::to_string(count) + " values, one a document, got " +
                         std::to_string(PyList_Size(values.ptr())));
  }
  for (Py_ssize_t i = 0; i < count; ++i) {
    const nb::object value = nb::borrow(PyList_GetItem(values.ptr(), i));
    (*docs)[i].fields.push_back({field.schema->name, ToValue(field, value)});
  }
}

nb::object WriteArrays(Handle* self, int kind, nb::handle ids, nb::dict columns) {
  auto collection = self->GetWritable();
  bool single = false;
  std::vector<std::string> names;
  if (nb::hasattr(ids, "tolist")) {
    names = Ids(nb::object(ids.attr("tolist")()), &single);
  } else {
    names = Ids(ids, &single);
  }
  if (single) Raise(PyExc_TypeError, "ids must be a sequence of ids, not one");
  std::vector<db::Doc> docs(names.size());
  for (std::size_t i = 0; i < names.size(); ++i) {
    docs[i].id = std::move(names[i]);
    docs[i].fields.reserve(columns.size());
  }
  for (auto [name, column] : columns) {
    const FieldInfo* field = self->schema()->Find(name);
    if (!field) {
      nb::object shown = nb::steal(PyObject_ASCII(name.ptr()));
      if (!shown) throw nb::python_error();
      Raise(PyExc_ValueError, "Invalid schema: " + std::string(TryText(shown).value_or("?")) +
                                  " not found in collection schema");
    }
    AddColumn(*field, column, &docs);
  }
  return Run(std::move(collection), static_cast<Kind>(kind), std::move(docs));
}

nb::object Delete(Handle* self, nb::handle ids) {
  auto collection = self->GetWritable();
  bool single = false;
  std::vector<std::string> names = Ids(ids, &single);
  if (names.empty()) return nb::make_tuple(false, 0, nb::none());
  auto result = names.size() < kLongCall
                    ? Released([&] { return collection->Delete(names); })
                    : Interruptible([collection = std::move(collection), names = std::move(names)] {
                        return collection->Delete(names);
                      });
  nb::object answer = Answer(Take(std::move(result), Action::kWrite));
  return nb::make_tuple(single, answer[0], answer[1]);
}

}  // namespace

void BindWrite(nb::class_<Handle>& handle) {
  handle.def("write", &WriteDocs).def("write_arrays", &WriteArrays).def("delete", &Delete);
}

}  // namespace cocozvec_python
