// zvec/storage/pin.h: which generations are being read: a reader holds a shared lock on the manifest it
// opened, and a writer removes a manifest, and then what it alone names, only under an exclusive one. The
// lock belongs to the open file, so the kernel drops it when the reader dies; nothing is written. A forked
// child's copy of a pin is empty, as of a lock (lock.h). Threads: any.
#pragma once

#include <memory>
#include <string>

#include "base/io/file_system.h"
#include "zvec/schema.h"

namespace zvec::inline v0 {

class GenerationPin {
 public:
  /// Keeps the manifest at `path`, and what it names, until the pin is destroyed. Null: the file system gives
  /// no locks to readers; then only what is mapped stays. Errors   kNotFound: it is gone, or going; those of
  /// opening.
  static Result<std::shared_ptr<const GenerationPin>> Take(cocozvec::FileSystem& fs, const std::string& path);
  ~GenerationPin();
  GenerationPin(const GenerationPin&) = delete;
  GenerationPin& operator=(const GenerationPin&) = delete;

 private:
  struct Registry;
  explicit GenerationPin(cocozvec::FileSystem& fs) : fs_(fs) {}

  cocozvec::FileSystem& fs_;
  std::unique_ptr<cocozvec::File> file_;
};

/// Somebody else pins the manifest at `path`: false as well where nobody can say.
bool IsPinned(cocozvec::FileSystem& fs, const std::string& path);

/// Removes the manifest at `path` unless somebody pins it: then false.
/// Errors   it can be neither locked nor removed now: it may be pinned.
Result<bool> RetireManifest(cocozvec::FileSystem& fs, const std::string& path);

}  // namespace zvec::inline v0
