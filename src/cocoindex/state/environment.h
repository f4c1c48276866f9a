// cocoindex/state/environment.h: an open LMDB environment: pooled read transactions and growth of the map.
// Threads: any. A read transaction may be ended on another thread than the one that began it, which holds it
// until then.
#pragma once

#include <lmdb.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/io/file_system.h"
#include "base/mutex.h"

namespace cocoindex::inline v0 {

struct EnvironmentOptions {
  std::string store_path;  ///< for messages
  std::string folder;      ///< of LMDB's own two files
  unsigned max_dbs = 1;
  unsigned max_readers = 512;
  std::uint64_t map_size = 0;
  bool durable = true;
};

/// A read transaction that was begun.
struct MdbRead {
  MDB_txn* txn = nullptr;
  std::shared_ptr<std::atomic<int>> held;  ///< by the thread that began it: how many it has
};

class MdbEnvironment {
 public:
  /// `lock` is held as long as the environment is open; may be null.
  MdbEnvironment(EnvironmentOptions options, std::unique_ptr<cocozvec::File> lock);
  MdbEnvironment(const MdbEnvironment&) = delete;
  MdbEnvironment& operator=(const MdbEnvironment&) = delete;
  ~MdbEnvironment();

  MDB_env* get() const noexcept { return env_; }
  const std::string& path() const noexcept { return options_.store_path; }

  /// A snapshot. Throws StateError when closed, or when every reader slot stays taken.
  MdbRead BeginRead() ZVEC_EXCLUDES(mu_);
  void EndRead(const MdbRead& read) noexcept ZVEC_EXCLUDES(mu_);
  /// Read transactions that this thread began and that are not ended, of all environments.
  static int ReadsOnThisThread() noexcept;

  /// Doubles the map once no read transaction is open. Called by the writer, between its transactions.
  void Grow() ZVEC_EXCLUDES(mu_);
  /// Waits for reads in flight. Later calls do nothing.
  void Close() ZVEC_EXCLUDES(mu_);
  [[noreturn]] void ThrowClosed() const;

 private:
  int RenewOrBegin(MDB_txn*& txn) ZVEC_EXCLUDES(mu_);

  const EnvironmentOptions options_;
  std::unique_ptr<cocozvec::File> lock_;
  MDB_env* env_ = nullptr;
  cocozvec::Mutex mu_;
  cocozvec::CondVar changed_;
  std::vector<MDB_txn*> idle_ ZVEC_GUARDED_BY(mu_);  // reset, each with its reader slot
  int active_ ZVEC_GUARDED_BY(mu_) = 0;
  bool growing_ ZVEC_GUARDED_BY(mu_) = false;
  bool closed_ ZVEC_GUARDED_BY(mu_) = false;
  std::uint64_t map_size_ ZVEC_GUARDED_BY(mu_);
};

}  // namespace cocoindex::inline v0
