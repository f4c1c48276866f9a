#include "base/coding.h"

#include "base/fault.h"

namespace cocozvec::inline v0 {

void PutVarint(std::string& out, std::uint64_t value) {
  char bytes[10];
  std::size_t n = 0;
  for (; value >= 0x80; value >>= 7) bytes[n++] = static_cast<char>(value | 0x80);
  bytes[n++] = static_cast<char>(value);
  out.append(bytes, n);
}

void PutBytes(std::string& out, std::string_view bytes) {
  PutVarint(out, bytes.size());
  out.append(bytes);
}

std::uint64_t Reader::Varint() noexcept {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    if (pos_ == data_.size()) break;
    const auto byte = static_cast<unsigned char>(data_[pos_++]);
    if (shift == 63 && byte > 1) break;  // the tenth byte has room for one bit
    value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
  Fail();
  return 0;
}

std::string_view Reader::Raw(std::uint64_t size) noexcept {
  if (size > remaining()) {
    Fail();
    return {};
  }
  const std::string_view bytes = data_.substr(pos_, static_cast<std::size_t>(size));
  pos_ += static_cast<std::size_t>(size);
  return bytes;
}

std::uint64_t Reader::Count(std::uint64_t least) noexcept {
  const std::uint64_t count = Varint();
  if (least != 0 && count > remaining() / least && !FaultPlanted("trust_sizes")) {
    Fail();
    return 0;
  }
  return count;
}

}  // namespace cocozvec::inline v0
