#include "python/zvec/doc.h"

#include "python/zvec/convert.h"
#include "python/zvec/errors.h"

namespace cocozvec_python {
namespace {

// Live as long as the module, which is never unloaded.
PyObject* g_base_type = nullptr;
PyObject* g_doc_type = nullptr;  // the Python subclass

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

}  // namespace

void DocBase::Set(nb::object id, nb::object score, nb::object vectors, nb::object fields) {
  id_ = std::move(id), score_ = std::move(score);
  vectors_ = std::move(vectors), fields_ = std::move(fields);
  arrays_ = !vectors_.is_none() && CopyArrays(vectors_);
}

const db::Hit& DocBase::Source() const {
  if (!found_) Raise(PyExc_TypeError, "this document was made without a call of its constructor");
  return found_->hits[hit_];
}

nb::object DocBase::id() {
  if (!id_.is_valid()) id_ = TextOf(Source().doc.id);
  return id_;
}

nb::object DocBase::score() {
  if (!score_.is_valid()) score_ = nb::float_(static_cast<double>(Source().score));
  return score_;
}

nb::object DocBase::Values(bool vectors) const {
  nb::dict out;
  for (const db::Field& field : Source().doc.fields) {
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

namespace {

struct DocObject {
  PyObject_HEAD DocBase doc;
};

DocBase& Of(PyObject* self) { return reinterpret_cast<DocObject*>(self)->doc; }

// C++ exceptions end where the interpreter calls.
template <class F>
auto Guarded(F&& call, decltype(call()) failure) noexcept -> decltype(call()) {
  try {
    return call();
  } catch (nb::python_error& error) {
    error.restore();
  } catch (const std::bad_alloc&) {
    PyErr_NoMemory();
  } catch (const std::exception& error) {
    PyErr_SetString(PyExc_RuntimeError, error.what());
  }
  return failure;
}

PyObject* NewDoc(PyTypeObject* type, PyObject*, PyObject*) {
  PyObject* self = PyType_GenericAlloc(type, 0);
  if (self) new (&Of(self)) DocBase();
  return self;
}

int InitDoc(PyObject* self, PyObject* args, PyObject* kwargs) {
  static const char* const kNames[] = {"id", "score", "vectors", "fields", nullptr};
  PyObject *id = nullptr, *score = Py_None, *vectors = Py_None, *fields = Py_None;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|OOO:Doc", const_cast<char**>(kNames), &id, &score,
                                   &vectors, &fields))
    return -1;
  const auto set = [&] {
    Of(self).Set(nb::borrow(id), nb::borrow(score), nb::borrow(vectors), nb::borrow(fields));
    return 0;
  };
  return Guarded(set, -1);
}

void DeleteDoc(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  PyObject_GC_UnTrack(self);
  Of(self).~DocBase();
  PyObject_GC_Del(self);
  Py_DECREF(type);
}

int TraverseDoc(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(self));
  return Of(self).Traverse(visit, arg);
}

int ClearDoc(PyObject* self) {
  Of(self).Clear();
  return 0;
}

// From here on the document may be part of a cycle.
void Track(PyObject* self) {
  if (!PyObject_GC_IsTracked(self)) PyObject_GC_Track(self);
}

template <nb::object (DocBase::*Member)(), bool MayHoldOthers>
PyObject* GetMember(PyObject* self, void*) {
  if constexpr (MayHoldOthers) Track(self);
  const auto get = [&] { return (Of(self).*Member)().release().ptr(); };
  return Guarded(get, nullptr);
}

template <void (DocBase::*Member)(nb::object)>
int SetMember(PyObject* self, PyObject* value, void*) {
  if (!value) {
    PyErr_SetString(PyExc_AttributeError, "the parts of a document cannot be deleted");
    return -1;
  }
  Track(self);
  (Of(self).*Member)(nb::borrow(value));
  return 0;
}

template <nb::object (DocBase::*Get)(), void (DocBase::*Set)(nb::object), bool MayHoldOthers>
constexpr PyGetSetDef Part(const char* name) {
  return {name, GetMember<Get, MayHoldOthers>, SetMember<Set>, nullptr, nullptr};
}

PyGetSetDef doc_parts[] = {Part<&DocBase::id, &DocBase::set_id, false>("id"),
                           Part<&DocBase::score, &DocBase::set_score, false>("score"),
                           Part<&DocBase::fields, &DocBase::set_fields, true>("fields"),
                           Part<&DocBase::vectors, &DocBase::set_vectors, true>("vectors"),
                           {nullptr, nullptr, nullptr, nullptr, nullptr}};

PyType_Slot doc_slots[] = {{Py_tp_new, reinterpret_cast<void*>(NewDoc)},
                           {Py_tp_init, reinterpret_cast<void*>(InitDoc)},
                           {Py_tp_dealloc, reinterpret_cast<void*>(DeleteDoc)},
                           {Py_tp_traverse, reinterpret_cast<void*>(TraverseDoc)},
                           {Py_tp_clear, reinterpret_cast<void*>(ClearDoc)},
                           {Py_tp_getset, doc_parts},
                           {0, nullptr}};

PyType_Spec doc_spec = {"cocozvec.zvec._core.DocBase", sizeof(DocObject), 0,
                        Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC, doc_slots};

}  // namespace

nb::object MakeDoc(std::shared_ptr<const Found> found, std::size_t hit) {
  PyObject* self = PyType_GenericAlloc(reinterpret_cast<PyTypeObject*>(g_doc_type), 0);
  if (!self) throw nb::python_error();
  new (&Of(self)) DocBase(std::move(found), hit);
  PyObject_GC_UnTrack(self);  // nothing in it yet that refers to anything
  return nb::steal(self);
}

nb::list MakeDocs(std::shared_ptr<const Found> found) {
  nb::object list = nb::steal(PyList_New(static_cast<Py_ssize_t>(found->hits.size())));
  if (!list) throw nb::python_error();
  for (std::size_t i = 0; i < found->hits.size(); ++i)
    NB_LIST_SET_ITEM(list.ptr(), static_cast<Py_ssize_t>(i), MakeDoc(found, i).release().ptr());
  return nb::borrow<nb::list>(list);
}

DocBase& AsDoc(nb::handle doc) {
  if (PyObject_TypeCheck(doc.ptr(), reinterpret_cast<PyTypeObject*>(g_base_type))) return Of(doc.ptr());
  nb::object type = nb::steal(PyObject_Repr(reinterpret_cast<PyObject*>(Py_TYPE(doc.ptr()))));
  Raise(PyExc_TypeError, "expected a Doc or a list of Doc, got " + std::string(TryText(type).value_or("?")));
}

void BindDoc(nb::module_& m) {
  g_base_type = PyType_FromSpec(&doc_spec);
  if (!g_base_type) throw nb::python_error();
  m.attr("DocBase") = nb::borrow(g_base_type);
  m.def("as_stored", &AsStored, nb::arg().none(), nb::arg(), nb::arg(), nb::arg().none());
  m.def("set_doc_type", [](nb::type_object type) { g_doc_type = type.release().ptr(); });
}

}  // namespace cocozvec_python
