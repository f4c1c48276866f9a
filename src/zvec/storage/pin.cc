#include "zvec/storage/pin.h"

#include <pthread.h>

#include <set>

#include "base/fault.h"
#include "base/mutex.h"

namespace zvec::inline v0 {

using cocozvec::File;
using cocozvec::FileSystem;
using cocozvec::OpenMode;

struct GenerationPin::Registry {
  cocozvec::Mutex mu;
  std::set<GenerationPin*> held ZVEC_GUARDED_BY(mu);

  static Registry& Get() {
    // Never destroyed: collections may be closed by static destructors.
    static Registry* const registry = [] {
      auto* made = new Registry();
      pthread_atfork([] { Get().BeforeFork(); }, [] { Get().InParent(); }, [] { Get().InChild(); });
      return made;
    }();
    return *registry;
  }

 private:
  // No other thread is inside while the process is copied.
  void BeforeFork() ZVEC_NO_THREAD_SAFETY_ANALYSIS { mu.Lock(); }
  void InParent() ZVEC_NO_THREAD_SAFETY_ANALYSIS { mu.Unlock(); }
  /// The pins are the parent's. A descriptor that stayed open here would hold them beyond its death.
  void InChild() ZVEC_NO_THREAD_SAFETY_ANALYSIS {
    for (GenerationPin* pin : held) {
      if (&pin->fs_ == &cocozvec::PosixFileSystem())
        pin->file_.reset();
      else
        (void)pin->file_.release();  // in memory: its mutex may have been held by another thread
    }
    held.clear();
    mu.Unlock();
  }
};

Result<std::shared_ptr<const GenerationPin>> GenerationPin::Take(FileSystem& fs, const std::string& path) {
  // Before the lock, which its destructor takes.
  std::shared_ptr<GenerationPin> pin(new GenerationPin(fs));
  Registry& registry = Registry::Get();
  cocozvec::MutexLock lock(registry.mu);  // from here on: a fork must find the open file registered
  ZVEC_ASSIGN_OR_RETURN(auto file, fs.Open(path, OpenMode::kRead));
  if (const Status locked = file->TryLock(/*exclusive=*/false); !locked.ok()) {
    if (locked.code() == StatusCode::kBusy) return Status::NotFound(path + ": it is being removed");
    return std::shared_ptr<const GenerationPin>();
  }
  // A writer that removed it between the two calls did not see the lock.
  ZVEC_RETURN_IF_ERROR(fs.Stat(path).status());
  registry.held.insert(pin.get());
  pin->file_ = std::move(file);
  return std::shared_ptr<const GenerationPin>(std::move(pin));
}

GenerationPin::~GenerationPin() {
  Registry& registry = Registry::Get();
  cocozvec::MutexLock lock(registry.mu);
  if (!file_) return;  // inherited
  registry.held.erase(this);
  (void)file_->Unlock();  // said aloud: a child forked a moment ago may still hold the open file
  file_.reset();
}

bool IsPinned(FileSystem& fs, const std::string& path) {
  const auto file = fs.Open(path, OpenMode::kRead);
  if (!file.ok()) return false;
  const auto held = (*file)->OtherLock();
  return held.ok() && *held != cocozvec::HeldLock::kNone;
}

Result<bool> RetireManifest(FileSystem& fs, const std::string& path) {
  if (cocozvec::FaultPlanted("ignore_pins")) {
    ZVEC_RETURN_IF_ERROR(fs.RemoveFile(path));
    return true;
  }
  auto file = fs.Open(path, OpenMode::kReadWrite);
  if (file.status().IsNotFound()) return true;
  if (file.status().code() == StatusCode::kFailedPrecondition) {
    // A file with other names (hard links) is not opened to write. Somebody has made a copy: it can only be
    // asked, and a reader that comes between this and the removal finds its files gone.
    ZVEC_ASSIGN_OR_RETURN(file, fs.Open(path, OpenMode::kRead));
    ZVEC_ASSIGN_OR_RETURN(const auto held, (*file)->OtherLock());
    if (held != cocozvec::HeldLock::kNone) return false;
  } else {
    ZVEC_RETURN_IF_ERROR(file.status());
    const Status locked = (*file)->TryLock(/*exclusive=*/true);
    if (locked.code() == StatusCode::kBusy) return false;
    ZVEC_RETURN_IF_ERROR(locked);
  }
  ZVEC_RETURN_IF_ERROR(fs.RemoveFile(path));  // the lock, if any, is held until it is gone
  return true;
}

}  // namespace zvec::inline v0
