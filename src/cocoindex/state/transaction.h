// cocoindex/state/transaction.h: ReadTxn and WriteTxn over LMDB.
// Threads: one each.
#pragma once

#include <lmdb.h>

#include <cstdint>
#include <exception>
#include <memory>
#include <string>

#include "cocoindex/state/environment.h"
#include "cocoindex/state/store.h"

namespace cocoindex::inline v0 {

class MdbReadTxn final : public ReadTxn {
 public:
  MdbReadTxn(std::shared_ptr<MdbEnvironment> env, MDB_dbi dbi)
      : env_(std::move(env)), read_(env_->BeginRead()), dbi_(dbi) {}
  ~MdbReadTxn() override { env_->EndRead(read_); }

  std::optional<std::string_view> get(std::string_view key) override;
  void scan(std::string_view prefix,
            const std::function<bool(std::string_view, std::string_view)>& fn) override;

 private:
  std::shared_ptr<MdbEnvironment> env_;
  MdbRead read_;
  MDB_dbi dbi_;
};

/// One LMDB write transaction as the bodies of a batch share it.
struct WriteBatch {
  const MdbEnvironment& env;
  MDB_txn* txn = nullptr;
  std::uint64_t bytes = 0;  ///< keys and values put so far
  bool map_full = false;    ///< grow, then run the whole batch again
  std::exception_ptr
      broken;  ///< LMDB refused a change: the transaction can only be aborted, whatever the body did
};

/// Thrown out of a body when the map is full; no std::exception, so that a body's handlers let it pass.
struct MapFull {};

class MdbWriteTxn final : public WriteTxn {
 public:
  MdbWriteTxn(WriteBatch& batch, MDB_dbi dbi) : batch_(batch), dbi_(dbi) {}

  std::optional<std::string_view> get(std::string_view key) override;
  void scan(std::string_view prefix,
            const std::function<bool(std::string_view, std::string_view)>& fn) override;
  void put(std::string_view key, std::string_view value) override;
  bool del(std::string_view key) override;
  std::uint64_t del_prefix(std::string_view prefix) override;

 private:
  /// True when `rc` is MDB_SUCCESS, false for MDB_NOTFOUND, else throws and marks the batch.
  bool Check(int rc, std::string_view what);
  WriteBatch& batch_;
  MDB_dbi dbi_;
};

}  // namespace cocoindex::inline v0
