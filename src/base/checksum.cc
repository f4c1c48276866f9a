#include "base/checksum.h"

#include <xxhash.h>

#include "base/fault.h"

namespace cocozvec::inline v0 {
namespace {

constexpr std::uint64_t kSeed = 0x636f636f7a766563;  // "cocozvec"; part of every format

}  // namespace

std::uint64_t Checksum(std::string_view data) noexcept {
  return XXH3_64bits_withSeed(data.data(), data.size(), kSeed);
}

std::uint64_t Checksum(std::span<const std::byte> data) noexcept {
  return XXH3_64bits_withSeed(data.data(), data.size(), kSeed);
}

std::uint64_t ChecksumAt(std::span<const std::byte> data, std::uint64_t file_id, std::uint64_t offset,
                         std::uint64_t generation) noexcept {
  if (FaultPlanted("no_checksums")) return 0x6e6f6e65;
  const std::uint64_t place[] = {file_id, offset, generation};
  return XXH3_64bits_withSeed(data.data(), data.size(), XXH3_64bits_withSeed(place, sizeof(place), kSeed));
}

}  // namespace cocozvec::inline v0
