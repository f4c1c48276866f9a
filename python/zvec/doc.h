// python/zvec/doc.h: a document in Python. One that came from the database builds id, fields and vectors when
// they are first asked for; one that a program made holds what it was given.
#pragma once

#include <nanobind/nanobind.h>

#include <memory>
#include <vector>

#include "python/zvec/schema_info.h"
#include "zvec/query.h"

namespace cocozvec_python {

/// What one call returned; shared by the documents made from it.
struct Found {
  std::shared_ptr<const SchemaInfo> schema;
  std::vector<db::Hit> hits;
};

class DocBase {
 public:
  DocBase() = default;
  DocBase(std::shared_ptr<const Found> found, std::size_t hit) : found_(std::move(found)), hit_(hit) {}

  /// What __init__ gives; `vectors` may hold arrays, which are copied.
  void Set(nb::object id, nb::object score, nb::object vectors, nb::object fields);

  /// TypeError where __init__ was never called.
  nb::object id();
  nb::object score();
  nb::object fields();
  nb::object vectors();
  void set_id(nb::object v) { id_ = std::move(v); }
  void set_score(nb::object v) { score_ = std::move(v); }
  void set_fields(nb::object v) { fields_ = std::move(v); }
  void set_vectors(nb::object v) { vectors_ = std::move(v), arrays_ = false; }

  /// Vectors as a write needs them: arrays stay arrays.
  nb::object raw_vectors() { return arrays_ ? vectors_ : vectors(); }

  int Traverse(visitproc visit, void* arg);
  void Clear();

 private:
  const db::Hit& Source() const;
  nb::object Values(bool vectors) const;

  nb::object id_, score_, fields_, vectors_;
  std::shared_ptr<const Found> found_;
  std::size_t hit_ = 0;
  bool arrays_ = false;  ///< `vectors_` holds arrays that a reader has to see as lists
};

/// A type of the interpreter and none of nanobind's: ten documents of a query cost a microsecond less.
void BindDoc(nb::module_& m);

/// The list of documents of `found`, each an instance of the class that BindDoc's set_doc_type was given.
nb::list MakeDocs(std::shared_ptr<const Found> found);
nb::object MakeDoc(std::shared_ptr<const Found> found, std::size_t hit);

/// A DocBase, or TypeError.
DocBase& AsDoc(nb::handle doc);

}  // namespace cocozvec_python
