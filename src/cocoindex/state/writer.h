// cocoindex/state/writer.h: the one thread that writes. Bodies that wait while it syncs share its next
// transaction. Threads: any may submit.
#pragma once

#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "cocoindex/state/environment.h"
#include "cocoindex/state/transaction.h"

namespace cocoindex::inline v0 {

struct WriteJob {
  std::function<void(WriteBatch&)> body;
  std::function<void(std::exception_ptr)> done;
  std::exception_ptr error;  // set by the writer
  bool failed = false;
};

/// Runs `jobs` in order in as few transactions as possible and calls each `done`, in order, once its fate is
/// on disk. A body that fails is left out: what ran before it is run again and committed, what comes behind
/// it goes on.
void RunJobs(MdbEnvironment& env, std::vector<WriteJob>& jobs);

class Writer {
 public:
  explicit Writer(std::shared_ptr<MdbEnvironment> env);
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;
  ~Writer() { Stop(); }

  /// Throws StateError after Stop.
  void Submit(WriteJob job);
  /// Submits, waits, rethrows. InvalidRequest from the writer thread or while this thread holds a read
  /// transaction.
  void SubmitAndWait(std::function<void(WriteBatch&)> body);
  /// Finishes what was submitted, then ends the thread. From the writer thread itself it does not wait for
  /// that.
  void Stop();

 private:
  struct Queue {
    explicit Queue(std::shared_ptr<MdbEnvironment> e) : env(std::move(e)) {}
    const std::shared_ptr<MdbEnvironment> env;
    cocozvec::Mutex mu;
    cocozvec::CondVar changed;
    std::vector<WriteJob> jobs ZVEC_GUARDED_BY(mu);
    bool stopping ZVEC_GUARDED_BY(mu) = false;
  };
  static void Loop(Queue& queue);

  const std::shared_ptr<Queue> queue_;  // the thread's as well: it may outlive this object
  cocozvec::Mutex stop_mu_;
  std::thread thread_ ZVEC_GUARDED_BY(stop_mu_);
  const std::thread::id thread_id_;
};

}  // namespace cocoindex::inline v0
