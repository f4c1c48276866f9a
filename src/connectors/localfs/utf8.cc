#include "connectors/localfs/utf8.h"

#include <cstdint>
#include <cstring>

namespace cocoindex::inline v0::connectors::localfs {
namespace {

/// The length of the valid sequence at the front, 0 when there is none. `text` is not empty.
std::size_t SequenceLength(std::string_view text) noexcept {
  const auto byte = [&](std::size_t i) -> unsigned {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0;
  };
  const auto follows = [&](std::size_t i) { return (byte(i) & 0xc0) == 0x80; };
  const unsigned lead = byte(0), second = byte(1);
  if (lead < 0x80) return 1;
  if (lead >= 0xc2 && lead <= 0xdf) return follows(1) ? 2 : 0;
  if (lead >= 0xe0 && lead <= 0xef) {
    if (lead == 0xe0 && second < 0xa0) return 0;
    if (lead == 0xed && second > 0x9f) return 0;
    return follows(1) && follows(2) ? 3 : 0;
  }
  if (lead >= 0xf0 && lead <= 0xf4) {
    if (lead == 0xf0 && second < 0x90) return 0;
    if (lead == 0xf4 && second > 0x8f) return 0;
    return follows(1) && follows(2) && follows(3) ? 4 : 0;
  }
  return 0;
}

}  // namespace

bool IsUtf8(std::string_view bytes) noexcept {
  while (!bytes.empty()) {
    std::uint64_t eight = 0;
    if (bytes.size() >= 8) {
      std::memcpy(&eight, bytes.data(), 8);
      if ((eight & 0x8080808080808080) == 0) {
        bytes.remove_prefix(8);
        continue;
      }
    }
    const std::size_t length = SequenceLength(bytes);
    if (length == 0) return false;
    bytes.remove_prefix(length);
  }
  return true;
}

std::string Printable(std::string_view bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  while (!bytes.empty()) {
    const std::size_t length = SequenceLength(bytes);
    const auto b = static_cast<unsigned char>(bytes[0]);
    if (length == 0 || b < 0x20 || b == 0x7f) {
      out.append("\\x");
      out.push_back(kDigits[b >> 4]);
      out.push_back(kDigits[b & 15]);
      bytes.remove_prefix(1);
    } else {
      out.append(bytes.substr(0, length));
      bytes.remove_prefix(length);
    }
  }
  return out;
}

}  // namespace cocoindex::inline v0::connectors::localfs
