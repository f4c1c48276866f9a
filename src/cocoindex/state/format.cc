#include "cocoindex/state/format.h"

#include <lmdb.h>

#include <cstring>
#include <random>

#include "base/checksum.h"
#include "base/coding.h"
#include "cocoindex/errors.h"
#include "cocoindex/state/environment.h"
#include "cocoindex/state/mdb_error.h"

namespace cocoindex::inline v0 {
namespace {

constexpr std::string_view kMagic = "COCOSTOR";

Fingerprint RandomId() {
  std::random_device random;
  Fingerprint id;
  for (std::size_t i = 0; i < id.bytes.size(); i += 4) {
    const std::uint32_t word = random();
    std::memcpy(id.bytes.data() + i, &word, 4);
  }
  return id;
}

std::string_view AsText(const Fingerprint& id) {
  return {reinterpret_cast<const char*>(id.bytes.data()), id.bytes.size()};
}

void Check(const cocozvec::Status& status, const std::string& store) {
  if (!status.ok()) throw StateError("store " + store + ": " + std::string(status.message()));
}

void WriteRecord(MdbEnvironment& env) {
  const std::string record = EncodeStoreRecord({kStoreFormat, RandomId()});
  MDB_txn* txn = nullptr;
  CheckMdb(mdb_txn_begin(env.get(), nullptr, 0, &txn), env.path(), "create");
  MDB_dbi dbi = 0;
  MDB_val key = ToVal(kStoreRecordKey), value = ToVal(record);
  int rc = mdb_dbi_open(txn, nullptr, 0, &dbi);
  if (rc == 0) rc = mdb_put(txn, dbi, &key, &value, 0);
  if (rc != 0) {
    mdb_txn_abort(txn);
  } else {
    rc = mdb_txn_commit(txn);
  }
  CheckMdb(rc, env.path(), "create");
}

}  // namespace

std::string EncodeStoreRecord(const StoreRecord& record) {
  std::string out(kMagic);
  cocozvec::PutFixed<std::uint32_t>(out, record.format);
  cocozvec::PutFixed<std::uint32_t>(out, 0);
  out.append(AsText(record.id));
  cocozvec::PutFixed(out, cocozvec::Checksum(out));
  return out;
}

std::optional<StoreRecord> DecodeStoreRecord(std::string_view bytes) {
  cocozvec::Reader reader(bytes);
  if (reader.Raw(kMagic.size()) != kMagic) return std::nullopt;
  StoreRecord record;
  record.format = reader.Read<std::uint32_t>();
  if (!reader.ok()) return std::nullopt;
  if (record.format != kStoreFormat) return record;
  reader.Read<std::uint32_t>();
  const std::string_view id = reader.Raw(16);
  const auto checksum = reader.Read<std::uint64_t>();
  if (!reader.done() || checksum != cocozvec::Checksum(bytes.substr(0, bytes.size() - 8)))
    return std::nullopt;
  std::memcpy(record.id.bytes.data(), id.data(), 16);
  return record;
}

void CreateEnvironment(cocozvec::FileSystem& fs, const std::string& store_path, const std::string& folder) {
  const std::string unfinished = folder + ".new";
  Check(cocozvec::RemoveTree(fs, unfinished), store_path);  // one that died before the rename
  Check(fs.CreateDirectory(unfinished), store_path);
  {
    EnvironmentOptions options;
    options.store_path = store_path;
    options.folder = unfinished;
    options.map_size = 1 << 20;
    MdbEnvironment env(options, nullptr);
    WriteRecord(env);  // LMDB syncs the data
  }
  Check(fs.SyncDirectory(unfinished), store_path);
  Check(fs.RenameNoReplace(unfinished, folder), store_path);
  Check(fs.SyncDirectory(store_path), store_path);
}

StoreRecord ReadStoreRecord(MdbEnvironment& env) {
  struct Reading {
    explicit Reading(MdbEnvironment& e) : env(e), read(e.BeginRead()) {}
    ~Reading() { env.EndRead(read); }
    MdbEnvironment& env;
    MdbRead read;
  } reading(env);
  MDB_dbi dbi = 0;
  CheckMdb(mdb_dbi_open(reading.read.txn, nullptr, 0, &dbi), env.path(), "open");
  MDB_val key = ToVal(kStoreRecordKey), value;
  const int rc = mdb_get(reading.read.txn, dbi, &key, &value);
  if (rc == MDB_NOTFOUND)
    throw StateError("store " + env.path() + ": an LMDB environment of another program; left as it is");
  CheckMdb(rc, env.path(), "open");
  const std::optional<StoreRecord> record = DecodeStoreRecord(FromVal(value));
  if (!record) throw StateError("store " + env.path() + ": damaged: its own record is not what was written");
  if (record->format != kStoreFormat) {
    throw StateError("store " + env.path() + ": format " + std::to_string(record->format) +
                     ", this program reads format " + std::to_string(kStoreFormat));
  }
  return *record;
}

}  // namespace cocoindex::inline v0
