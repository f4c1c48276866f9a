// cocoindex/fingerprint.h: BLAKE2b-128 over a canonical, typed, length-prefixed stream of values.
// Integer 1, float 1.0 and true differ; NaN has one form; -0.0 and 0.0 differ.
// Threads: a Hasher belongs to one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cocoindex/key.h"

namespace cocoindex::inline v0 {

/// Fingerprint of raw bytes, without tags.
Fingerprint fingerprint_bytes(std::string_view bytes) noexcept;

/// Ascending. Here, so that no public header needs <algorithm>.
void sort_fingerprints(std::vector<Fingerprint>& fingerprints);

/// Collects values; one hash at the end, since a short BLAKE2b costs 225 ns however little it covers.
class Hasher {
 public:
  Hasher& null();
  Hasher& boolean(bool v);
  Hasher& integer(std::int64_t v);
  Hasher& unsigned_integer(std::uint64_t v);  ///< the same form as integer() where the value fits
  Hasher& real(double v);
  Hasher& text(std::string_view v);
  Hasher& bytes(std::string_view v);
  Hasher& floats(std::span<const float> v);  ///< a dense vector, as raw bytes
  Hasher& fingerprint(const Fingerprint& v);
  Hasher& key(const StableKey& v);
  Hasher& tag(std::string_view name);  ///< a type name or another constant of the program
  Hasher& begin();                     ///< a list, tuple, struct or map; maps sorted by key by the caller
  Hasher& end();

  Fingerprint finish() const noexcept;
  void clear() noexcept { buffer_.clear(); }

 private:
  std::string buffer_;
};

}  // namespace cocoindex::inline v0
