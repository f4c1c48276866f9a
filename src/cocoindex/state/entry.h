// cocoindex/state/entry.h: how one key and its value lie in LMDB: long keys shortened, every value with a
// checksum. docs/format/state.md, "Entries". Pure functions over bytes.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

namespace cocoindex::inline v0 {

// LMDB's limit is 511 bytes. A stored key of exactly 511 bytes is a shortened one; plain keys end one byte
// earlier, so that the length tells them apart.
inline constexpr std::size_t kLongKeySize = 511;
inline constexpr std::size_t kMaxPlainKeySize = kLongKeySize - 1;
inline constexpr std::size_t kLongKeyPrefix = kLongKeySize - 16;  // then BLAKE2b-128 of the whole key

class StoredKey {
 public:
  explicit StoredKey(std::string_view key);  ///< `key` must outlive this object
  StoredKey(const StoredKey&) = delete;
  StoredKey& operator=(const StoredKey&) = delete;
  std::string_view bytes() const noexcept { return bytes_; }
  bool is_long() const noexcept { return bytes_.data() == buffer_.data(); }

 private:
  std::array<char, kLongKeySize> buffer_;
  std::string_view bytes_;
};

/// The bytes that `value` takes under `key`.
std::size_t StoredValueSize(std::string_view key, std::string_view value);
/// Fills `out`, which has that many bytes.
void WriteStoredValue(const StoredKey& stored, std::string_view key, std::string_view value, char* out);

struct Entry {
  std::string_view key, value;  ///< as the caller gave them; point into what was read
};
/// Nothing when these are not the bytes that were written under this key.
std::optional<Entry> ReadEntry(std::string_view stored_key, std::string_view stored_value);

}  // namespace cocoindex::inline v0
