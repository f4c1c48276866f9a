// connectors/zvec/connection_impl.h: the handle cache behind ManagedConnection, and what the sinks need of
// it. Locks: mu_ guards the map only; a slot's mutex is held across open, create, destroy and close of that
// name, its write_mu across one batch and its mark. Order: write_mu, then mu, never two slots at once.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "cocoindex/connectors/zvec/connection.h"
#include "cocoindex/key.h"
#include "zvec/collection.h"

namespace cocoindex::inline v0::connectors::zvec {

/// The generation mark of a collection: the store that writes it and a counter that every batch raises.
struct Mark {
  Fingerprint store_id;
  std::uint64_t counter = 0;
  std::string encode() const;
  static std::optional<Mark> decode(std::string_view bytes);
};

class ManagedConnection::Impl {
 public:
  Impl(std::string base_path, ConnectOptions options);

  struct Opened {
    std::shared_ptr<::zvec::Collection> handle;
    bool created = false;
  };
  Opened OpenOrCreate(const std::string& name, const ::zvec::CollectionSchema& schema);
  std::shared_ptr<::zvec::Collection> OpenExisting(const std::string& name);
  void Destroy(const std::string& name);
  /// The first failure; all are closed whatever happens.
  ::zvec::Status Close();
  /// Close for good: later calls throw kClosed.
  ::zvec::Status Shutdown();

  /// One call to the database: upserts, then deletes.
  struct Part {
    std::vector<::zvec::Doc> upserts;
    std::vector<std::string> deletes;
  };
  /// Writes the parts that `next` gives until it returns false, each durably, and then raises the mark, which
  /// it returns. `schema`: the collection is created when it is missing, and must have this schema; null: it
  /// must exist.
  std::uint64_t Write(const std::string& name, const ::zvec::CollectionSchema* schema,
                      const std::function<bool(Part&)>& next, const Fingerprint& store_id);

  /// No lock, no open. nullopt: no collection, or no mark. A mark that is not ours: Mark{}, of no store.
  /// Throws StatusError when the mark cannot be read (no access, a failing disk, a newer format).
  std::optional<Mark> ReadMark(const std::string& name) const;

  const std::string& base_path() const noexcept { return base_path_; }
  const ConnectOptions& options() const noexcept { return options_; }
  std::string path(std::string_view name) const;
  /// How often a collection was opened or created; for tests.
  std::uint64_t opens() const;
  std::uint64_t optimizes() const;

 private:
  struct Slot {
    cocozvec::Mutex write_mu;
    cocozvec::Mutex mu;
    std::shared_ptr<::zvec::Collection> handle ZVEC_GUARDED_BY(mu);
    std::uint64_t unindexed ZVEC_GUARDED_BY(mu) = 0;  ///< documents written since the last optimize
  };
  std::shared_ptr<Slot> slot(const std::string& name);
  ::zvec::CollectionOptions collection_options() const;
  std::shared_ptr<::zvec::Collection> OpenLocked(Slot& slot, const std::string& name) ZVEC_REQUIRES(slot.mu);
  Opened OpenOrCreateLocked(Slot& slot, const std::string& name, const ::zvec::CollectionSchema& schema)
      ZVEC_REQUIRES(slot.mu);
  std::shared_ptr<::zvec::Collection> OpenExistingLocked(Slot& slot, const std::string& name)
      ZVEC_REQUIRES(slot.mu);
  std::shared_ptr<::zvec::Collection> OpenForWriting(Slot& slot, const std::string& name,
                                                     const ::zvec::CollectionSchema* schema);
  ::zvec::Result<::zvec::WriteResult> Apply(Slot& slot, const std::string& name,
                                            const ::zvec::CollectionSchema* schema, const Part& part,
                                            std::shared_ptr<::zvec::Collection>* handle);
  ::zvec::Status CloseLocked(Slot& slot) ZVEC_REQUIRES(slot.mu);
  /// After a failed write: the handle may refuse everything from now on, so the next use opens another one.
  void Distrust(Slot& slot, const std::shared_ptr<::zvec::Collection>& handle, const ::zvec::Status& status);
  void NoteWritten(Slot& slot, ::zvec::Collection& handle, std::uint64_t documents);
  void Optimize(::zvec::Collection& handle);
  [[noreturn]] void Fail(const ::zvec::Status& status, std::string_view name, std::string_view what) const;

  const std::string base_path_;
  const ConnectOptions options_;
  mutable cocozvec::Mutex mu_;
  std::map<std::string, std::shared_ptr<Slot>> slots_ ZVEC_GUARDED_BY(mu_);
  std::uint64_t opens_ ZVEC_GUARDED_BY(mu_) = 0;
  std::uint64_t optimizes_ ZVEC_GUARDED_BY(mu_) = 0;
  bool shut_down_ ZVEC_GUARDED_BY(mu_) = false;
};

/// The difference between what is there and what is wanted, or "" when they are equal. The name does not
/// count.
std::string SchemaDifference(const ::zvec::CollectionSchema& there, ::zvec::CollectionSchema wanted);

}  // namespace cocoindex::inline v0::connectors::zvec
