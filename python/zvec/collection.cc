#include "python/zvec/collection.h"

#include <nanobind/stl/map.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/unique_ptr.h>

#include <optional>
#include <set>

#include "python/zvec/convert.h"
#include "python/zvec/errors.h"
#include "python/zvec/jobs.h"
#include "python/zvec/write.h"

namespace cocozvec_python {
namespace {

// Under the interpreter lock. Never destroyed: handles may be collected while the process exits.
std::set<Handle*>& Open() {
  static auto* handles = new std::set<Handle*>;
  return *handles;
}

std::shared_ptr<const SchemaInfo> InfoOf(const db::Collection& collection) {
  return std::make_shared<const SchemaInfo>(collection.schema());
}

}  // namespace

Handle::Handle(std::shared_ptr<db::Collection> collection)
    : collection_(std::move(collection)),
      path_(collection_->path()),
      options_(collection_->options()),
      schema_(InfoOf(*collection_)) {
  Open().insert(this);
}

Handle::~Handle() {
  Open().erase(this);
  if (!collection_) return;
  if (fork_generation_ != ForkGeneration()) {
    // The parent's: closing it here would write into the parent's files.
    new std::shared_ptr<db::Collection>(std::move(collection_));
    return;
  }
  const Unlocked unlocked;
  collection_.reset();
}

std::shared_ptr<db::Collection> Handle::Get() const {
  if (destroyed_) Raise(PyExc_ValueError, "collection " + path_ + " is already destroyed.");
  if (fork_generation_ != ForkGeneration()) {
    Raise(
        PyExc_RuntimeError,
        "collection " + path_ + " was opened before this process was forked; open it again in this process");
  }
  if (!collection_) {
    {
      const Unlocked a_daemon_at_exit_stays_here;
    }
    Raise(ClosedError(), "collection " + path_ + " is closed");
  }
  return collection_;
}

std::shared_ptr<db::Collection> Handle::GetWritable() const {
  auto collection = Get();
  if (options_.read_only) Raise(PyExc_ValueError, "Collection " + path_ + " is opened in read-only mode");
  return collection;
}

void Handle::CheckNoIterators(const char* what) const {
  if (iterators == 0) return;
  Raise(PyExc_RuntimeError,
        std::string(what) + " is not allowed while iterators are open; close all iterators first");
}

std::shared_ptr<db::Collection> Handle::Release() { return std::exchange(collection_, nullptr); }

void Handle::Close(bool leave_iterators) {
  if (!collection_ && !destroyed_) return;
  Get();
  if (!leave_iterators) CheckNoIterators("close");
  Check(Interruptible([collection = Release()] { return collection->Close(); }), Action::kOther);
}

void Handle::Destroy() {
  GetWritable();
  CheckNoIterators("destroy");
  auto collection = Release();
  destroyed_ = true;
  Check(Interruptible([collection = std::move(collection), path = path_]() mutable {
          if (db::Status status = collection->Close(); !status.ok()) return status;
          collection.reset();
          return db::Collection::Destroy(path);
        }),
        Action::kOther);
}

void Handle::CloseAtExit() noexcept {
  if (!collection_ || fork_generation_ != ForkGeneration()) return;
  auto collection = Release();
  const Unlocked unlocked;
  if (const db::Status status = collection->Close(); !status.ok()) return;  // what returned is in the log
}

void CloseAll() {
  {
    const Unlocked unlocked;
    KeepOthersUnlocked();
  }
  const std::vector<Handle*> handles(Open().begin(), Open().end());
  for (Handle* handle : handles)
    if (Open().count(handle) != 0) handle->CloseAtExit();
  const Unlocked unlocked;
  WaitForJobs();
}

namespace {

using Shared = std::shared_ptr<Handle>;

db::CollectionOptions Options(bool read_only, bool enable_mmap, bool relaxed) {
  db::CollectionOptions options;
  options.read_only = read_only;
  options.enable_mmap = enable_mmap;
  options.durability = relaxed ? db::Durability::kRelaxed : db::Durability::kDurable;
  return options;
}

Shared Create(nb::handle path, nb::handle description, bool enable_mmap, bool relaxed) {
  db::CollectionSchema schema = SchemaFromPython(description);
  auto made = Interruptible([path = Text(path, "path"), schema = std::move(schema),
                             options = Options(false, enable_mmap, relaxed)] {
    return db::Collection::Create(path, schema, options);
  });
  return std::make_shared<Handle>(Take(std::move(made), Action::kCreate));
}

Shared OpenAt(nb::handle path, bool read_only, bool enable_mmap, bool relaxed) {
  auto opened =
      Interruptible([path = Text(path, "path"), options = Options(read_only, enable_mmap, relaxed)] {
        return db::Collection::Open(path, options);
      });
  return std::make_shared<Handle>(Take(std::move(opened), Action::kOpen));
}

nb::object Fetch(Handle* self, nb::handle ids, nb::handle output_fields, nb::handle include_vector) {
  const auto collection = self->Get();
  bool single = false;
  std::vector<std::string> wanted = Ids(ids, &single);
  db::FetchOptions options;
  options.include_vectors = Switch(include_vector, "include_vector");
  if (auto names = Names(output_fields)) {
    // Unknown names and vectors are left out without a word, as the peer does in fetch (not in query).
    options.output_fields.emplace();
    for (std::string& name : *names) {
      const FieldInfo* field = self->schema()->Find(name);
      if (field && !field->is_vector) options.output_fields->push_back(std::move(name));
    }
  }
  auto docs = wanted.size() < kLongCall
                  ? Released([&] { return collection->Fetch(wanted, options); })
                  : Interruptible([collection, wanted = std::move(wanted), options = std::move(options)] {
                      return collection->Fetch(wanted, options);
                    });
  if (!docs.ok()) RaiseStatus(docs.status(), Action::kRead);
  auto found = std::make_shared<Found>();
  found->schema = self->schema();
  found->hits.reserve(docs->size());
  for (db::Doc& doc : *docs) found->hits.push_back({0, std::move(doc)});
  nb::dict out;
  for (std::size_t i = 0; i < found->hits.size(); ++i) {
    nb::object doc = MakeDoc(found, i);
    const nb::object id = AsDoc(doc).id();
    if (PyDict_SetItem(out.ptr(), id.ptr(), doc.ptr()) != 0) throw nb::python_error();
  }
  return out;
}

std::uint64_t DeleteByFilter(Handle* self, nb::handle filter) {
  auto collection = self->GetWritable();
  auto deleted = Interruptible([collection = std::move(collection), text = Text(filter, "filter")] {
    return collection->DeleteByFilter(text);
  });
  return Take(std::move(deleted), Action::kWrite);
}

class Iterator {
 public:
  Iterator(Shared handle, std::unique_ptr<db::DocIterator> docs)
      : handle_(std::move(handle)), docs_(std::move(docs)) {
    ++handle_->iterators;
  }
  ~Iterator() { Close(); }

