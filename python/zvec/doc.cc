#include "python/zvec/doc.h"

#include "python/zvec/convert.h"
#include "python/zvec/errors.h"

namespace cocozvec_python {
namespace {

PyObject* g_doc_type = nullptr;  // the Python subclass; lives as long as the module

bool IsArray(nb::handle value) {
  PyObject* p = value.ptr();
  if (PyList_CheckExact(p) || PyTuple_CheckExact(p) || PyDict_CheckExact(p) || PyFloat_CheckExact(p))
    return false;
  return PyObject_CheckBuffer(p) && nb::hasattr(value, "tolist") && nb::hasattr(value, "copy");
}

// The arrays of `vectors` copied, as the program may use its own again; false when there is none.
bool CopyArrays(nb::object& vectors) {
  if (!PyDict_Check(vectors.ptr())) return false;
  bool any = false;
  PyObject *key = nullptr, *value = nullptr;
  for (Py_ssize_t at = 0; PyDict_Next(vectors.ptr(), &at, &key, &value);) any = any || IsArray(value);
  if (!any) return false;
  nb::dict copy;
  const nb::object items = nb::steal(PyDict_Items(vectors.ptr()));
  if (!items) throw nb::python_error();
  for (nb::handle item : nb::iter(items)) {
    nb::object given = item[1];
    copy[nb::object(item[0])] = IsArray(given) ? nb::object(given.attr("copy")()) : given;
  }
  vectors = copy;
  return true;
}

int TraverseDoc(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(self));
  if (!nb::inst_ready(self)) return 0;
  return nb::inst_ptr<DocBase>(self)->Traverse(visit, arg);
}

int ClearDoc(PyObject* self) {
  if (!nb::inst_ready(self)) return 0;
  nb::inst_ptr<DocBase>(self)->Clear();
  return 0;
}

PyType_Slot doc_slots[] = {{Py_tp_traverse, reinterpret_cast<void*>(TraverseDoc)},
                           {Py_tp_clear, reinterpret_cast<void*>(ClearDoc)},
                           {0, nullptr}};

}  // namespace

DocBase::DocBase(nb::object id, nb::object score, nb::object vectors, nb::object fields)
    : id_(std::move(id)), score_(std::move(score)), fields_(std::move(fields)), vectors_(std::move(vectors)) {
  if (!vectors_.is_none()) arrays_ = CopyArrays(vectors_);
}

nb::object DocBase::id() {
  if (!id_.is_valid()) id_ = FromValue(found_->hits[hit_].doc.id);
  return id_;
}

nb::object DocBase::score() {
  if (!score_.is_valid()) score_ = FromValue(static_cast<double>(found_->hits[hit_].score));
  return score_;
}

nb::object DocBase::Values(bool vectors) const {
  nb::dict out;
  for (const db::Field& field : found_->hits[hit_].doc.fields) {
    const FieldInfo* info = found_->schema->Find(field.name);
    if (!info || info->is_vector != vectors || std::holds_alternative<std::monostate>(field.value)) continue;
    out[info->name] = FromValue(field.value);
  }
  return out;
}

nb::object DocBase::fields() {
  if (!fields_.is_valid()) {
    fields_ = Values(false);
  } else if (fields_.is_none()) {
    fields_ = nb::dict();
  }
  return fields_;
}

nb::object DocBase::vectors() {
  if (!vectors_.is_valid()) {
    vectors_ = Values(true);
  } else if (vectors_.is_none()) {
    vectors_ = nb::dict();
  } else if (arrays_) {
    nb::dict lists;
    for (nb::handle item : nb::iter(nb::steal(PyDict_Items(vectors_.ptr())))) {
      nb::object given = item[1];
      lists[nb::object(item[0])] = IsArray(given) ? nb::object(given.attr("tolist")()) : given;
    }
    vectors_ = lists;
    arrays_ = false;
  }
  return vectors_;
}

int DocBase::Traverse(visitproc visit, void* arg) {
  Py_VISIT(id_.ptr());
  Py_VISIT(score_.ptr());
  Py_VISIT(fields_.ptr());
  Py_VISIT(vectors_.ptr());
  return 0;
}

void DocBase::Clear() {
  nb::object none = nb::none();
  id_ = score_ = fields_ = vectors_ = none;
  arrays_ = false;
}

nb::object MakeDoc(std::shared_ptr<const Found> found, std::size_t hit) {
  nb::object doc = nb::inst_alloc(g_doc_type);
  new (nb::inst_ptr<DocBase>(doc)) DocBase(std::move(found), hit);
  nb::inst_mark_ready(doc);
  return doc;
}

nb::list MakeDocs(std::shared_ptr<const Found> found) {
  nb::object list = nb::steal(PyList_New(static_cast<Py_ssize_t>(found->hits.size())));
  if (!list) throw nb::python_error();
  for (std::size_t i = 0; i < found->hits.size(); ++i)
    NB_LIST_SET_ITEM(list.ptr(), static_cast<Py_ssize_t>(i), MakeDoc(found, i).release().ptr());
  return nb::borrow<nb::list>(list);
}

DocBase& AsDoc(nb::handle doc) {
  DocBase* base = nullptr;
  if (!nb::try_cast(doc, base) || !base) {
    nb::object type = nb::steal(PyObject_Repr(reinterpret_cast<PyObject*>(Py_TYPE(doc.ptr()))));
    Raise(PyExc_TypeError,
          "expected a Doc or a list of Doc, got " + std::string(TryText(type).value_or("?")));
  }
  return *base;
}

void BindDoc(nb::module_& m) {
  nb::class_<DocBase>(m, "DocBase", nb::type_slots(doc_slots))
      .def(nb::init<nb::object, nb::object, nb::object, nb::object>(), nb::arg("id"),
           nb::arg("score").none() = nb::none(), nb::arg("vectors").none() = nb::none(),
           nb::arg("fields").none() = nb::none())
      .def_prop_rw("id", &DocBase::id, &DocBase::set_id, nb::arg("value").none())
      .def_prop_rw("score", &DocBase::score, &DocBase::set_score, nb::arg("value").none())
      .def_prop_rw("fields", &DocBase::fields, &DocBase::set_fields, nb::arg("value").none())
      .def_prop_rw("vectors", &DocBase::vectors, &DocBase::set_vectors, nb::arg("value").none());
  m.def("as_stored", &AsStored, nb::arg().none(), nb::arg(), nb::arg(), nb::arg().none());
  m.def("set_doc_type", [](nb::type_object type) { g_doc_type = type.release().ptr(); });
}

}  // namespace cocozvec_python
