#include "cocoindex/memo/codec.h"

#include "base/fault.h"

namespace cocoindex::inline v0 {

void Decoder::fail(const char* what) { throw StateError(std::string("stored value: ") + what); }

std::string_view Decoder::raw(std::uint64_t size) {
  if (size > data_.size()) fail("ends early");
  const std::string_view taken = data_.substr(0, static_cast<std::size_t>(size));
  data_.remove_prefix(static_cast<std::size_t>(size));
  return taken;
}

std::uint64_t Decoder::varint() {
  std::uint64_t value = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    const auto byte = static_cast<unsigned char>(raw(1)[0]);
    if (shift == 63 && byte > 1) fail("integer out of range");
    value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
  fail("integer out of range");
}

std::int64_t Decoder::integer() {
  const std::uint64_t v = varint();
  return static_cast<std::int64_t>(v >> 1 ^ (0 - (v & 1)));
}

std::uint64_t Decoder::count() {
  const std::uint64_t count = varint();
  if (count > data_.size() && !cocozvec::FaultPlanted("trust_sizes")) fail("ends early");
  return count;
}

StableKey Decoder::key() { return decode_key(data_); }

void Decoder::finish() const {
  if (!data_.empty()) fail("longer than its value");
}

namespace memo_detail {

void PutVarint(std::string& out, std::uint64_t v) {
  for (; v >= 0x80; v >>= 7) out.push_back(static_cast<char>(v | 0x80));
  out.push_back(static_cast<char>(v));
}

void PutInteger(std::string& out, std::int64_t v) {
  const auto bits = static_cast<std::uint64_t>(v);
  PutVarint(out, bits << 1 ^ (v < 0 ? ~0ull : 0));
}

void PutBytes(std::string& out, std::string_view v) {
  PutVarint(out, v.size());
  out.append(v);
}

}  // namespace memo_detail
}  // namespace cocoindex::inline v0
