// The reference: plain loops, for any CPU.
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "zvec/doc.h"
#include "zvec/simd/code_kernels.h"

namespace {

struct List {
  static void SortIn(zvec::simd::SortedList& list, const std::uint32_t* nodes, const float* distances,
                     std::size_t count, float limit) {
    for (std::size_t i = 0; i < count; ++i)
      if (distances[i] < limit) Insert(list, nodes[i], distances[i]);
  }
  static void Insert(zvec::simd::SortedList& list, std::uint32_t node, float distance) {
    const bool full = list.size == list.capacity;
    if (full && !(distance < list.distances[list.size - 1])) return;
    // The first that is farther, found without branches that nobody can predict.
    const float* base = list.distances;
    for (std::uint32_t left = list.size; left > 0;) {
      const std::uint32_t half = (left + 1) / 2;
      base += base[half - 1] <= distance ? half : 0;
      left -= half;
    }
    const auto at = static_cast<std::uint32_t>(base - list.distances);
    const std::size_t behind = (full ? list.size - 1 : list.size) - at;
    std::memmove(&list.distances[at + 1], &list.distances[at], behind * sizeof(float));
    std::memmove(&list.nodes[at + 1], &list.nodes[at], behind * sizeof(std::uint32_t));
    list.distances[at] = distance;
    list.nodes[at] = node;
    list.size += !full;
    if (at < list.first) list.first = at;
  }
};

struct Integers {
  static constexpr std::size_t kStep = 64;
  using Vec = const std::uint8_t*;
  using Sum = std::int32_t;
  static Sum Zero() { return 0; }
  static Vec Load(const std::uint8_t* p) { return p; }
  static Vec LoadQuery(const std::uint8_t* query, std::size_t at) { return query + at; }
  static void Four(Sum a, Sum b, Sum c, Sum d, float* out) {
    out[0] = static_cast<float>(a);
    out[1] = static_cast<float>(b);
    out[2] = static_cast<float>(c);
    out[3] = static_cast<float>(d);
  }
  static Sum One(Sum sum) { return sum; }
};

struct Bits7 : Integers {
  static Sum AddSquare(Sum sum, Vec q, Vec x) {
    for (std::size_t i = 0; i < kStep; ++i) {
      const std::int32_t d = q[i] - x[i];
      sum += d * d;
    }
    return sum;
  }
};

using Bits8 = Bits7;

struct Bits4 : Integers {
  static Sum AddSquare(Sum sum, Vec q, Vec x) {
    for (std::size_t i = 0; i < kStep; ++i) {
      const std::int32_t low = (q[i] & 15) - (x[i] & 15), high = (q[i] >> 4) - (x[i] >> 4);
      sum += low * low + high * high;
    }
    return sum;
  }
};

struct Bits4Fine : Integers {
  static Vec LoadQuery(const std::uint8_t* query, std::size_t at) { return query + 2 * at; }
  static Sum AddSquare(Sum sum, Vec q, Vec x) {
    for (std::size_t i = 0; i < kStep; ++i) {
      const std::int32_t low = static_cast<std::int8_t>(q[i]) - zvec::simd::kFineSteps * (x[i] & 15),
                         high = static_cast<std::int8_t>(q[kStep + i]) - zvec::simd::kFineSteps * (x[i] >> 4);
      sum += low * low + high * high;
    }
    return sum;
  }
};

/// Two elements that are neighbours.
struct Butterflies {
  static constexpr std::size_t kLanes = 2;
  struct Vec {
    float low, high;
  };
  static Vec Load(const float* p) { return {p[0], p[1]}; }
  static void Store(float* p, Vec v) {
    p[0] = v.low;
    p[1] = v.high;
  }
  static Vec Add(Vec a, Vec b) { return {a.low + b.low, a.high + b.high}; }
  static Vec Sub(Vec a, Vec b) { return {a.low - b.low, a.high - b.high}; }
  static Vec Within(Vec v) { return {v.low + v.high, v.low - v.high}; }
};

struct Halves {
  static constexpr std::size_t kStep = 32;
  struct Vec {
    float lane[16];
  };
  static Vec LoadQuery(const std::uint8_t* query, std::size_t at) { return Load(query + at); }
  using Sum = Vec;
  static Sum Zero() { return {}; }
  static Vec Load(const std::uint8_t* p) {
    Vec v;
    for (std::size_t i = 0; i < 16; ++i) {
      zvec::Half half;
      std::memcpy(&half.bits, p + i * 2, 2);
      v.lane[i] = zvec::FromHalf(half);
    }
    return v;
  }
  static Sum AddSquare(Sum sum, const Vec& q, const Vec& x) {
    for (int i = 0; i < 16; ++i) {
      const float d = q.lane[i] - x.lane[i];
      sum.lane[i] += d * d;
    }
    return sum;
  }
  static void Four(const Sum& a, const Sum& b, const Sum& c, const Sum& d, float* out) {
    out[0] = One(a);
    out[1] = One(b);
    out[2] = One(c);
    out[3] = One(d);
  }
  static float One(Sum sum) {
    for (int half = 8; half > 0; half /= 2)
      for (int i = 0; i < half; ++i) sum.lane[i] += sum.lane[i + half];
    return sum.lane[0];
  }
};

}  // namespace

#include "zvec/simd/code_kernels_impl.h"
#include "zvec/simd/levels.h"

namespace zvec::inline v0::simd {
constinit const CodeKernels kScalarCodes = MakeCodeKernels("scalar");
}
