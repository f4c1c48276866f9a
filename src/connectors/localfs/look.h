// connectors/localfs/look.h: one name in the file system, as an entry or a reason why not.
#pragma once

#include <cstdint>
#include <string>

#include "cocoindex/connectors/localfs.h"

namespace cocoindex::inline v0::connectors::localfs {

std::int64_t NowNs() noexcept;
/// `full` is looked at without following a link; `path` is what the entry is called.
Looked LookAt(const std::string& full, std::string path, std::uint64_t max_file_bytes);

}  // namespace cocoindex::inline v0::connectors::localfs
