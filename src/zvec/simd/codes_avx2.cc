// AVX2 and F16C.
#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "zvec/simd/code_kernels.h"

namespace {

struct List {
  static void SortIn(zvec::simd::SortedList& list, const std::uint32_t* nodes, const float* distances,
                     std::size_t count, float limit) {
    const __m256 most = _mm256_set1_ps(limit);
    std::size_t i = 0;
    for (; i + 8 <= count; i += 8) {
      const __m256 nearer = _mm256_cmp_ps(_mm256_loadu_ps(distances + i), most, _CMP_LT_OQ);
      for (auto in = static_cast<unsigned>(_mm256_movemask_ps(nearer)); in != 0; in &= in - 1) {
        const std::size_t at = i + static_cast<unsigned>(__builtin_ctz(in));
        Insert(list, nodes[at], distances[at]);
      }
    }
    for (; i < count; ++i)
      if (distances[i] < limit) Insert(list, nodes[i], distances[i]);
  }
  /// From the end on, eight at a time, what is farther moves up by one.
  static void Insert(zvec::simd::SortedList& list, std::uint32_t node, float distance) {
    const bool full = list.size == list.capacity;
    if (full && !(distance < list.distances[list.size - 1])) return;
    const __m256 x = _mm256_set1_ps(distance);
    float* at = list.distances + (full ? list.size - 1 : list.size);
    auto* place = reinterpret_cast<int*>(list.nodes + (at - list.distances));
    for (unsigned moved = 0xFF; moved == 0xFF;) {
      const __m256 d = _mm256_loadu_ps(at - 8), farther = _mm256_cmp_ps(d, x, _CMP_GT_OQ);
      const __m256i n = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(place - 8));
      _mm256_maskstore_ps(at - 7, _mm256_castps_si256(farther), d);
      _mm256_maskstore_epi32(place - 7, _mm256_castps_si256(farther), n);
      moved = static_cast<unsigned>(_mm256_movemask_ps(farther));
      at -= __builtin_popcount(moved);
      place -= __builtin_popcount(moved);
    }
    *at = distance;
    *place = static_cast<int>(node);
    list.size += !full;
    const auto first = static_cast<std::uint32_t>(at - list.distances);
    if (first < list.first) list.first = first;
  }
};

struct Integers {
  static constexpr std::size_t kStep = 32;
  using Vec = __m256i;
  using Sum = __m256i;  // 8 int32
  static Sum Zero() { return _mm256_setzero_si256(); }
  static Vec Load(const std::uint8_t* p) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)); }
  static Vec LoadQuery(const std::uint8_t* query, std::size_t at) { return Load(query + at); }
  static void Four(Sum a, Sum b, Sum c, Sum d, float* out) {
    const __m256i ab = _mm256_hadd_epi32(a, b), cd = _mm256_hadd_epi32(c, d);
    const __m256i all = _mm256_hadd_epi32(ab, cd);
    const __m128i four = _mm_add_epi32(_mm256_castsi256_si128(all), _mm256_extracti128_si256(all, 1));
    _mm_storeu_ps(out, _mm_cvtepi32_ps(four));
  }
  static int One(Sum sum) {
    const __m128i four = _mm_add_epi32(_mm256_castsi256_si128(sum), _mm256_extracti128_si256(sum, 1));
    const __m128i two = _mm_add_epi32(four, _mm_shuffle_epi32(four, 0x4E));
    return _mm_cvtsi128_si32(_mm_add_epi32(two, _mm_shuffle_epi32(two, 0xB1)));
  }
};

// Differences are at most 127, so two squares fit the 16 bits of maddubs.
struct Bits7 : Integers {
  static Sum AddSquare(Sum sum, Vec q, Vec x) {
    const __m256i d = _mm256_abs_epi8(_mm256_sub_epi8(q, x));
    return _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_maddubs_epi16(d, d), _mm256_set1_epi16(1)));
  }
};

struct Bits8 : Integers {
  static Sum AddSquare(Sum sum, Vec q, Vec x) {
    const __m256i d = _mm256_or_si256(_mm256_subs_epu8(q, x), _mm256_subs_epu8(x, q));
    const __m256i zero = _mm256_setzero_si256();
    const __m256i low = _mm256_unpacklo_epi8(d, zero), high = _mm256_unpackhi_epi8(d, zero);
    sum = _mm256_add_epi32(sum, _mm256_madd_epi16(low, low));
    return _mm256_add_epi32(sum, _mm256_madd_epi16(high, high));
  }
};

