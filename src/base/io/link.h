// base/io/link.h: a second name for a file: for files that nobody changes any more.
#pragma once

#include "base/io/file_system.h"

namespace cocozvec::inline v0 {

/// kAlreadyExists; kUnimplemented where this is not possible: another file system, one without hard links, or
/// a back end that is not the operating system. A symbolic link is not followed. The name is durable when the
/// directory has been synced.
Status LinkFile(FileSystem& fs, PathView from, PathView to);

}  // namespace cocozvec::inline v0
