// What both NEON levels of codes share; included inside the anonymous namespace of each, behind a `Square`:
// Add(sums, d) adds the squares of 16 bytes up to 127 to four sums of 32 bits.
#pragma once

#include <arm_neon.h>

#include <cstddef>
#include <cstdint>

#include "zvec/simd/code_kernels.h"

namespace {

struct List {
  static void SortIn(zvec::simd::SortedList& list, const std::uint32_t* nodes, const float* distances,
                     std::size_t count, float limit) {
    const float32x4_t most = vdupq_n_f32(limit);
    std::size_t i = 0;
    for (; i + 4 <= count; i += 4) {
      if (vmaxvq_u32(vcltq_f32(vld1q_f32(distances + i), most)) == 0) continue;
      for (std::size_t at = i; at < i + 4; ++at)
        if (distances[at] < limit) Insert(list, nodes[at], distances[at]);
    }
    for (; i < count; ++i)
      if (distances[i] < limit) Insert(list, nodes[i], distances[i]);
  }
  /// From the end on, four at a time, what is farther moves up by one.
  static void Insert(zvec::simd::SortedList& list, std::uint32_t node, float distance) {
    const bool full = list.size == list.capacity;
    if (full && !(distance < list.distances[list.size - 1])) return;
    const float32x4_t x = vdupq_n_f32(distance);
    float* at = list.distances + (full ? list.size - 1 : list.size);
    std::uint32_t* place = list.nodes + (at - list.distances);
    for (unsigned moved = 4; moved == 4;) {
      const float32x4_t d = vld1q_f32(at - 4);
      const uint32x4_t farther = vcgtq_f32(d, x), n = vld1q_u32(place - 4);
      vst1q_f32(at - 3, vbslq_f32(farther, d, vld1q_f32(at - 3)));
      vst1q_u32(place - 3, vbslq_u32(farther, n, vld1q_u32(place - 3)));
      moved = vaddvq_u32(vshrq_n_u32(farther, 31));
      at -= moved;
      place -= moved;
    }
    *at = distance;
    *place = node;
    list.size += !full;
    const auto first = static_cast<std::uint32_t>(at - list.distances);
    if (first < list.first) list.first = first;
  }
};

struct Integers {
  static constexpr std::size_t kStep = 16;
  using Vec = uint8x16_t;
  using Sum = uint32x4_t;
  static Sum Zero() { return vdupq_n_u32(0); }
  static Vec Load(const std::uint8_t* p) { return vld1q_u8(p); }
  static Vec LoadQuery(const std::uint8_t* query, std::size_t at) { return Load(query + at); }
  static void Four(Sum a, Sum b, Sum c, Sum d, float* out) {
    vst1q_f32(out, vcvtq_f32_u32(vpaddq_u32(vpaddq_u32(a, b), vpaddq_u32(c, d))));
  }
  static std::uint32_t One(Sum sum) { return vaddvq_u32(sum); }
};

struct Bits7 : Integers {
  static Sum AddSquare(Sum sum, Vec q, Vec x) { return Square::Add(sum, vabdq_u8(q, x)); }
};

struct Bits8 : Integers {
  static Sum AddSquare(Sum sum, Vec q, Vec x) { return Square::AddAny(sum, vabdq_u8(q, x)); }
};

struct Bits4 : Integers {
  static Sum AddSquare(Sum sum, Vec q, Vec x) {
    const Vec mask = vdupq_n_u8(15);
    sum = Square::Add(sum, vabdq_u8(vandq_u8(q, mask), vandq_u8(x, mask)));
    return Square::Add(sum, vabdq_u8(vshrq_n_u8(q, 4), vshrq_n_u8(x, 4)));
  }
};

// Differences are at most 127 here, too.
struct Bits4Fine : Integers {
  struct Query {
    int8x16_t low, high;
  };
  static Query LoadQuery(const std::uint8_t* query, std::size_t at) {
    const std::uint8_t* low = query + 2 * at - at % 64;
    return {vreinterpretq_s8_u8(Load(low)), vreinterpretq_s8_u8(Load(low + 64))};
  }
  static Sum AddSquare(Sum sum, const Query& q, Vec x) {
    const Vec mask = vdupq_n_u8(0x78);  // a level times 8
    const int8x16_t low = vreinterpretq_s8_u8(vandq_u8(vshlq_n_u8(x, 3), mask));
    const int8x16_t high = vreinterpretq_s8_u8(vandq_u8(vshrq_n_u8(x, 1), mask));
    sum = Square::Add(sum, vreinterpretq_u8_s8(vabdq_s8(q.low, low)));
    return Square::Add(sum, vreinterpretq_u8_s8(vabdq_s8(q.high, high)));
  }
};

struct Butterflies {
  static constexpr std::size_t kLanes = 4;
  using Vec = float32x4_t;
  static Vec Load(const float* p) { return vld1q_f32(p); }
  static void Store(float* p, Vec v) { vst1q_f32(p, v); }
  static Vec Add(Vec a, Vec b) { return vaddq_f32(a, b); }
  static Vec Sub(Vec a, Vec b) { return vsubq_f32(a, b); }
  static Vec Within(Vec v) {
    constexpr std::uint32_t kOdd[4] = {0, ~0u, 0, ~0u}, kHigh[4] = {0, 0, ~0u, ~0u};
    Vec other = vrev64q_f32(v);
    v = vbslq_f32(vld1q_u32(kOdd), vsubq_f32(other, v), vaddq_f32(v, other));
    other = vextq_f32(v, v, 2);
    return vbslq_f32(vld1q_u32(kHigh), vsubq_f32(other, v), vaddq_f32(v, other));
  }
};

struct Halves {
  static constexpr std::size_t kStep = 32;
  struct Vec {
    float32x4_t part[4];
  };
  static Vec LoadQuery(const std::uint8_t* query, std::size_t at) { return Load(query + at); }
  using Sum = Vec;
  static Sum Zero() { return {{vdupq_n_f32(0), vdupq_n_f32(0), vdupq_n_f32(0), vdupq_n_f32(0)}}; }
  static Vec Load(const std::uint8_t* p) {
    Vec v;
    for (int i = 0; i < 4; ++i) v.part[i] = vcvt_f32_f16(vreinterpret_f16_u8(vld1_u8(p + 8 * i)));
    return v;
  }
  static Sum AddSquare(Sum sum, const Vec& q, const Vec& x) {
    for (int i = 0; i < 4; ++i) {
      const float32x4_t d = vsubq_f32(q.part[i], x.part[i]);
      sum.part[i] = vaddq_f32(sum.part[i], vmulq_f32(d, d));
    }
    return sum;
  }
  static void Four(const Sum& a, const Sum& b, const Sum& c, const Sum& d, float* out) {
    out[0] = One(a);
    out[1] = One(b);
    out[2] = One(c);
    out[3] = One(d);
  }
  static float One(const Sum& sum) {
    const float32x4_t four =
        vaddq_f32(vaddq_f32(sum.part[0], sum.part[2]), vaddq_f32(sum.part[1], sum.part[3]));
    const float32x2_t two = vadd_f32(vget_low_f32(four), vget_high_f32(four));
    return vget_lane_f32(two, 0) + vget_lane_f32(two, 1);
  }
};

}  // namespace