struct Bits4 : Integers {
  static Sum AddSquare(Sum sum, Vec q, Vec x) {
    const __m256i mask = _mm256_set1_epi8(15);
    const __m256i low =
        _mm256_abs_epi8(_mm256_sub_epi8(_mm256_and_si256(q, mask), _mm256_and_si256(x, mask)));
    const __m256i high = _mm256_abs_epi8(_mm256_sub_epi8(_mm256_and_si256(_mm256_srli_epi16(q, 4), mask),
                                                         _mm256_and_si256(_mm256_srli_epi16(x, 4), mask)));
    const __m256i squares =
        _mm256_add_epi16(_mm256_maddubs_epi16(low, low), _mm256_maddubs_epi16(high, high));
    return _mm256_add_epi32(sum, _mm256_madd_epi16(squares, _mm256_set1_epi16(1)));
  }
};

// Differences are at most 127 here, too.
struct Bits4Fine : Integers {
  struct Query {
    Vec low, high;
  };
  static Query LoadQuery(const std::uint8_t* query, std::size_t at) {
    const std::uint8_t* low = query + 2 * at - at % 64;
    return {Load(low), Load(low + 64)};
  }
  static Sum AddSquare(Sum sum, const Query& q, Vec x) {
    const __m256i mask = _mm256_set1_epi8(0x78), one = _mm256_set1_epi16(1);  // a level times 8
    const __m256i low =
        _mm256_abs_epi8(_mm256_sub_epi8(q.low, _mm256_and_si256(_mm256_slli_epi16(x, 3), mask)));
    const __m256i high =
        _mm256_abs_epi8(_mm256_sub_epi8(q.high, _mm256_and_si256(_mm256_srli_epi16(x, 1), mask)));
    sum = _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_maddubs_epi16(low, low), one));
    return _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_maddubs_epi16(high, high), one));
  }
};

struct Butterflies {
  static constexpr std::size_t kLanes = 8;
  using Vec = __m256;
  static Vec Load(const float* p) { return _mm256_loadu_ps(p); }
  static void Store(float* p, Vec v) { _mm256_storeu_ps(p, v); }
  static Vec Add(Vec a, Vec b) { return _mm256_add_ps(a, b); }
  static Vec Sub(Vec a, Vec b) { return _mm256_sub_ps(a, b); }
  static Vec Within(Vec v) {
    Vec other = _mm256_permute_ps(v, 0xB1);
    v = _mm256_blend_ps(_mm256_add_ps(v, other), _mm256_sub_ps(other, v), 0xAA);
    other = _mm256_permute_ps(v, 0x4E);
    v = _mm256_blend_ps(_mm256_add_ps(v, other), _mm256_sub_ps(other, v), 0xCC);
    other = _mm256_permute2f128_ps(v, v, 1);
    return _mm256_blend_ps(_mm256_add_ps(v, other), _mm256_sub_ps(other, v), 0xF0);
  }
};

struct Halves {
  static constexpr std::size_t kStep = 32;
  struct Vec {
    __m256 low, high;
  };
  static Vec LoadQuery(const std::uint8_t* query, std::size_t at) { return Load(query + at); }
  using Sum = Vec;
  static Sum Zero() { return {_mm256_setzero_ps(), _mm256_setzero_ps()}; }
  static Vec Load(const std::uint8_t* p) {
    return {_mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))),
            _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p + 16)))};
  }
  static Sum AddSquare(Sum sum, Vec q, Vec x) {
    const __m256 low = _mm256_sub_ps(q.low, x.low), high = _mm256_sub_ps(q.high, x.high);
    return {_mm256_add_ps(sum.low, _mm256_mul_ps(low, low)),
            _mm256_add_ps(sum.high, _mm256_mul_ps(high, high))};
  }
  static void Four(Sum a, Sum b, Sum c, Sum d, float* out) {
    out[0] = One(a);
    out[1] = One(b);
    out[2] = One(c);
    out[3] = One(d);
  }
  static float One(Sum sum) {
    const __m256 eight = _mm256_add_ps(sum.low, sum.high);
    const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps(two, two, 1)));
  }
};

}  // namespace

#include "zvec/simd/code_kernels_impl.h"
#include "zvec/simd/levels.h"

namespace zvec::inline v0::simd {
constinit const CodeKernels kAvx2Codes = MakeCodeKernels("avx2");
}
