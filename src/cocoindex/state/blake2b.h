// cocoindex/state/blake2b.h: BLAKE2b (RFC 7693) with 16 bytes of output and no key.
//
// Why our own: most of the cost of an unchanged row is its fingerprint, and libb2 chooses 128-bit vector code
// whose latency is twice that of plain 64-bit arithmetic where both were measured (bench/connector). libb2 is
// what the test compares with.
#pragma once

#include <cstdint>
#include <string_view>

namespace cocoindex::inline v0 {

void blake2b_128(std::string_view data, std::uint8_t* digest) noexcept;

}  // namespace cocoindex::inline v0
