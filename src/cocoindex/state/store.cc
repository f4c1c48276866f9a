#include "cocoindex/state/store.h"

#include <map>

#include "base/io/file_system.h"
#include "base/mutex.h"
#include "cocoindex/state/environment.h"
#include "cocoindex/state/format.h"
#include "cocoindex/state/holder.h"
#include "cocoindex/state/mdb_error.h"
#include "cocoindex/state/page_check.h"
#include "cocoindex/state/transaction.h"
#include "cocoindex/state/writer.h"

namespace cocoindex::inline v0 {
namespace {

using cocozvec::JoinPath;

constexpr std::string_view kAppPrefix = "app:";  // of the names of LMDB's named databases
constexpr std::size_t kMaxAppName = 255;

class StoreImpl;

class AppImpl final : public AppDb {
 public:
  AppImpl(std::string name, std::shared_ptr<StoreImpl> store, MDB_dbi dbi)
      : name_(std::move(name)), store_(std::move(store)), dbi_(dbi) {}
  const std::string& name() const noexcept override { return name_; }
  std::unique_ptr<ReadTxn> read() override;
  void write_async(std::function<void(WriteTxn&)> body,
                   std::function<void(std::exception_ptr)> done) override;
  void write(std::function<void(WriteTxn&)> body) override;

 private:
  std::function<void(WriteBatch&)> OnThis(std::function<void(WriteTxn&)> body) const {
    return [body = std::move(body), dbi = dbi_](WriteBatch& batch) {
      MdbWriteTxn txn(batch, dbi);
      body(txn);
    };
  }
  const std::string name_;
  const std::shared_ptr<StoreImpl> store_;
  const MDB_dbi dbi_;
};

class StoreImpl final : public Store, public std::enable_shared_from_this<StoreImpl> {
 public:
  StoreImpl(std::shared_ptr<MdbEnvironment> env, Fingerprint id)
      : env_(std::move(env)), writer_(env_), id_(id), path_(env_->path()) {}
  ~StoreImpl() override { writer_.Stop(); }  // the environment closes with its last owner

  std::shared_ptr<AppDb> app(const std::string& name) override;
  std::vector<std::string> app_names() override;
  void drop_app(const std::string& name) override;
  Fingerprint id() const noexcept override { return id_; }
  void close() override;
  const std::string& path() const noexcept override { return path_; }

  const std::shared_ptr<MdbEnvironment>& env() const { return env_; }
  Writer& writer() { return writer_; }

