// cocoindex/values.h: value types that a record may hold and C++ lacks: decimals, times with an offset,
// sparse vectors. (Bytes and Uuid: key.h; half: types.h; any JSON value: json.h.) Threads: plain values.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "cocoindex/errors.h"
#include "cocoindex/key.h"
#include "cocoindex/types.h"

namespace cocoindex::inline v0 {

/// East of Greenwich; less than a day either way.
using UtcOffset = std::chrono::microseconds;

/// A time of day, 00:00 <= t < 24:00, with or without an offset from UTC.
struct TimeOfDay {
  std::chrono::microseconds since_midnight{};
  std::optional<UtcOffset> offset = std::nullopt;
  bool operator==(const TimeOfDay&) const = default;
};

/// A date and time as a clock on the wall shows it, and how far that clock is ahead of UTC. Named time zones
/// come in as their offset at that moment.
struct OffsetDateTime {
  std::chrono::local_time<std::chrono::microseconds> local{};
  UtcOffset offset{};
  std::chrono::sys_time<std::chrono::microseconds> utc() const {
    return std::chrono::sys_time<std::chrono::microseconds>(local.time_since_epoch() - offset);
  }
  bool operator==(const OffsetDateTime&) const = default;  ///< as written: another offset is another value
};

/// Dimension and weight, in any order, each dimension once. Stored without any annotation as a sparse vector.
struct SparseVector {
  std::vector<std::pair<std::uint32_t, float>> entries;
  bool operator==(const SparseVector&) const = default;
};

/// A decimal number as it is written: sign, digits and exponent, so trailing zeros and -0 are kept; also
/// Infinity, NaN and sNaN. Not for calculating. Equal means equally written: 1.0 and 1.00 differ.
class Decimal {
 public:
  enum class Kind : std::uint8_t { finite, infinity, nan, signalling_nan };

  Decimal() = default;  ///< 0
  /// "3.50", "-1E+3", "Infinity", "NaN12"; case does not matter. Throws ValueError.
  explicit Decimal(std::string_view text);
  /// (-1)^negative * digits * 10^exponent. `digits` has only 0 .. 9, leading zeros are dropped. Throws
  /// ValueError: another character, an exponent beyond what Python's decimal holds.
  Decimal(bool negative, std::string digits, std::int64_t exponent);
  static Decimal special(bool negative, Kind kind, std::string payload = {});

  Kind kind() const noexcept { return kind_; }
  bool negative() const noexcept { return negative_; }
  const std::string& digits() const noexcept { return digits_; }  ///< of a NaN: its payload
  std::int64_t exponent() const noexcept { return exponent_; }
  /// As Python's str: the plain form while the exponent is near, else scientific.
  std::string text() const;

  bool operator==(const Decimal&) const = default;
  friend std::string coco_memo_key(const Decimal& v) { return v.text(); }
  friend std::string coco_encode(const Decimal& v) { return v.text(); }
  friend Decimal coco_decode(std::type_identity<Decimal>, std::string_view bytes) { return Decimal(bytes); }

 private:
  void check_and_trim();
  Kind kind_ = Kind::finite;
  bool negative_ = false;
  std::string digits_ = "0";
  std::int64_t exponent_ = 0;
};

}  // namespace cocoindex::inline v0
