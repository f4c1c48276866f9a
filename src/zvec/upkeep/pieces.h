// zvec/upkeep/pieces.h: reading around what the disk does not give back. Threads: a plain function.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

#include "base/io/file_system.h"

namespace zvec::inline v0 {

/// These bytes of the file, in one piece; where the disk does not read that, in pieces of 4 KiB of the file,
/// and zeros for those that it does not give back.
inline void ReadAround(const cocozvec::File& file, std::uint64_t offset, std::span<std::byte> out) {
  constexpr std::uint64_t kPiece = 4096;
  if (const auto got = file.ReadAt(offset, out); got.ok() && *got == out.size()) return;
  for (std::uint64_t at = 0; at < out.size();) {
    const std::uint64_t size = std::min<std::uint64_t>(kPiece - (offset + at) % kPiece, out.size() - at);
    const std::span<std::byte> piece = out.subspan(at, size);
    const auto got = file.ReadAt(offset + at, piece);
    const std::size_t whole = got.ok() ? *got : 0;
    std::fill(piece.begin() + static_cast<std::ptrdiff_t>(whole), piece.end(), std::byte{0});
    at += size;
  }
}

}  // namespace zvec::inline v0
