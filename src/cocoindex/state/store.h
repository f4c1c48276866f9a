// cocoindex/state/store.h: the engine's own durable memory: one LMDB environment per directory, one named
// database per app. Threads: a Store and an AppDb may be used from any thread; a transaction belongs to the
// thread that made it. All writes go through one writer thread that runs the bodies waiting for it in one
// transaction (group commit).
#pragma once

#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cocoindex/errors.h"
#include "cocoindex/key.h"

namespace cocoindex::inline v0 {

struct StoreSettings {
  std::string path;  ///< a directory, made when missing with its parents
  unsigned max_dbs = 1024;
  std::uint64_t map_size = 4ull << 30;  ///< bytes of address space at first; doubled when full
  bool durable = true;                  ///< false: a commit survives the death of the process only
  /// Walk the structure of the file before LMDB trusts it (about 0.4 ms per MB). Without it a damaged file
  /// can crash the process; leave it on but for a very large store on a disk that checks for itself.
  bool check_file = true;
};

/// Keys of any length: over 511 bytes they become prefix + BLAKE2b-128 with the full key in the value;
/// callers never see it.
class ReadTxn {
 public:
  virtual ~ReadTxn() = default;
  /// Points into the map: valid until the transaction ends, in a write transaction until the next write.
  /// StateError when the bytes are not those that were written (every value carries a checksum).
  virtual std::optional<std::string_view> get(std::string_view key) = 0;
  /// Calls fn(key, value) for every key that begins with `prefix`, in key order, until it returns false. In a
  /// write transaction fn must not write.
  virtual void scan(std::string_view prefix,
                    const std::function<bool(std::string_view, std::string_view)>& fn) = 0;
};

class WriteTxn : public ReadTxn {
 public:
  virtual void put(std::string_view key, std::string_view value) = 0;
  virtual bool del(std::string_view key) = 0;
  virtual std::uint64_t del_prefix(std::string_view prefix) = 0;
};

class AppDb {
 public:
  virtual ~AppDb() = default;
  virtual const std::string& name() const noexcept = 0;
  /// A snapshot; keep it short. It belongs to the thread that calls this, which must not write() or close()
  /// meanwhile; another one may use it in its place, and end it, but must neither read nor write beside it.
  virtual std::unique_ptr<ReadTxn> read() = 0;
  /// Queues `body`; bodies run in the order queued, many in one transaction. `done` is called on the writer
  /// thread after the commit with null, or with the error that befell this body: a failing body fails only
  /// its own caller. `body` may run twice (map growth, a neighbour's failure): results go out by overwriting,
  /// never by accumulating.
  virtual void write_async(std::function<void(WriteTxn&)> body,
                           std::function<void(std::exception_ptr)> done) = 0;
  /// The same, waiting; rethrows. InvalidRequest when called from the writer thread, or while this thread
  /// holds a ReadTxn: the map could not grow.
  virtual void write(std::function<void(WriteTxn&)> body) = 0;
};

class Store {
 public:
  virtual ~Store() = default;
  /// Throws StateBusyError (another process, who and since when), StateError (a file in its place, another
  /// program's or a newer format, damage; names the path).
  static std::shared_ptr<Store> open(const StoreSettings& settings);
  /// The app's database, made when missing. One object per name.
  virtual std::shared_ptr<AppDb> app(const std::string& name) = 0;
  virtual std::vector<std::string> app_names() = 0;  ///< of databases that hold something
  virtual void drop_app(const std::string& name) = 0;
  /// Random, made with the store: tells its marks from those of other stores.
  virtual Fingerprint id() const noexcept = 0;
  /// Waits for transactions in flight and releases everything; later calls throw StateError "environment is
  /// closed".
  virtual void close() = 0;
  virtual const std::string& path() const noexcept = 0;
};

}  // namespace cocoindex::inline v0
