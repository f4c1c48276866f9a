#include "cocoindex/types.h"

#if !defined(__FLT16_MANT_DIG__)
#include <bit>
#include <cmath>

namespace cocoindex::inline v0 {

half::half(float v) noexcept {
  const auto in = std::bit_cast<std::uint32_t>(v);
  const auto sign = static_cast<std::uint16_t>((in >> 16) & 0x8000u);
  const std::uint32_t magnitude = in & 0x7fffffffu;
  if (magnitude > 0x7f800000u) {
    bits_ = static_cast<std::uint16_t>(sign | 0x7e00u);
  } else if (magnitude >= 0x477ff000u) {  // 65,520 and more
    bits_ = static_cast<std::uint16_t>(sign | 0x7c00u);
  } else if (magnitude < 0x38800000u) {  // below 2^-14: units of 2^-24
    bits_ = static_cast<std::uint16_t>(sign | std::lrint(std::ldexp(std::fabs(v), 24)));
  } else {
    const std::uint32_t odd = (magnitude >> 13) & 1u;
    bits_ = static_cast<std::uint16_t>(sign | ((magnitude - 0x38000000u + 0xfffu + odd) >> 13));
  }
}

half::operator float() const noexcept {
  const int exponent = (bits_ >> 10) & 31;
  const int fraction = bits_ & 0x3ff;
  float magnitude = 0;
  if (exponent == 31) {
    magnitude = fraction == 0 ? INFINITY : NAN;
  } else if (exponent == 0) {
    magnitude = std::ldexp(static_cast<float>(fraction), -24);
  } else {
    magnitude = std::ldexp(static_cast<float>(fraction | 0x400), exponent - 25);
  }
  return (bits_ & 0x8000) != 0 ? -magnitude : magnitude;
}

}  // namespace cocoindex::inline v0
#endif
