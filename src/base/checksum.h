// base/checksum.h: XXH3-64 with a fixed seed. The value is part of every file format: never change it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace cocozvec::inline v0 {

std::uint64_t Checksum(std::string_view data) noexcept;
std::uint64_t Checksum(std::span<const std::byte> data) noexcept;
/// Bound to where the bytes belong: a block that was moved to another place, file or generation does not
/// match.
std::uint64_t ChecksumAt(std::span<const std::byte> data, std::uint64_t file_id, std::uint64_t offset,
                         std::uint64_t generation) noexcept;

}  // namespace cocozvec::inline v0
