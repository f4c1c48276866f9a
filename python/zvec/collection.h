// python/zvec/collection.h: an open collection as Python holds it.
// Threads: every method under the interpreter lock, which it gives up while the database works. A method
// takes its own reference to the database's object first, so that another thread may close meanwhile.
#pragma once

#include <nanobind/nanobind.h>

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "python/zvec/doc.h"
#include "python/zvec/fork.h"
#include "zvec/collection.h"

namespace cocozvec_python {

/// Shared by the Python object and its iterators.
class Handle {
 public:
  explicit Handle(std::shared_ptr<db::Collection> collection);
  ~Handle();
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;

  /// Raises when the collection was closed, destroyed, or opened before a fork.
  std::shared_ptr<db::Collection> Get() const;
  /// As Get, for a write: ValueError on a read-only handle.
  std::shared_ptr<db::Collection> GetWritable() const;
  const std::string& path() const noexcept { return path_; }
  const std::shared_ptr<const SchemaInfo>& schema() const noexcept { return schema_; }
  bool closed() const noexcept { return !collection_; }

  /// RuntimeError while iterators are open, unless they may be left: their next call then says "closed".
  void Close(bool leave_iterators);
  void Destroy();
  /// At the interpreter's exit: whatever is open, without a word.
  void CloseAtExit() noexcept;

  int iterators = 0;
  /// Set when the last query took long: the next one is run so that Ctrl-C is heard.
  const std::shared_ptr<std::atomic<bool>> slow = std::make_shared<std::atomic<bool>>(false);

 private:
  std::shared_ptr<db::Collection> Release();
  void CheckNoIterators(const char* what) const;

  std::shared_ptr<db::Collection> collection_;
  const std::string path_;
  const db::CollectionOptions options_;
  const std::shared_ptr<const SchemaInfo> schema_;
  const unsigned fork_generation_ = ForkGeneration();
  bool destroyed_ = false;
};

/// Closes what is open and waits for calls that were interrupted. Registered with atexit.
void CloseAll();

void BindCollection(nb::module_& m);
void BindSearch(nb::class_<Handle>& handle);

}  // namespace cocozvec_python