 private:
  const std::shared_ptr<MdbEnvironment> env_;
  Writer writer_;
  const Fingerprint id_;
  const std::string path_;
  cocozvec::Mutex mu_;
  std::map<std::string, std::weak_ptr<AppDb>> apps_ ZVEC_GUARDED_BY(mu_);
};

std::unique_ptr<ReadTxn> AppImpl::read() { return std::make_unique<MdbReadTxn>(store_->env(), dbi_); }

void AppImpl::write_async(std::function<void(WriteTxn&)> body, std::function<void(std::exception_ptr)> done) {
  store_->writer().Submit({OnThis(std::move(body)), std::move(done), nullptr, false});
}

void AppImpl::write(std::function<void(WriteTxn&)> body) {
  store_->writer().SubmitAndWait(OnThis(std::move(body)));
}

std::string DatabaseName(const std::string& path, const std::string& app) {
  if (app.empty() || app.size() > kMaxAppName || app.find('\0') != std::string::npos) {
    throw InvalidRequest("store " + path + ": an app name has 1 to " + std::to_string(kMaxAppName) +
                         " bytes and no NUL, not " + std::to_string(app.size()) + " bytes");
  }
  return std::string(kAppPrefix) + app;
}

/// Databases are opened in write transactions only: LMDB forbids two transactions that open one at once.
bool OpenDatabase(WriteBatch& batch, const std::string& name, bool create, MDB_dbi& dbi) {
  const int rc = mdb_dbi_open(batch.txn, name.c_str(), create ? MDB_CREATE : 0u, &dbi);
  if (rc == MDB_MAP_FULL) {
    batch.map_full = true;
    throw MapFull();
  }
  if (rc == MDB_NOTFOUND) return false;
  CheckMdb(rc, batch.env.path(), "open app " + name);
  return true;
}

std::shared_ptr<AppDb> StoreImpl::app(const std::string& name) {
  const std::string database = DatabaseName(path_, name);
  {
    cocozvec::MutexLock lock(mu_);
    if (std::shared_ptr<AppDb> known = apps_[name].lock()) return known;
  }
  MDB_dbi dbi = 0;  // not under the lock: the writer's callbacks may come here too
  writer_.SubmitAndWait([&](WriteBatch& batch) { OpenDatabase(batch, database, true, dbi); });
  cocozvec::MutexLock lock(mu_);
  std::weak_ptr<AppDb>& slot = apps_[name];
  if (std::shared_ptr<AppDb> raced = slot.lock()) return raced;
  auto made = std::make_shared<AppImpl>(name, shared_from_this(), dbi);
  slot = made;
  return made;
}

/// The names of all databases, in byte order.
std::vector<std::string> DatabaseNames(WriteBatch& batch) {
  MDB_dbi main = 0;
  CheckMdb(mdb_dbi_open(batch.txn, nullptr, 0, &main), batch.env.path(), "list apps");
  MDB_cursor* cursor = nullptr;
  CheckMdb(mdb_cursor_open(batch.txn, main, &cursor), batch.env.path(), "list apps");
  std::vector<std::string> names;
  MDB_val k, v;
  int rc = mdb_cursor_get(cursor, &k, &v, MDB_FIRST);
  for (; rc == 0; rc = mdb_cursor_get(cursor, &k, &v, MDB_NEXT)) {
    if (FromVal(k).starts_with(kAppPrefix)) names.emplace_back(FromVal(k));
  }
  mdb_cursor_close(cursor);
  if (rc != MDB_NOTFOUND) ThrowMdb(rc, batch.env.path(), "list apps");
  return names;
}

std::vector<std::string> StoreImpl::app_names() {
  std::vector<std::string> names;
  writer_.SubmitAndWait([&](WriteBatch& batch) {
    names.clear();
    for (const std::string& database : DatabaseNames(batch)) {
      MDB_dbi dbi = 0;
      MDB_stat stat{};
      if (!OpenDatabase(batch, database, false, dbi)) continue;
      CheckMdb(mdb_stat(batch.txn, dbi, &stat), path_, "list apps");
      if (stat.ms_entries > 0) names.push_back(database.substr(kAppPrefix.size()));
    }
  });
  return names;
}

void StoreImpl::drop_app(const std::string& name) {
  const std::string database = DatabaseName(path_, name);
  writer_.SubmitAndWait([&](WriteBatch& batch) {
    MDB_dbi dbi = 0;
    if (!OpenDatabase(batch, database, false, dbi)) return;
    // Emptied, not removed: removing closes the handle under readers that use it.
    const int rc = mdb_drop(batch.txn, dbi, 0);
    if (rc == MDB_MAP_FULL) {
      batch.map_full = true;
      throw MapFull();
    }
    CheckMdb(rc, path_, "drop app " + name);
  });
}

void StoreImpl::close() {
  if (MdbEnvironment::ReadsOnThisThread() > 0) {
    throw InvalidRequest("store " + path_ +
                         ": close() while this thread holds a read transaction waits for itself");
  }
  writer_.Stop();
  env_->Close();
}

void Refuse(const std::string& path, const std::string& why) {
  throw StateError("store " + path + ": " + why);
}

void CheckSettings(const StoreSettings& settings) {
  if (settings.path.empty()) throw InvalidRequest("store: the path is empty");
  if (settings.max_dbs == 0)
    throw InvalidRequest("store " + settings.path + ": max_dbs is 0, at least 1 is needed");
  if (settings.map_size == 0) throw InvalidRequest("store " + settings.path + ": map_size is 0");
}

/// The directory, made when missing; refuses what is not a directory or belongs to another program.
void PrepareDirectory(cocozvec::FileSystem& fs, const std::string& path) {
  if (const cocozvec::Status made = cocozvec::CreateDirectories(fs, path); !made.ok()) {
    Refuse(path, std::string(made.message()));
  }
  if (fs.Stat(JoinPath(path, "data.mdb")).ok())
    Refuse(path, "an LMDB environment of another program; left as it is");
}

/// LMDB believes what its file says, so it only gets to see a sound one.
void CheckFile(cocozvec::FileSystem& fs, const std::string& path, const std::string& data_file) {
  const auto check = [&](const cocozvec::Status& status) {
    if (!status.ok()) Refuse(path, std::string(status.message()));
  };
  auto file = fs.Open(data_file, cocozvec::OpenMode::kRead);
  check(file.status());
  const auto size = (*file)->Size();
  check(size.status());
  const auto mapping = (*file)->Map(*size);
  check(mapping.status());
  const PageCheckResult result = CheckPages((*mapping)->bytes());
  if (!result.damage) return;
  if (!result.is_lmdb) Refuse(path, data_file + " is no LMDB file, or a damaged one");
  if (!result.has_record)
    Refuse(path, "an LMDB environment of another program, or a damaged one: " + *result.damage);
  Refuse(path, "damaged: " + data_file + ": " + *result.damage +
                   "; restore it from a copy, or remove it and run again");
}

std::shared_ptr<Store> OpenLocked(cocozvec::FileSystem& fs, const StoreSettings& settings,
                                  std::unique_ptr<cocozvec::File> lock) {
  EnvironmentOptions options;
  options.store_path = settings.path;
  options.folder = JoinPath(settings.path, "mdb");
  options.max_dbs = settings.max_dbs;
  options.map_size = settings.map_size;
  options.durable = settings.durable;
  if (fs.Stat(options.folder).status().IsNotFound()) CreateEnvironment(fs, settings.path, options.folder);
  if (settings.check_file) CheckFile(fs, settings.path, JoinPath(options.folder, "data.mdb"));
  auto env = std::make_shared<MdbEnvironment>(options, std::move(lock));
  const StoreRecord record = ReadStoreRecord(*env);
  return std::make_shared<StoreImpl>(std::move(env), record.id);
}

}  // namespace

std::shared_ptr<Store> Store::open(const StoreSettings& settings) {
  CheckSettings(settings);
  cocozvec::FileSystem& fs = cocozvec::PosixFileSystem();
  const std::string& path = settings.path;
  PrepareDirectory(fs, path);
  const std::string lock_file = JoinPath(path, "LOCK");
  const bool lock_is_new = fs.Stat(lock_file).status().IsNotFound();
  std::unique_ptr<cocozvec::File> lock = LockStore(fs, lock_file, path);
  try {
    return OpenLocked(fs, settings, std::move(lock));
  } catch (...) {
    if (lock_is_new) (void)fs.RemoveFile(lock_file);  // nothing of ours stays in a directory that was refused
    throw;
  }
}

}  // namespace cocoindex::inline v0