  void Close() noexcept {
    if (busy_) {
      close_later_ = true;
      return;
    }
    if (docs_) --handle_->iterators;
    docs_.reset();
    ready_.reset();
  }

  nb::object Next() {
    if (busy_) Raise(PyExc_ValueError, "the iterator is being used by another thread");
    if (!ready_ || at_ == ready_->hits.size()) Fill();
    if (!ready_) throw nb::stop_iteration();
    return MakeDoc(ready_, at_++);
  }

 private:
  static constexpr std::size_t kBatch = 64;

  // Ended by an exception (no memory) too.
  struct Busy {
    explicit Busy(bool* flag) : flag(flag) { *flag = true; }
    ~Busy() { *flag = false; }
    Busy(const Busy&) = delete;
    Busy& operator=(const Busy&) = delete;
    bool* const flag;
  };

  db::Status Read(std::vector<db::Hit>* hits) {
    while (hits->size() < kBatch) {
      auto more = docs_->Next(&hits->emplace_back().doc);
      if (!more.ok()) return more.status();
      if (*more) continue;
      hits->pop_back();
      break;
    }
    return {};
  }

  void Fill() {
    ready_.reset();
    if (!docs_) return;
    handle_->Get();
    auto found = std::make_shared<Found>();
    found->schema = handle_->schema();
    db::Status status;
    {
      const Busy busy(&busy_);
      status = Released([&] { return Read(&found->hits); });
    }
    if (!status.ok() || found->hits.empty() || close_later_) Close();
    Check(status, Action::kRead);
    if (found->hits.empty() || !docs_) return;
    ready_ = std::move(found);
    at_ = 0;
  }

