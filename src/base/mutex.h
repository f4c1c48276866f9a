// base/mutex.h: mutexes that clang's thread-safety analysis understands (libstdc++'s carry no annotations).
#pragma once

#include <condition_variable>
#include <mutex>
#include <shared_mutex>

#if defined(__clang__)
#define ZVEC_TSA_(x) __attribute__((x))
#else
#define ZVEC_TSA_(x)
#endif
#define ZVEC_CAPABILITY(x) ZVEC_TSA_(capability(x))
#define ZVEC_SCOPED_CAPABILITY ZVEC_TSA_(scoped_lockable)
#define ZVEC_GUARDED_BY(x) ZVEC_TSA_(guarded_by(x))
#define ZVEC_PT_GUARDED_BY(x) ZVEC_TSA_(pt_guarded_by(x))
#define ZVEC_REQUIRES(...) ZVEC_TSA_(requires_capability(__VA_ARGS__))
#define ZVEC_REQUIRES_SHARED(...) ZVEC_TSA_(requires_shared_capability(__VA_ARGS__))
#define ZVEC_EXCLUDES(...) ZVEC_TSA_(locks_excluded(__VA_ARGS__))
#define ZVEC_ACQUIRE(...) ZVEC_TSA_(acquire_capability(__VA_ARGS__))
#define ZVEC_ACQUIRE_SHARED(...) ZVEC_TSA_(acquire_shared_capability(__VA_ARGS__))
#define ZVEC_RELEASE(...) ZVEC_TSA_(release_capability(__VA_ARGS__))
#define ZVEC_RELEASE_SHARED(...) ZVEC_TSA_(release_shared_capability(__VA_ARGS__))
#define ZVEC_RELEASE_GENERIC(...) ZVEC_TSA_(release_generic_capability(__VA_ARGS__))
#define ZVEC_TRY_ACQUIRE(...) ZVEC_TSA_(try_acquire_capability(__VA_ARGS__))
#define ZVEC_RETURN_CAPABILITY(x) ZVEC_TSA_(lock_returned(x))
#define ZVEC_NO_THREAD_SAFETY_ANALYSIS ZVEC_TSA_(no_thread_safety_analysis)

namespace cocozvec::inline v0 {

class ZVEC_CAPABILITY("mutex") Mutex {
 public:
  void Lock() ZVEC_ACQUIRE() { mu_.lock(); }
  void Unlock() ZVEC_RELEASE() { mu_.unlock(); }
  bool TryLock() ZVEC_TRY_ACQUIRE(true) { return mu_.try_lock(); }
  std::mutex& native() { return mu_; }

 private:
  std::mutex mu_;
};

class ZVEC_SCOPED_CAPABILITY MutexLock {
 public:
  explicit MutexLock(Mutex& mu) ZVEC_ACQUIRE(mu) : mu_(mu) { mu_.Lock(); }
  ~MutexLock() ZVEC_RELEASE() { mu_.Unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mu_;
};

class CondVar {
 public:
  /// Releases `mu` while waiting; wakes up spuriously: always in a loop.
  void Wait(Mutex& mu) ZVEC_REQUIRES(mu) {
    std::unique_lock<std::mutex> lock(mu.native(), std::adopt_lock);
    cv_.wait(lock);
    lock.release();
  }
  /// False when `duration` passed.
  template <class Duration>
  bool WaitFor(Mutex& mu, Duration duration) ZVEC_REQUIRES(mu) {
    std::unique_lock<std::mutex> lock(mu.native(), std::adopt_lock);
    const bool woken = cv_.wait_for(lock, duration) == std::cv_status::no_timeout;
    lock.release();
    return woken;
  }
  void NotifyOne() { cv_.notify_one(); }
  void NotifyAll() { cv_.notify_all(); }

 private:
  std::condition_variable cv_;
};

class ZVEC_CAPABILITY("shared_mutex") SharedMutex {
 public:
  void Lock() ZVEC_ACQUIRE() { mu_.lock(); }
  void Unlock() ZVEC_RELEASE() { mu_.unlock(); }
  void LockShared() ZVEC_ACQUIRE_SHARED() { mu_.lock_shared(); }
  void UnlockShared() ZVEC_RELEASE_SHARED() { mu_.unlock_shared(); }

 private:
  std::shared_mutex mu_;
};

class ZVEC_SCOPED_CAPABILITY WriterLock {
 public:
  explicit WriterLock(SharedMutex& mu) ZVEC_ACQUIRE(mu) : mu_(mu) { mu_.Lock(); }
  ~WriterLock() ZVEC_RELEASE() { mu_.Unlock(); }
  WriterLock(const WriterLock&) = delete;
  WriterLock& operator=(const WriterLock&) = delete;

 private:
  SharedMutex& mu_;
};

class ZVEC_SCOPED_CAPABILITY ReaderLock {
 public:
  explicit ReaderLock(SharedMutex& mu) ZVEC_ACQUIRE_SHARED(mu) : mu_(mu) { mu_.LockShared(); }
  ~ReaderLock() ZVEC_RELEASE() { mu_.UnlockShared(); }
  ReaderLock(const ReaderLock&) = delete;
  ReaderLock& operator=(const ReaderLock&) = delete;

 private:
  SharedMutex& mu_;
};

}  // namespace cocozvec::inline v0
