// fuzz/pages.cc: any bytes as the engine's LMDB file, which is checked before LMDB sees it. What the check
// calls sound, LMDB walks from end to end.
#include <fcntl.h>
#include <lmdb.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cocoindex/state/page_check.h"
#include "fuzz.h"

namespace fuzz {
namespace {

constexpr std::size_t kPage = 4096;

/// A file in memory that LMDB can open by its path.
class MemoryFile {
 public:
  MemoryFile() : fd_(memfd_create("fuzz", 0)) {
    if (fd_ < 0) Fail("no file in memory");
    path_ = "/proc/self/fd/" + std::to_string(fd_);
  }
  ~MemoryFile() { close(fd_); }
  void Fill(std::string_view bytes) const {
    if (ftruncate(fd_, 0) != 0 ||
        pwrite(fd_, bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size()))
      Fail("a file in memory took no bytes");
  }
  std::string Bytes() const {
    std::string bytes(static_cast<std::size_t>(lseek(fd_, 0, SEEK_END)), '\0');
    if (pread(fd_, bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) Fail("a short read");
    return bytes;
  }
  const char* path() const { return path_.c_str(); }

 private:
  const int fd_;
  std::string path_;
};

class Environment {
 public:
  explicit Environment(const MemoryFile& file, unsigned flags, std::size_t map_size) {
    if (mdb_env_create(&env_) != 0) Fail("no environment");
    mdb_env_set_maxdbs(env_, 4);
    mdb_env_set_mapsize(env_, map_size);
    opened_ = mdb_env_open(env_, file.path(), flags | MDB_NOSUBDIR | MDB_NOLOCK | MDB_NOSYNC, 0600);
  }
  ~Environment() { mdb_env_close(env_); }
  MDB_env* get() const { return env_; }
  int opened() const { return opened_; }

 private:
  MDB_env* env_ = nullptr;
  int opened_ = 0;
};

void Must(int rc, std::string_view what) {
  if (rc != 0) Fail(what, mdb_strerror(rc));
}

/// Every key and value of one database; names found in it are followed once. What the check calls sound,
/// LMDB refuses nowhere.
void Walk(MDB_txn* txn, MDB_dbi dbi, std::string_view file, bool unnamed) {
  MDB_cursor* cursor = nullptr;
  Must(mdb_cursor_open(txn, dbi, &cursor), "LMDB refuses a cursor on what the check calls sound");
  MDB_val key, value;
  volatile unsigned sum = 0;
  int rc = mdb_cursor_get(cursor, &key, &value, MDB_FIRST);
  for (; rc == 0; rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) {
    for (const MDB_val& v : {key, value}) {
      const auto* bytes = static_cast<const unsigned char*>(v.mv_data);
      for (std::size_t i = 0; i<v.mv_size; i += v.mv_size> kPage ? kPage : 1) sum = sum + bytes[i];
    }
    MDB_dbi named = 0;
    const std::string name(static_cast<const char*>(key.mv_data), key.mv_size);
    if (!unnamed || name.find('\0') != std::string::npos) continue;
    const int opened = mdb_dbi_open(txn, name.c_str(), 0, &named);
    // A plain value has the flags of no database; more databases than the environment takes are not walked.
    if (opened == MDB_INCOMPATIBLE || opened == MDB_DBS_FULL) continue;
    Must(opened, "LMDB refuses a database that the check calls sound");
    Walk(txn, named, file, false);
  }
  if (rc != MDB_NOTFOUND) Must(rc, "LMDB refuses an entry that the check calls sound");
  mdb_cursor_close(cursor);
}

void WalkAll(std::string_view bytes) {
  static const MemoryFile file;
  file.Fill(bytes);
  const Environment env(file, MDB_RDONLY, bytes.size());
  Must(env.opened(), "LMDB refuses a file that the check calls sound");
  MDB_txn* txn = nullptr;
  Must(mdb_txn_begin(env.get(), nullptr, MDB_RDONLY, &txn),
       "LMDB refuses to read what the check calls sound");
  MDB_dbi dbi = 0;
  Must(mdb_dbi_open(txn, nullptr, 0, &dbi), "LMDB refuses the unnamed database");
  Walk(txn, dbi, bytes, true);
  mdb_txn_abort(txn);
}

void Must(int rc) { Must(rc, "LMDB"); }

std::string MadeByLmdb(int entries, std::size_t large) {
  const MemoryFile file;
  {
    const Environment env(file, 0, 1 << 20);
    Must(env.opened());
    MDB_txn* txn = nullptr;
    MDB_dbi root = 0, app = 0;
    Must(mdb_txn_begin(env.get(), nullptr, 0, &txn));
    Must(mdb_dbi_open(txn, nullptr, 0, &root));
    Must(mdb_dbi_open(txn, "app", MDB_CREATE, &app));
    const auto put = [&](std::string name, std::string content) {
      MDB_val key{name.size(), name.data()}, value{content.size(), content.data()};
      Must(mdb_put(txn, app, &key, &value, 0));
    };
    for (int i = 0; i < entries; ++i) put("key " + std::to_string(1000 + i), std::string(i % 90, 'v'));
    if (large != 0) put("large", std::string(large, 'l'));
    Must(mdb_txn_commit(txn));
    Must(mdb_txn_begin(env.get(), nullptr, 0, &txn));
    std::string name = "key 1000";
    MDB_val key{name.size(), name.data()};
    if (entries > 0) Must(mdb_del(txn, app, &key, nullptr));
    Must(mdb_txn_commit(txn));
  }
  std::string bytes = file.Bytes();
  // The flag of a file without a folder of its own, which ours have, is kept in the meta pages.
  for (const std::size_t page : {std::size_t{0}, kPage}) bytes.replace(page + 44, 2, {'\x08', '\0'});
  const auto sound = cocoindex::CheckPages(std::as_bytes(std::span(bytes)));
  Require(!sound.damage, "LMDB's own file is called damaged", sound.damage.value_or(""));
  return bytes;
}

}  // namespace

std::vector<std::string> Seeds() { return {MadeByLmdb(0, 0), MadeByLmdb(60, 5000)}; }

void Run(std::string_view input) {
  const auto result = cocoindex::CheckPages(std::as_bytes(std::span(input)));
  Require(result.pages_visited <= 2 * (input.size() / 512 + 2), "more pages than the file has");
  if (!result.damage) WalkAll(input);
}

void Vary(std::string& input, std::size_t most, Random& random) {
  // Half of the changes where pages have their structure.
  if (input.size() < kPage || random() % 2 == 0) return VaryBytes(input, most, random);
  const std::size_t pages =
      random() % 4 == 0 ? std::min<std::size_t>(2, input.size() / kPage) : input.size() / kPage;
  const std::size_t page = random() % pages * kPage;
  std::string start = input.substr(page, 160);
  const std::size_t size = start.size();
  VaryBytes(start, size, random);
  start.resize(size);
  input.replace(page, size, start);
}
void Seal(std::string&) {}

}  // namespace fuzz
