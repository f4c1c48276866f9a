// zvec/collection/file_system_of.h: where the bytes of a collection live.
#pragma once

#include "base/io/file_system.h"
#include "zvec/options.h"

namespace zvec::inline v0 {

inline cocozvec::FileSystem& FileSystemOf(const CollectionOptions& options) {
  return options.file_system ? *options.file_system : cocozvec::PosixFileSystem();
}

}  // namespace zvec::inline v0
