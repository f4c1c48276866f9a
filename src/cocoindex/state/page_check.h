// cocoindex/state/page_check.h: is this file a sound LMDB environment? LMDB trusts its file: a damaged byte
// can send it anywhere, even out of the process. So the structure is walked before LMDB sees it.
// docs/format/state.md, "Check".
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace cocoindex::inline v0 {

struct PageCheckResult {
  std::optional<std::string> damage;  ///< what and where; nothing: sound
  bool is_lmdb = false;               ///< the file says it is LMDB's
  bool has_record = false;            ///< the unnamed database holds the record of a store of ours
  std::uint64_t pages_visited = 0;
};

/// Walks every branch and leaf page of every database and the list of free pages: numbers, bounds, order of
/// keys, counts, no page used twice. Values are not read: they have checksums of their own. `file` is not
/// being written.
PageCheckResult CheckPages(std::span<const std::byte> file);

}  // namespace cocoindex::inline v0
