#include "cocoindex/fingerprint.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "cocoindex/state/blake2b.h"

namespace cocoindex::inline v0 {
namespace {

// docs/format/state.md, "Fingerprints". One byte says what follows; everything of variable length carries its
// length, so that no two streams of values give the same bytes.
enum Mark : char {
  kNull = 'n',
  kTrue = 't',
  kFalse = 'f',
  kInt = 'i',       // 8 bytes
  kUnsigned = 'u',  // 8 bytes, only from 2^63 on
  kReal = 'd',      // 8 bytes
  kText = 's',      // length, bytes
  kBytes = 'b',     // length, bytes
  kFloats = 'v',    // count, 4 bytes each
  kDigest = 'F',    // 16 bytes
  kKey = 'k',       // length, encode_key
  kName = 'g',      // length, bytes
  kBegin = '(',
  kEnd = ')',
};

void PutWord(std::string& out, std::uint64_t v) {
  for (int shift = 0; shift < 64; shift += 8) out.push_back(static_cast<char>(v >> shift));
}

void PutLength(std::string& out, std::uint64_t v) {
  for (; v >= 0x80; v >>= 7) out.push_back(static_cast<char>(v | 0x80));
  out.push_back(static_cast<char>(v));
}

void PutSized(std::string& out, Mark mark, std::string_view v) {
  out.push_back(mark);
  PutLength(out, v.size());
  out.append(v);
}

}  // namespace

Fingerprint fingerprint_bytes(std::string_view bytes) noexcept {
  Fingerprint digest;
  blake2b_128(bytes, digest.bytes.data());
  return digest;
}

void sort_fingerprints(std::vector<Fingerprint>& fingerprints) {
  std::sort(fingerprints.begin(), fingerprints.end());
}

Hasher& Hasher::null() {
  buffer_.push_back(kNull);
  return *this;
}

Hasher& Hasher::boolean(bool v) {
  buffer_.push_back(v ? kTrue : kFalse);
  return *this;
}

Hasher& Hasher::integer(std::int64_t v) {
  buffer_.push_back(kInt);
  PutWord(buffer_, static_cast<std::uint64_t>(v));
  return *this;
}

Hasher& Hasher::unsigned_integer(std::uint64_t v) {
  if (v <= static_cast<std::uint64_t>(INT64_MAX)) return integer(static_cast<std::int64_t>(v));
  buffer_.push_back(kUnsigned);
  PutWord(buffer_, v);
  return *this;
}

Hasher& Hasher::real(double v) {
  constexpr std::uint64_t kNan = 0x7ff8000000000000;
  buffer_.push_back(kReal);
  PutWord(buffer_, std::isnan(v) ? kNan : std::bit_cast<std::uint64_t>(v));
  return *this;
}

Hasher& Hasher::text(std::string_view v) {
  PutSized(buffer_, kText, v);
  return *this;
}

Hasher& Hasher::bytes(std::string_view v) {
  PutSized(buffer_, kBytes, v);
  return *this;
}

Hasher& Hasher::floats(std::span<const float> v) {
  static_assert(std::endian::native == std::endian::little);
  buffer_.push_back(kFloats);
  PutLength(buffer_, v.size());
  buffer_.append(reinterpret_cast<const char*>(v.data()), v.size_bytes());
  return *this;
}

Hasher& Hasher::fingerprint(const Fingerprint& v) {
  buffer_.push_back(kDigest);
  buffer_.append(reinterpret_cast<const char*>(v.bytes.data()), v.bytes.size());
  return *this;
}

Hasher& Hasher::key(const StableKey& v) {
  std::string encoded;
  encode_key(v, encoded);
  PutSized(buffer_, kKey, encoded);
  return *this;
}

Hasher& Hasher::tag(std::string_view name) {
  PutSized(buffer_, kName, name);
  return *this;
}

Hasher& Hasher::begin() {
  buffer_.push_back(kBegin);
  return *this;
}

Hasher& Hasher::end() {
  buffer_.push_back(kEnd);
  return *this;
}

Fingerprint Hasher::finish() const noexcept { return fingerprint_bytes(buffer_); }

}  // namespace cocoindex::inline v0
