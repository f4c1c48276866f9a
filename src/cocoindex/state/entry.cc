#include "cocoindex/state/entry.h"

#include <cstdint>
#include <cstring>
#include <span>

#include "base/checksum.h"
#include "cocoindex/fingerprint.h"

namespace cocoindex::inline v0 {
namespace {

constexpr std::size_t kChecksumSize = 8;
constexpr std::size_t kLengthSize = 4;  // of the whole key, before it, where the key was shortened

/// Bound to the key: a value that turns up under another key does not match.
std::uint64_t ChecksumOf(std::string_view stored_key, std::string_view data) {
  return cocozvec::ChecksumAt(std::as_bytes(std::span(data)), cocozvec::Checksum(stored_key), 0, 0);
}

}  // namespace

StoredKey::StoredKey(std::string_view key) : bytes_(key) {
  if (key.size() <= kMaxPlainKeySize) return;
  const Fingerprint digest = fingerprint_bytes(key);
  std::memcpy(buffer_.data(), key.data(), kLongKeyPrefix);
  std::memcpy(buffer_.data() + kLongKeyPrefix, digest.bytes.data(), digest.bytes.size());
  bytes_ = {buffer_.data(), buffer_.size()};
}

std::size_t StoredValueSize(std::string_view key, std::string_view value) {
  const std::size_t key_size = key.size() > kMaxPlainKeySize ? kLengthSize + key.size() : 0;
  return key_size + value.size() + kChecksumSize;
}

void WriteStoredValue(const StoredKey& stored, std::string_view key, std::string_view value, char* out) {
  char* end = out;
  if (stored.is_long()) {
    const auto length = static_cast<std::uint32_t>(key.size());
    std::memcpy(end, &length, kLengthSize);
    std::memcpy(end + kLengthSize, key.data(), key.size());
    end += kLengthSize + key.size();
  }
  if (!value.empty()) std::memcpy(end, value.data(), value.size());
  end += value.size();
  const std::uint64_t checksum = ChecksumOf(stored.bytes(), {out, static_cast<std::size_t>(end - out)});
  std::memcpy(end, &checksum, kChecksumSize);
}

std::optional<Entry> ReadEntry(std::string_view stored_key, std::string_view stored_value) {
  if (stored_value.size() < kChecksumSize) return std::nullopt;
  std::string_view data = stored_value.substr(0, stored_value.size() - kChecksumSize);
  std::uint64_t checksum = 0;
  std::memcpy(&checksum, data.data() + data.size(), kChecksumSize);
  if (checksum != ChecksumOf(stored_key, data)) return std::nullopt;
  if (stored_key.size() < kLongKeySize) return Entry{stored_key, data};
  std::uint32_t length = 0;
  if (data.size() < kLengthSize) return std::nullopt;
  std::memcpy(&length, data.data(), kLengthSize);
  data.remove_prefix(kLengthSize);
  if (length > data.size()) return std::nullopt;
  return Entry{data.substr(0, length), data.substr(length)};
}

}  // namespace cocoindex::inline v0
