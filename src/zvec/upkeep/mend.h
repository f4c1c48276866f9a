// zvec/upkeep/mend.h: puts one damaged byte right by the checksum over it. For small parts whose loss would
// cost more than themselves: headers, manifests, deletions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "zvec/storage/file_header.h"

namespace zvec::inline v0 {

/// Longer ones are not tried: 255 checksums for each byte, of as many bytes.
inline constexpr std::size_t kMostMendable = 8 << 10;

struct Mended {
  std::string bytes;
  std::uint64_t offset = 0;  ///< of the byte that was put right
};

/// A whole file of header and body whose header has the body's size in a and its checksum in b (manifests,
/// deletions): one byte wrong in the header, or one in the body. `good`: the rest of what must hold. nullopt:
/// it cannot be put right so.
std::optional<Mended> MendFile(std::string bytes, std::string_view magic, std::uint64_t number,
                               std::uint32_t newest_version,
                               const std::function<bool(const std::string&)>& good);

}  // namespace zvec::inline v0
