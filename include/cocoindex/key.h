// cocoindex/key.h: persistent identity: stable keys, stable paths, 128-bit fingerprints.
// Threads: plain values.
#pragma once

#include <array>
#include <compare>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace cocoindex::inline v0 {

using Bytes = std::vector<std::byte>;

/// 16 bytes in text order.
struct Uuid {
  std::array<std::uint8_t, 16> bytes{};
  auto operator<=>(const Uuid&) const = default;
};

/// BLAKE2b-128. Private to one store, but the same in every process, on every machine and with every
/// compiler.
struct Fingerprint {
  std::array<std::uint8_t, 16> bytes{};
  auto operator<=>(const Fingerprint&) const = default;
  std::string hex() const;
};

/// A name that no user text can collide with; the engine's own keys are symbols.
struct Symbol {
  std::string name;
  auto operator<=>(const Symbol&) const = default;
};

/// One step of a stable path, or the key of a target state. Kinds in sort order; there is no floating point,
/// since its text is no identity.
class StableKey {
 public:
  using Array = std::vector<StableKey>;
  using Variant =
      std::variant<std::monostate, Symbol, bool, std::int64_t, std::string, Bytes, Uuid, Array, Fingerprint>;

  StableKey() = default;                                                  ///< null
  StableKey(Symbol v) : value_(std::move(v)) {}                           // NOLINT: all meant to convert
  StableKey(std::string v) : value_(std::move(v)) {}                      // NOLINT
  StableKey(std::string_view v) : value_(std::string(v)) {}               // NOLINT
  StableKey(const char* v) : value_(std::string(v)) {}                    // NOLINT
  StableKey(Bytes v) : value_(std::move(v)) {}                            // NOLINT
  StableKey(Uuid v) : value_(v) {}                                        // NOLINT
  StableKey(Array v) : value_(std::move(v)) {}                            // NOLINT
  StableKey(Fingerprint v) : value_(v) {}                                 // NOLINT
  StableKey(std::same_as<bool> auto v) : value_(static_cast<bool>(v)) {}  // NOLINT
  /// Throws std::out_of_range for an unsigned value over 2^63 - 1.
  template <std::integral I>
    requires(!std::same_as<I, bool> && !std::same_as<I, char> && !std::same_as<I, wchar_t>)
  StableKey(I v) : value_(checked(v)) {}  // NOLINT

  const Variant& value() const noexcept { return value_; }
  template <class T>
  const T* get_if() const noexcept {
    return std::get_if<T>(&value_);
  }
  /// As in messages and listings: null, @name, true, 42, "text", b"..", uuid, [a, b], #hex.
  std::string display() const;

  std::strong_ordering operator<=>(const StableKey& other) const noexcept;
  bool operator==(const StableKey& other) const noexcept = default;

 private:
  template <class I>
  static std::int64_t checked(I v) {
    if (!std::in_range<std::int64_t>(v)) throw_out_of_range();
    return static_cast<std::int64_t>(v);
  }
  [[noreturn]] static void throw_out_of_range();
  Variant value_;
};

/// A sequence of keys; empty is the root, displayed "/".
class StablePath {
 public:
  StablePath() = default;
  explicit StablePath(std::vector<StableKey> keys) : keys_(std::move(keys)) {}
  const std::vector<StableKey>& keys() const noexcept { return keys_; }
  bool empty() const noexcept { return keys_.empty(); }
  StablePath operator/(StableKey key) const;
  StablePath operator/(const StablePath& rest) const;
  std::string display() const;
  std::strong_ordering operator<=>(const StablePath& other) const noexcept;
  bool operator==(const StablePath& other) const noexcept = default;

 private:
  std::vector<StableKey> keys_;
};

/// A relative path for mounts; each argument is one key, never split at '/'.
template <class... Keys>
StablePath subpath(Keys&&... keys) {
  std::vector<StableKey> v;
  v.reserve(sizeof...(keys));
  (v.emplace_back(StableKey(std::forward<Keys>(keys))), ...);
  return StablePath(std::move(v));
}

/// Order-preserving and self-delimiting: comparing encodings bytewise compares the keys, and no encoding is a
/// prefix of another. docs/format/state.md.
void encode_key(const StableKey& key, std::string& out);
/// Consumes one key from the front of `in`; throws StateError on bytes that are no key.
StableKey decode_key(std::string_view& in);

}  // namespace cocoindex::inline v0
