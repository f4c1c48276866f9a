#include "cocoindex/state/writer.h"

#include <cerrno>
#include <utility>

#include "base/fault.h"
#include "cocoindex/errors.h"
#include "cocoindex/state/mdb_error.h"
#include "cocozvec/base/log.h"

namespace cocoindex::inline v0 {
namespace {

// Changed pages stay in memory until the commit: a transaction ends behind the body that passes this.
constexpr std::uint64_t kMaxTransactionBytes = 16ull << 20;

class Transaction {
 public:
  explicit Transaction(const MdbEnvironment& env) : env_(env) {
    CheckMdb(mdb_txn_begin(env.get(), nullptr, 0, &txn_), env.path(), "begin writing");
  }
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  ~Transaction() {
    if (txn_ != nullptr) mdb_txn_abort(txn_);
  }
  MDB_txn* get() const { return txn_; }
  /// False when the map is full.
  bool Commit() {
    if (cocozvec::FaultPlanted("state.commit_fails")) ThrowMdb(EIO, env_.path(), "commit");
    const int rc = mdb_txn_commit(std::exchange(txn_, nullptr));
    if (rc == MDB_MAP_FULL) return false;
    CheckMdb(rc, env_.path(), "commit");
    return true;
  }

 private:
  const MdbEnvironment& env_;
  MDB_txn* txn_ = nullptr;
};

void RunBody(WriteBatch& batch, WriteJob& job) {
  try {
    job.body(batch);
    job.error = batch.broken;  // the body may have swallowed what LMDB said
  } catch (const MapFull&) {
  } catch (...) {
    job.error = batch.broken ? batch.broken : std::current_exception();
  }
  job.failed = job.error != nullptr;
}

class Batch {
 public:
  Batch(MdbEnvironment& env, std::vector<WriteJob>& jobs) : env_(env), jobs_(jobs) {}

  void Run() {
    while (next_ < jobs_.size()) {
      std::size_t end = jobs_.size();
      try {
        end = CommitSome();
      } catch (...) {  // beginning, growing or committing failed: the fault of none, so all are told
        for (std::size_t i = next_; i < end; ++i) {
          if (!jobs_[i].failed) jobs_[i].error = std::current_exception();
        }
      }
      for (; next_ < end; ++next_) Finish(jobs_[next_]);
    }
  }

 private:
  enum class Result { kCommitted, kMapFull, kBodyFailed };

  /// Settles a run of jobs from next_ on, as many as it can; returns the first that is not.
  std::size_t CommitSome() {
    std::size_t end = jobs_.size();
    for (;;) {
      const auto [result, reached] = TryOnce(end);
      switch (result) {
        case Result::kCommitted:
          return reached;
        case Result::kMapFull:
          env_.Grow();
          break;
        case Result::kBodyFailed:
          if (reached == next_) return reached + 1;  // nothing ran before it that would have to run again
          end = reached;
      }
    }
  }

  std::pair<Result, std::size_t> TryOnce(std::size_t end) {
    Transaction txn(env_);
    WriteBatch batch{env_, txn.get(), 0, false, nullptr};
    std::size_t i = next_;
    for (; i < end && batch.bytes <= kMaxTransactionBytes; ++i) {
      if (jobs_[i].failed) continue;
      RunBody(batch, jobs_[i]);
      if (batch.map_full) return {Result::kMapFull, i};
      if (jobs_[i].failed) return {Result::kBodyFailed, i};
    }
    return {txn.Commit() ? Result::kCommitted : Result::kMapFull, i};
  }

  static void Finish(WriteJob& job) {
    try {
      if (job.done) job.done(std::move(job.error));  // the last reference: see Waiter
    } catch (...) {
      cocozvec::Log(cocozvec::LogLevel::kError, "state store: a completion callback threw; ignored");
    }
    job = {};
  }

  MdbEnvironment& env_;
  std::vector<WriteJob>& jobs_;
  std::size_t next_ = 0;
};

/// A future whose error belongs to the waiting thread alone once that wakes up: nothing of it is left to the
/// writer, so the exception is never freed there while it is being read here (and TSan, which does not see
/// libstdc++'s own reference counts, agrees).
class Waiter {
 public:
  void Finish(std::exception_ptr error) {
    cocozvec::MutexLock lock(mu_);
    error_ = std::move(error);
    finished_ = true;
    changed_.NotifyAll();
  }
  void Wait() {
    std::exception_ptr error;
    {
      cocozvec::MutexLock lock(mu_);
      while (!finished_) changed_.Wait(mu_);
      error = std::move(error_);
    }
    if (error) std::rethrow_exception(std::move(error));
  }

 private:
  cocozvec::Mutex mu_;
  cocozvec::CondVar changed_;
  bool finished_ ZVEC_GUARDED_BY(mu_) = false;
  std::exception_ptr error_ ZVEC_GUARDED_BY(mu_);
};

}  // namespace

void RunJobs(MdbEnvironment& env, std::vector<WriteJob>& jobs) { Batch(env, jobs).Run(); }

Writer::Writer(std::shared_ptr<MdbEnvironment> env)
    : queue_(std::make_shared<Queue>(std::move(env))),
      thread_([queue = queue_] { Loop(*queue); }),
      thread_id_(thread_.get_id()) {}

void Writer::Loop(Queue& queue) {
  std::vector<WriteJob> jobs;
  for (;;) {
    {
      cocozvec::MutexLock lock(queue.mu);
      while (queue.jobs.empty() && !queue.stopping) queue.changed.Wait(queue.mu);
      if (queue.jobs.empty()) return;
      jobs.swap(queue.jobs);
    }
    RunJobs(*queue.env, jobs);
    jobs.clear();
  }
}

void Writer::Submit(WriteJob job) {
  const std::shared_ptr<Queue> queue = queue_;  // the job may own this object, and be done before we are
  {
    cocozvec::MutexLock lock(queue->mu);
    if (queue->stopping) queue->env->ThrowClosed();
    queue->jobs.push_back(std::move(job));
  }
  queue->changed.NotifyOne();
}

void Writer::SubmitAndWait(std::function<void(WriteBatch&)> body) {
  const std::string where = "store " + queue_->env->path() + ": write() ";
  if (std::this_thread::get_id() == thread_id_)
    throw InvalidRequest(where + "on the writer thread waits for itself");
  if (MdbEnvironment::ReadsOnThisThread() > 0) {
    throw InvalidRequest(where + "while this thread holds a read transaction: the map could not grow");
  }
  const auto waiter = std::make_shared<Waiter>();  // the writer may still be in Finish when the wait ends
  Submit({std::move(body), [waiter](std::exception_ptr error) { waiter->Finish(std::move(error)); }, nullptr,
          false});
  waiter->Wait();
}

void Writer::Stop() {
  {
    cocozvec::MutexLock lock(queue_->mu);
    queue_->stopping = true;
  }
  queue_->changed.NotifyAll();
  if (std::this_thread::get_id() == thread_id_) {
    cocozvec::MutexLock lock(stop_mu_);
    if (thread_.joinable()) thread_.detach();
    return;
  }
  cocozvec::MutexLock lock(stop_mu_);
  if (thread_.joinable()) thread_.join();
}

}  // namespace cocoindex::inline v0
