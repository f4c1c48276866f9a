// cocoindex/state/holder.h: one process at a time has a store open; the lock file says which, and since when.
#pragma once

#include <memory>
#include <string>

#include "base/io/file_system.h"

namespace cocoindex::inline v0 {

/// Locks `file` and writes this process into it. The lock lives as long as the returned file, or until the
/// process dies. Throws StateBusyError that names the holder, StateError for any other failure.
std::unique_ptr<cocozvec::File> LockStore(cocozvec::FileSystem& fs, const std::string& file,
                                          const std::string& store);

}  // namespace cocoindex::inline v0
