// base/coding.h: little-endian integers, varints and length-prefixed text in byte strings. Reading is
// checked: a Reader that ran past the end stays failed, and says so once at the end, so that decoders read
// straight through.
#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace cocozvec::inline v0 {

static_assert(std::endian::native == std::endian::little, "formats are little-endian and mapped as they are");

template <class T>
concept Fixed = std::is_trivially_copyable_v<T> && (std::is_arithmetic_v<T> || std::is_enum_v<T>);

template <Fixed T>
void PutFixed(std::string& out, T value) {
  char bytes[sizeof(T)];
  std::memcpy(bytes, &value, sizeof(T));
  out.append(bytes, sizeof(T));
}

/// LEB128, 1 to 10 bytes.
void PutVarint(std::string& out, std::uint64_t value);
/// Varint length, then the bytes.
void PutBytes(std::string& out, std::string_view bytes);

class Reader {
 public:
  explicit Reader(std::string_view data) noexcept : data_(data) {}
  explicit Reader(std::span<const std::byte> data) noexcept
      : data_(reinterpret_cast<const char*>(data.data()), data.size()) {}

  template <Fixed T>
  T Read() noexcept {
    T value{};
    if (data_.size() - pos_ < sizeof(T)) return Fail(), value;
    std::memcpy(&value, data_.data() + pos_, sizeof(T));
    pos_ += sizeof(T);
    return value;
  }
  std::uint64_t Varint() noexcept;
  /// Exactly `size` bytes; empty and failed when fewer remain. Points into the data.
  std::string_view Raw(std::uint64_t size) noexcept;
  std::string_view Bytes() noexcept { return Raw(Varint()); }
  /// A count of elements of at least `least` bytes each that the rest could hold; anything larger fails.
  std::uint64_t Count(std::uint64_t least) noexcept;

  bool ok() const noexcept { return ok_; }
  /// Read to the end without a failure.
  bool done() const noexcept { return ok_ && pos_ == data_.size(); }
  std::size_t position() const noexcept { return pos_; }
  std::size_t remaining() const noexcept { return data_.size() - pos_; }
  void Fail() noexcept {
    ok_ = false;
    pos_ = data_.size();
  }

 private:
  std::string_view data_;
  std::size_t pos_ = 0;
  bool ok_ = true;
};

/// nullopt on overflow: for sizes that come from files or callers.
constexpr std::optional<std::uint64_t> CheckedMul(std::uint64_t a, std::uint64_t b) noexcept {
  std::uint64_t r = 0;
  if (__builtin_mul_overflow(a, b, &r)) return std::nullopt;
  return r;
}
constexpr std::optional<std::uint64_t> CheckedAdd(std::uint64_t a, std::uint64_t b) noexcept {
  std::uint64_t r = 0;
  if (__builtin_add_overflow(a, b, &r)) return std::nullopt;
  return r;
}

}  // namespace cocozvec::inline v0
