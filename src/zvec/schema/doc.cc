#include "zvec/doc.h"

#include <algorithm>
#include <bit>

namespace zvec::inline v0 {

Half ToHalf(float value) noexcept {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const auto sign = static_cast<std::uint16_t>((bits >> 16) & 0x8000u);
  const std::uint32_t magnitude = bits & 0x7FFFFFFFu;
  if (magnitude > 0x7F800000u) {  // NaN: the upper bits of the payload; never turns into infinity
    const std::uint32_t payload = (magnitude >> 13) & 0x3FFu;
    return {static_cast<std::uint16_t>(sign | 0x7C00u | (payload ? payload : 0x200u))};
  }
  if (magnitude >= 0x477FF000u) return {static_cast<std::uint16_t>(sign | 0x7C00u)};  // 65,520 and more
  // `kept` are the bits of the half below the sign, `rest` what is cut off, `half_way` the value of a tie.
  std::uint32_t kept = 0, rest = 0, half_way = 0;
  if (magnitude >= 0x38800000u) {  // 2^-14 and more: normal
    kept = (magnitude - 0x38000000u) >> 13;
    rest = magnitude & 0x1FFFu;
    half_way = 0x1000u;
  } else if (magnitude >= 0x33000000u) {  // 2^-25 and more: a subnormal or its edge
    const std::uint32_t shift = 126u - (magnitude >> 23);
    const std::uint32_t mantissa = (magnitude & 0x7FFFFFu) | 0x800000u;
    kept = mantissa >> shift;
    rest = mantissa & ((1u << shift) - 1u);
    half_way = 1u << (shift - 1u);
  }
  if (rest > half_way || (rest == half_way && half_way != 0 && (kept & 1u)))
    ++kept;  // may carry into the exponent
  return {static_cast<std::uint16_t>(sign | kept)};
}

float FromHalf(Half value) noexcept {
  const std::uint32_t sign = (value.bits & 0x8000u) << 16;
  const std::uint32_t exponent = (value.bits >> 10) & 0x1Fu;
  std::uint32_t mantissa = value.bits & 0x3FFu;
  if (exponent == 31) return std::bit_cast<float>(sign | 0x7F800000u | mantissa << 13);
  if (exponent != 0) return std::bit_cast<float>(sign | (exponent + 112u) << 23 | mantissa << 13);
  if (mantissa == 0) return std::bit_cast<float>(sign);
  const auto shift = static_cast<std::uint32_t>(std::countl_zero(mantissa)) - 21u;  // leading one to bit 10
  mantissa = (mantissa << shift) & 0x3FFu;
  return std::bit_cast<float>(sign | (113u - shift) << 23 | mantissa << 13);
}

const Value* Doc::Find(std::string_view name) const noexcept {
  const auto it = std::find_if(fields.begin(), fields.end(), [&](const Field& f) { return f.name == name; });
  return it == fields.end() ? nullptr : &it->value;
}

Doc& Doc::Set(std::string_view name, Value value) {
  const auto it = std::find_if(fields.begin(), fields.end(), [&](const Field& f) { return f.name == name; });
  if (it != fields.end()) {
    it->value = std::move(value);
  } else {
    fields.push_back({std::string(name), std::move(value)});
  }
  return *this;
}

}  // namespace zvec::inline v0
