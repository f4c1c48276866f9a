// cocoindex/connectors/zvec/connection.h: a base directory with one subdirectory for each collection.
// Threads: everything may be called from any thread; two callers that ask for one unopened collection get one
// handle, and work on one collection does not wait for another.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "cocozvec/base/path.h"
#include "zvec/collection.h"

namespace cocoindex::inline v0::connectors::zvec {

struct ConnectOptions {
  bool enable_mmap = true;  ///< map data files; false reads them into memory. Changing it rebuilds nothing.
  /// What a finished update survives. kRelaxed: the death of the process, but not a power cut.
  ::zvec::Durability durability = ::zvec::Durability::kDurable;
  cocozvec::FileSystem* file_system = nullptr;  ///< for tests: a simulated disk
};

/// Keeps the handle of every collection that it opened and hands the same one out again, since the database
/// takes an exclusive write lock. After a failed write, or when its user closed it, the next use opens a new
/// one. Move-only; the destructor closes and logs a failure. Errors: all but
/// close() and destroy() throw ::zvec::StatusError naming the directory: kBusy (open elsewhere, by whom),
/// kNotFound, kInvalidArgument (not a collection), kDataLoss, kIoError.
class ManagedConnection {
 public:
  class Impl;
  explicit ManagedConnection(std::shared_ptr<Impl> impl) noexcept;
  ManagedConnection(ManagedConnection&&) noexcept;
  ManagedConnection& operator=(ManagedConnection&&) noexcept;
  ~ManagedConnection();

  const std::string& base_path() const noexcept;
  bool enable_mmap() const noexcept;
  /// base_path / name. No I/O, no check of the name.
  std::string collection_path(std::string_view name) const;

  /// The handle that is open, else of the existing collection, else of a new one. The schema of an existing
  /// collection is not compared.
  std::shared_ptr<::zvec::Collection> open_or_create(const std::string& name,
                                                     const ::zvec::CollectionSchema& schema);
  /// kNotFound when there is none.
  std::shared_ptr<::zvec::Collection> open_existing(const std::string& name);
  /// Closes the handle and removes the collection. One that is gone already is success.
  void destroy(const std::string& name);
  /// Closes every handle: whoever still holds one gets kClosed, and the locks are gone on return. May be
  /// called again, and the connection reopens on its next use. Throws ::zvec::StatusError when a last sync
  /// failed, after closing all.
  void close();

  const std::shared_ptr<Impl>& impl() const noexcept { return impl_; }

 private:
  std::shared_ptr<Impl> impl_;
};

/// Makes the directory and its parents, and removes what killed runs left half made. Throws
/// ::zvec::StatusError: a file in its place, no permission.
ManagedConnection connect(cocozvec::PathView base_path, ConnectOptions options = {});
/// The same object: C++ closes it at the end of its scope anyway.
ManagedConnection managed_connection(cocozvec::PathView base_path, ConnectOptions options = {});

}  // namespace cocoindex::inline v0::connectors::zvec
