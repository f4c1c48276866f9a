#include "cocoindex/state/environment.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include "cocoindex/errors.h"
#include "cocoindex/state/mdb_error.h"

namespace cocoindex::inline v0 {
namespace {

constexpr std::size_t kMaxIdleReads = 64;
constexpr std::uint64_t kMaxMapSize = 1ull << 46;  // half of what the address space of a process holds
constexpr auto kReaderPatience = std::chrono::seconds(30);

/// Shared with the reads that the thread began: another one may end them, also when this one is gone.
thread_local std::shared_ptr<std::atomic<int>> reads_on_this_thread;

std::uint64_t RoundUpToPage(std::uint64_t size) {
  const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  return std::min(kMaxMapSize, (std::min(size, kMaxMapSize) + page - 1) / page * page);
}

}  // namespace

MdbEnvironment::MdbEnvironment(EnvironmentOptions options, std::unique_ptr<cocozvec::File> lock)
    : options_(std::move(options)), lock_(std::move(lock)), map_size_(RoundUpToPage(options_.map_size)) {
  CheckMdb(mdb_env_create(&env_), path(), "open");
  // NOTLS: reader slots belong to transactions, so that those can be pooled and threads may come and go.
  // NOSYNC writes in the same order as always: the death of the process loses nothing.
  const unsigned flags = MDB_NOTLS | (options_.durable ? 0u : MDB_NOSYNC);
  int rc = mdb_env_set_maxdbs(env_, options_.max_dbs);
  if (rc == 0) rc = mdb_env_set_maxreaders(env_, options_.max_readers);
  if (rc == 0) rc = mdb_env_set_mapsize(env_, map_size_);
  if (rc == 0) rc = mdb_env_open(env_, options_.folder.c_str(), flags, 0600);
  int dead = 0;
  if (rc == 0) rc = mdb_reader_check(env_, &dead);  // slots of processes that were killed
  if (rc == 0) return;
  mdb_env_close(env_);
  env_ = nullptr;
  ThrowMdb(rc, path(), "open");
}

MdbEnvironment::~MdbEnvironment() { Close(); }

int MdbEnvironment::ReadsOnThisThread() noexcept {
  return reads_on_this_thread ? reads_on_this_thread->load() : 0;
}

void MdbEnvironment::ThrowClosed() const { throw StateError("store " + path() + ": environment is closed"); }

int MdbEnvironment::RenewOrBegin(MDB_txn*& txn) {
  if (txn == nullptr) {
    cocozvec::MutexLock lock(mu_);
    if (!idle_.empty()) {
      txn = idle_.back();
      idle_.pop_back();
    }
  }
  return txn != nullptr ? mdb_txn_renew(txn) : mdb_txn_begin(env_, nullptr, MDB_RDONLY, &txn);
}

MdbRead MdbEnvironment::BeginRead() {
  if (!reads_on_this_thread) reads_on_this_thread = std::make_shared<std::atomic<int>>(0);
  MdbRead read{nullptr, reads_on_this_thread};
  {
    cocozvec::MutexLock lock(mu_);
    // A thread that holds a read already must not wait for the grower, which waits for that read.
    while (growing_ && *read.held == 0) changed_.Wait(mu_);
    if (closed_) ThrowClosed();
    ++active_;
  }
  ++*read.held;
  MDB_txn*& txn = read.txn;
  int rc = RenewOrBegin(txn);
  const auto give_up = std::chrono::steady_clock::now() + kReaderPatience;
  for (auto pause = std::chrono::milliseconds(10); rc == MDB_READERS_FULL;
       pause = std::min(2 * pause, std::chrono::milliseconds(200))) {
    if (std::chrono::steady_clock::now() > give_up) break;
    std::this_thread::sleep_for(pause);
    int dead = 0;
    mdb_reader_check(env_, &dead);
    rc = RenewOrBegin(txn);  // a slot, or a transaction that another thread is done with
  }
  if (rc == 0) return read;
  if (txn != nullptr) mdb_txn_abort(std::exchange(txn, nullptr));
  EndRead(read);
  ThrowMdb(rc, path(), "begin reading");
}

void MdbEnvironment::EndRead(const MdbRead& read) noexcept {
  MDB_txn* const txn = read.txn;
  if (txn != nullptr) mdb_txn_reset(txn);
  --*read.held;
  cocozvec::MutexLock lock(mu_);
  if (txn != nullptr && idle_.size() < kMaxIdleReads && !closed_) {
    idle_.push_back(txn);
  } else if (txn != nullptr) {
    mdb_txn_abort(txn);
  }
  if (--active_ == 0 && (growing_ || closed_)) changed_.NotifyAll();
}

void MdbEnvironment::Grow() {
  cocozvec::MutexLock lock(mu_);
  if (map_size_ >= kMaxMapSize)
    throw StateError("store " + path() + ": full at " + std::to_string(map_size_) + " bytes");
  growing_ = true;
  while (active_ > 0) changed_.Wait(mu_);
  const std::uint64_t wanted = RoundUpToPage(map_size_ * 2);
  const int rc = mdb_env_set_mapsize(env_, wanted);
  growing_ = false;
  changed_.NotifyAll();
  CheckMdb(rc, path(), "grow the map to " + std::to_string(wanted) + " bytes");
  map_size_ = wanted;
}

void MdbEnvironment::Close() {
  cocozvec::MutexLock lock(mu_);
  closed_ = true;
  changed_.NotifyAll();
  while (active_ > 0) changed_.Wait(mu_);
  for (MDB_txn* txn : idle_) mdb_txn_abort(txn);
  idle_.clear();
  if (env_ != nullptr) mdb_env_close(env_);
  env_ = nullptr;
  lock_.reset();  // last: the next owner must find the environment closed
}

}  // namespace cocoindex::inline v0
