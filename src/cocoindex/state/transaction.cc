#include "cocoindex/state/transaction.h"

#include <algorithm>
#include <vector>

#include "cocoindex/state/entry.h"
#include "cocoindex/state/mdb_error.h"

namespace cocoindex::inline v0 {
namespace {

constexpr std::uint64_t kMaxValueSize = 1ull << 31;

using Visit = std::function<bool(std::string_view, std::string_view)>;

struct CursorCloser {
  void operator()(MDB_cursor* cursor) const { mdb_cursor_close(cursor); }
};
using Cursor = std::unique_ptr<MDB_cursor, CursorCloser>;

Cursor OpenCursor(MDB_txn* txn, MDB_dbi dbi, std::string_view path) {
  MDB_cursor* cursor = nullptr;
  CheckMdb(mdb_cursor_open(txn, dbi, &cursor), path, "read");
  return Cursor(cursor);
}

std::string Shown(std::string_view key) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  for (const char c : key.substr(0, 64)) {
    out.push_back(kDigits[static_cast<unsigned char>(c) >> 4]);
    out.push_back(kDigits[static_cast<unsigned char>(c) & 15]);
  }
  return out + (key.size() > 64 ? "..." : "");
}

Entry ReadOrThrow(const MDB_val& key, const MDB_val& value, std::string_view path) {
  const std::optional<Entry> entry = ReadEntry(FromVal(key), FromVal(value));
  if (entry) return *entry;
  throw StateError("store " + std::string(path) + ": damaged: the value under key " + Shown(FromVal(key)) +
                   " is not what was written");
}

std::optional<std::string_view> Get(MDB_txn* txn, MDB_dbi dbi, std::string_view key, std::string_view path) {
  if (key.empty()) return std::nullopt;
  const StoredKey stored(key);
  MDB_val k = ToVal(stored.bytes()), v;
  const int rc = mdb_get(txn, dbi, &k, &v);
  if (rc == MDB_NOTFOUND) return std::nullopt;
  CheckMdb(rc, path, "read");
  const Entry entry = ReadOrThrow(k, v, path);
  if (entry.key != key) return std::nullopt;  // another long key with the same 128 bits
  return entry.value;
}

/// Moves through the stored keys that may belong to `prefix`; calls fn(cursor, entry) for each.
template <class F>
void Walk(MDB_txn* txn, MDB_dbi dbi, std::string_view prefix, std::string_view path, F fn) {
  // A shortened key has only kLongKeyPrefix bytes of its own, so a longer prefix selects a superset.
  const std::string_view seek = prefix.substr(0, kLongKeyPrefix);
  const Cursor cursor = OpenCursor(txn, dbi, path);
  MDB_val k = ToVal(seek), v;
  int rc = mdb_cursor_get(cursor.get(), &k, &v, seek.empty() ? MDB_FIRST : MDB_SET_RANGE);
  for (; rc == 0 && FromVal(k).starts_with(seek); rc = mdb_cursor_get(cursor.get(), &k, &v, MDB_NEXT)) {
    if (!fn(cursor.get(), ReadOrThrow(k, v, path))) return;
  }
  if (rc != 0 && rc != MDB_NOTFOUND) ThrowMdb(rc, path, "read");
}

/// Entries that share the bytes which a shortened key keeps are stored in no useful order among each other.
/// They are gathered and sorted by their whole keys.
class InKeyOrder {
 public:
  InKeyOrder(std::string_view prefix, const Visit& fn) : prefix_(prefix), fn_(fn) {}

  bool Add(const Entry& entry) {
    const bool joins = !group_.empty() && entry.key.starts_with(group_.front().key.substr(0, kLongKeyPrefix));
    if (!joins && !Flush()) return false;
    if (entry.key.size() < kLongKeyPrefix) return Emit(entry);
    group_.push_back(entry);
    return true;
  }
  bool Flush() {
    std::sort(group_.begin(), group_.end(), [](const Entry& a, const Entry& b) { return a.key < b.key; });
    const bool go_on = std::all_of(group_.begin(), group_.end(), [this](const Entry& e) { return Emit(e); });
    group_.clear();
    return go_on;
  }

 private:
  bool Emit(const Entry& entry) const {
    return !entry.key.starts_with(prefix_) || fn_(entry.key, entry.value);
  }
  std::string_view prefix_;
  const Visit& fn_;
  std::vector<Entry> group_;
};

void Scan(MDB_txn* txn, MDB_dbi dbi, std::string_view prefix, std::string_view path, const Visit& fn) {
  InKeyOrder order(prefix, fn);
  bool go_on = true;
  Walk(txn, dbi, prefix, path, [&](MDB_cursor*, const Entry& entry) { return go_on = order.Add(entry); });
  if (go_on) order.Flush();
}

}  // namespace

std::optional<std::string_view> MdbReadTxn::get(std::string_view key) {
  return Get(read_.txn, dbi_, key, env_->path());
}

void MdbReadTxn::scan(std::string_view prefix, const Visit& fn) {
  Scan(read_.txn, dbi_, prefix, env_->path(), fn);
}

bool MdbWriteTxn::Check(int rc, std::string_view what) {
  if (rc == MDB_SUCCESS) return true;
  if (rc == MDB_NOTFOUND) return false;
  if (rc == MDB_MAP_FULL) {
    batch_.map_full = true;
    throw MapFull();
  }
  try {
    ThrowMdb(rc, batch_.env.path(), what);
  } catch (...) {
    if (!batch_.broken) batch_.broken = std::current_exception();
    throw;
  }
}

std::optional<std::string_view> MdbWriteTxn::get(std::string_view key) {
  return Get(batch_.txn, dbi_, key, batch_.env.path());
}

void MdbWriteTxn::scan(std::string_view prefix, const Visit& fn) {
  Scan(batch_.txn, dbi_, prefix, batch_.env.path(), fn);
}

void MdbWriteTxn::put(std::string_view key, std::string_view value) {
  if (key.empty()) throw InvalidRequest("store " + batch_.env.path() + ": an empty key");
  if (value.size() > kMaxValueSize || key.size() > kMaxValueSize) {
    throw InvalidRequest("store " + batch_.env.path() + ": key " + Shown(key) + ": " +
                         std::to_string(value.size()) + " bytes, allowed are " +
                         std::to_string(kMaxValueSize));
  }
  const StoredKey stored(key);
  MDB_val k = ToVal(stored.bytes());
  MDB_val v{StoredValueSize(key, value), nullptr};
  batch_.bytes += k.mv_size + v.mv_size;
  Check(mdb_put(batch_.txn, dbi_, &k, &v, MDB_RESERVE), "write");
  WriteStoredValue(stored, key, value, static_cast<char*>(v.mv_data));
}

bool MdbWriteTxn::del(std::string_view key) {
  if (key.empty()) return false;
  const StoredKey stored(key);
  if (stored.is_long() && !get(key)) return false;
  MDB_val k = ToVal(stored.bytes());
  return Check(mdb_del(batch_.txn, dbi_, &k, nullptr), "delete");
}

std::uint64_t MdbWriteTxn::del_prefix(std::string_view prefix) {
  std::uint64_t count = 0;
  Walk(batch_.txn, dbi_, prefix, batch_.env.path(), [&](MDB_cursor* cursor, const Entry& entry) {
    // The cursor's next step leads to the entry after the deleted one.
    if (entry.key.starts_with(prefix)) count += Check(mdb_cursor_del(cursor, 0), "delete");
    return true;
  });
  return count;
}

}  // namespace cocoindex::inline v0
