#include "zvec/upkeep/mend.h"

#include <cstring>

#include "base/checksum.h"

namespace zvec::inline v0 {

using cocozvec::ChecksumAt;

namespace {

constexpr std::size_t kCollectionAt = 16, kNumberAt = 24, kChecksumAt = 56;  // in the header

/// Tries every other value of every byte of [begin, end); `good` says whether this is it.
template <class Good>
std::optional<std::size_t> MendByte(std::string& bytes, std::size_t begin, std::size_t end, Good&& good) {
  for (std::size_t at = begin; at < end; ++at) {
    const char old = bytes[at];
    for (int other = 1; other < 256; ++other) {
      bytes[at] = static_cast<char>(old ^ other);
      if (good()) return at;
    }
    bytes[at] = old;
  }
  return std::nullopt;
}

std::optional<std::size_t> MendHeader(std::string& bytes, std::string_view magic, std::uint64_t number,
                                      std::uint32_t newest) {
  // The checksum first: its bytes are not covered by anything else, and a wrong one fits no other header.
  const auto decodes = [&] {
    // Without the words for what is wrong: it is asked fourteen thousand times.
    const auto at = [&](std::size_t offset) {
      std::uint64_t value = 0;
      std::memcpy(&value, bytes.data() + offset, sizeof(value));
      return value;
    };
    const auto covered = AsBytes(std::string_view(bytes).substr(0, kChecksumAt));
    if (ChecksumAt(covered, at(kNumberAt), 0, at(kCollectionAt)) != at(kChecksumAt)) return false;
    return DecodeFileHeader(magic, bytes, number, "", newest).ok();
  };
  std::uint64_t collection = 0;
  std::memcpy(&collection, bytes.data() + kCollectionAt, sizeof(collection));
  const std::uint64_t right =
      ChecksumAt(AsBytes(std::string_view(bytes).substr(0, kChecksumAt)), number, 0, collection);
  std::string text(sizeof(right), '\0');
  std::memcpy(text.data(), &right, sizeof(right));
  std::size_t wrong = 0, which = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == bytes[kChecksumAt + i]) continue;
    ++wrong;
    which = kChecksumAt + i;
  }
  if (wrong == 1) {
    bytes[which] = text[which - kChecksumAt];
    if (decodes()) return which;
  }
  return MendByte(bytes, 0, kChecksumAt, decodes);
}

}  // namespace

std::optional<Mended> MendFile(std::string bytes, std::string_view magic, std::uint64_t number,
                               std::uint32_t newest_version,
                               const std::function<bool(const std::string&)>& good) {
  if (bytes.size() < kFileHeaderBytes || bytes.size() > kMostMendable) return std::nullopt;
  Mended mended;
  auto header = DecodeFileHeader(magic, bytes, number, "", newest_version);
  if (!header.ok()) {
    const auto at = MendHeader(bytes, magic, number, newest_version);
    if (!at) return std::nullopt;
    mended.offset = *at;
    header = DecodeFileHeader(magic, bytes, number, "", newest_version);
  } else {
    if (header->a != bytes.size() - kFileHeaderBytes) return std::nullopt;
    const auto matches = [&] {
      return ChecksumAt(AsBytes(std::string_view(bytes).substr(kFileHeaderBytes)), number, kFileHeaderBytes,
                        header->collection) == header->b;
    };
    const auto at = MendByte(bytes, kFileHeaderBytes, bytes.size(), matches);
    if (!at) return std::nullopt;
    mended.offset = *at;
  }
  if (!good(bytes)) return std::nullopt;
  mended.bytes = std::move(bytes);
  return mended;
}

}  // namespace zvec::inline v0