  const Shared handle_;
  std::unique_ptr<db::DocIterator> docs_;
  std::shared_ptr<const Found> ready_;
  std::size_t at_ = 0;
  bool busy_ = false, close_later_ = false;
};

std::unique_ptr<Iterator> Iterate(const Shared& self, nb::handle output_fields, nb::handle include_vector) {
  const auto collection = self->Get();
  db::FetchOptions options;
  options.include_vectors = Switch(include_vector, "include_vector");
  options.output_fields = Names(output_fields);
  if (options.output_fields) {
    std::set<std::string> seen;
    for (const std::string& name : *options.output_fields) {
      const FieldInfo* field = self->schema()->Find(name);
      if (!field || field->is_vector)
        Raise(PyExc_ValueError, "output_fields contains unknown or non-scalar field: " + name);
      if (!seen.insert(name).second) Raise(PyExc_ValueError, "output_fields contains a duplicate: " + name);
    }
  }
  auto docs = Released([&] { return collection->Iterate(options); });
  return std::make_unique<Iterator>(self, Take(std::move(docs), Action::kRead));
}

nb::object Stats(Handle* self) {
  const auto collection = self->Get();
  const db::CollectionStats stats = Released([&] { return collection->Stats(); });
  nb::dict completeness;
  for (const auto& [field, share] : stats.index_completeness) completeness[field.c_str()] = share;
  return nb::make_tuple(stats.doc_count, completeness);
}

}  // namespace

void BindCollection(nb::module_& m) {
  nb::class_<Iterator>(m, "Iterator").def("close", &Iterator::Close).def("next", &Iterator::Next);
  auto handle = nb::class_<Handle>(m, "Handle");
  handle.def_prop_ro("path", &Handle::path)
      .def_prop_ro("closed", &Handle::closed)
      .def_prop_ro("stats", &Stats)
      .def_prop_ro("schema", [](Handle* self) { return SchemaToPython(self->schema()->schema()); })
      .def_prop_ro("options",
                   [](Handle* self) {
                     const auto& options = self->Get()->options();
                     return nb::make_tuple(options.read_only, options.enable_mmap,
                                           options.durability == db::Durability::kRelaxed);
                   })
      .def("check", [](Handle* self, bool writing) { (void)(writing ? self->GetWritable() : self->Get()); })
      .def("fetch", &Fetch, nb::arg("ids"), nb::arg("output_fields").none(), nb::arg("include_vector").none())
      .def("delete_by_filter", &DeleteByFilter)
      .def("iterate", &Iterate, nb::arg("output_fields").none(), nb::arg("include_vector").none())
      .def("flush",
           [](Handle* self) {
             Check(Interruptible([c = self->GetWritable()] { return c->Flush(); }), Action::kOther);
           })
      .def("optimize",
           [](Handle* self, std::uint32_t concurrency) {
             db::OptimizeOptions options;
             options.concurrency = concurrency;
             Check(Interruptible([c = self->GetWritable(), options] { return c->Optimize(options); }),
                   Action::kOther);
           })
      .def("close", [](Handle* self) { self->Close(false); })
      .def("leave", [](Handle* self) { self->Close(true); })
      .def("destroy", &Handle::Destroy);
  BindWrite(handle);
  BindSearch(handle);
  m.def("create", &Create);
  m.def("open", &OpenAt);
  m.def("close_all", &CloseAll);
  m.def("remember_main_thread", &RememberMainThread);
}

}  // namespace cocozvec_python
