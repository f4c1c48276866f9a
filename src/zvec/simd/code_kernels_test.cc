#include "zvec/simd/code_kernels.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <random>
#include <set>
#include <utility>
#include <vector>

#include "zvec/doc.h"

namespace zvec::simd {
namespace {

enum Kind { kBits7, kBits8, kBits4, kHalves, kBits4Fine };

const CodeDistances& Of(const CodeKernels& kernels, Kind kind) {
  return kind == kBits7       ? kernels.bits7
         : kind == kBits8     ? kernels.bits8
         : kind == kBits4     ? kernels.bits4
         : kind == kBits4Fine ? kernels.bits4fine
                              : kernels.halves;
}

/// Bytes of a query for one of a code.
std::size_t Wide(Kind kind) { return kind == kBits4Fine ? 2 : 1; }

std::vector<std::uint8_t> Draw(Kind kind, std::size_t count, std::mt19937& random) {
  std::vector<std::uint8_t> codes(count);
  for (std::uint8_t& code : codes) code = static_cast<std::uint8_t>(random() % (kind == kBits7 ? 128 : 256));
  if (kind != kHalves) return codes;
  for (std::size_t i = 0; i < count; i += 2) {
    const Half half = ToHalf(std::normal_distribution<float>(0, 3)(random));
    std::memcpy(&codes[i], &half.bits, 2);
  }
  return codes;
}

std::vector<std::uint8_t> DrawQuery(Kind kind, std::size_t code_bytes, std::mt19937& random) {
  if (kind != kBits4Fine) return Draw(kind, code_bytes, random);
  std::vector<std::uint8_t> query(2 * code_bytes);
  for (std::uint8_t& x : query)
    x = static_cast<std::uint8_t>(kLeastFine + static_cast<int>(random() % (kMostFine - kLeastFine + 1)));
  return query;
}

double Element(Kind kind, const std::uint8_t* code, std::size_t i) {
  if (kind == kBits4Fine) return kFineSteps * (i % 2 == 0 ? code[i / 2] & 15 : code[i / 2] >> 4);
  if (kind == kBits4) return i % 2 == 0 ? code[i / 2] & 15 : code[i / 2] >> 4;
  if (kind != kHalves) return code[i];
  Half half;
  std::memcpy(&half.bits, code + 2 * i, 2);
  return FromHalf(half);
}

double QueryElement(Kind kind, const std::uint8_t* query, std::size_t i) {
  if (kind != kBits4Fine) return Element(kind, query, i);
  return static_cast<std::int8_t>(query[i / 128 * 128 + i % 2 * 64 + i % 128 / 2]);
}

double Plain(Kind kind, const std::uint8_t* query, const std::uint8_t* b, std::size_t bytes) {
  const std::size_t dim = kind == kBits4 || kind == kBits4Fine ? 2 * bytes
                          : kind == kHalves                    ? bytes / 2
                                                               : bytes;
  double sum = 0;
  for (std::size_t i = 0; i < dim; ++i) {
    const double d = QueryElement(kind, query, i) - Element(kind, b, i);
    sum += d * d;
  }
  return sum;
}

class CodesOf : public ::testing::TestWithParam<Kind> {};

// Counts with and without a rest after the fours, fewer and more codes than are asked for ahead. Integers
// exactly; halves within dim * epsilon of the sum of squares, and the same bits on every level.
TEST_P(CodesOf, EveryLevelGivesTheSum) {
  const Kind kind = GetParam();
  std::mt19937 random(1);
  for (std::size_t bytes = 64; bytes <= 1'024; bytes += 64) {
    const auto codes = Draw(kind, bytes * 80, random), query = DrawQuery(kind, bytes, random);
    for (std::size_t count = 0; count <= 70; count += count < 10 ? 1 : 15) {
      std::vector<std::uint32_t> index(count);
      for (std::uint32_t& i : index) i = static_cast<std::uint32_t>(random() % 80);
      const CodeRows rows{codes.data(), bytes, index.data(), count, count / 2};
      std::vector<float> expected(count);
      Of(*SupportedCodeKernels()[0], kind).squared_l2(query.data(), rows, expected.data());
      for (std::size_t i = 0; i < count; ++i) {
        const double plain = Plain(kind, query.data(), &codes[index[i] * bytes], bytes);
        const double slack = kind != kHalves ? 0 : plain * static_cast<double>(bytes) * 1.2e-7;
        ASSERT_NEAR(expected[i], plain, slack) << "bytes " << bytes;
      }
      for (const CodeKernels* kernels : SupportedCodeKernels()) {
        std::vector<float> ahead(count + 1, -1), near(count + 1, -1);
        Of(*kernels, kind).squared_l2(query.data(), rows, ahead.data());
        Of(*kernels, kind).squared_l2_near(query.data(), rows, near.data());
        for (std::size_t i = 0; i < count; ++i) {
          ASSERT_EQ(ahead[i], expected[i]) << kernels->name << " bytes " << bytes << " count " << count;
          ASSERT_EQ(near[i], expected[i]) << kernels->name << " bytes " << bytes << " count " << count;
        }
        // In two parts, the second of which begins a line later.
        CodeRows part{codes.data(), 64, index.data(), count, 0, bytes};
        std::vector<float> first(count + 1), rest(count + 1);
        Of(*kernels, kind).squared_l2(query.data(), part, first.data());
        part.first += 64, part.bytes = bytes - 64;
        if (bytes > 64) Of(*kernels, kind).squared_l2_near(query.data() + 64 * Wide(kind), part, rest.data());
        for (std::size_t i = 0; i < count; ++i)
          ASSERT_FLOAT_EQ(first[i] + rest[i], expected[i]) << kernels->name << " bytes " << bytes;
        ASSERT_EQ(ahead[count], -1) << kernels->name;
        ASSERT_EQ(near[count], -1) << kernels->name;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(CodeKernels, CodesOf,
                         ::testing::Values(kBits7, kBits8, kBits4, kHalves, kBits4Fine));

TEST(CodeKernels, TheLargestDifferencesDoNotOverflow) {
  constexpr std::size_t kBytes = 20'032;  // the largest dimension, in whole lines
  const std::uint32_t index[] = {0, 0, 0, 0, 0};
  const std::pair<Kind, int> kinds[] = {{kBits7, 127}, {kBits8, 255}, {kBits4, 255}};
  for (const auto& [kind, most] : kinds) {
    const std::vector<std::uint8_t> low(kBytes, 0), high(kBytes, static_cast<std::uint8_t>(most));
    const double expected = Plain(kind, low.data(), high.data(), kBytes);
    for (const CodeKernels* kernels : SupportedCodeKernels()) {
      float out[5];
      Of(*kernels, kind).squared_l2(low.data(), {high.data(), kBytes, index, 5}, out);
      for (const float x : out) EXPECT_EQ(x, static_cast<float>(expected)) << kernels->name;
      Of(*kernels, kind).squared_l2(high.data(), {low.data(), kBytes, index, 5}, out);
      for (const float x : out) EXPECT_EQ(x, static_cast<float>(expected)) << kernels->name;
    }
  }
}

TEST(CodeKernels, TheLargestDifferencesOfFineQueriesDoNotOverflow) {
  constexpr std::size_t kBytes = 10'048;
  const std::uint32_t index[] = {0, 0, 0, 0, 0};
  for (const auto& [query, level] : {std::pair(kMostFine, 0), std::pair(kLeastFine, 15)}) {
    const std::vector<std::uint8_t> far(2 * kBytes, static_cast<std::uint8_t>(query)),
        codes(kBytes, static_cast<std::uint8_t>(level * 17));
    for (const CodeKernels* kernels : SupportedCodeKernels()) {
      float out[5];
      kernels->bits4fine.squared_l2(far.data(), {codes.data(), kBytes, index, 5}, out);
      for (const float x : out) EXPECT_EQ(x, 2.0f * kBytes * 127 * 127) << kernels->name;
    }
  }
}

// Element k of a transform is the sum of all elements, with the sign of the common bits of k and its place.
TEST(CodeKernels, ARoundOfARotationIsAHadamardTransform) {
  std::mt19937 random(7);
  for (std::size_t count = 1; count <= 4'096; count *= 2) {
    std::vector<float> elements(count), out(count);
    for (float& x : elements) x = std::normal_distribution<float>()(random);
    const std::vector<float> none(count), plus(count, 1);
    ActiveCodeKernels().rotate({none.data(), plus.data(), count, count, 1, 1}, elements.data(), 1,
                               out.data());
    for (std::size_t k = 0; k < count; k += 1 + count / 64) {
      double sum = 0;
      for (std::size_t i = 0; i < count; ++i)
        sum += std::popcount(i & k) % 2 == 0 ? elements[i] : -elements[i];
      ASSERT_NEAR(out[k], sum, 1e-5 * static_cast<double>(count)) << count;
    }
  }
}

TEST(CodeKernels, EveryLevelRotatesAlikeAndKeepsLengths) {
  std::mt19937 random(8);
  std::normal_distribution<float> normal;
  for (const std::size_t count : {1, 2, 3, 7, 16, 17, 31, 64, 100, 384, 768, 1'000, 1'024, 4'095}) {
    const std::size_t part = std::bit_floor(count), rounds = 4;
    std::vector<float> vector(count), mean(count), signs(rounds * count), first;
    for (float& x : vector) x = normal(random);
    for (float& x : mean) x = normal(random);
    for (float& x : signs) x = random() % 2 == 0 ? 1.0f : -1.0f;
    const float scale = 1 / std::sqrt(static_cast<float>(part));
    double length = 0, rotated = 0;
    for (std::size_t i = 0; i < count; ++i) length += std::pow(vector[i] * 3.0 - mean[i], 2);
    for (const CodeKernels* kernels : SupportedCodeKernels()) {
      std::vector<float> room(count + 2, 3);  // no alignment, nothing past the end
      kernels->rotate({mean.data(), signs.data(), count, part, rounds, scale}, vector.data(), 3, &room[1]);
      EXPECT_EQ(room.front() + room.back(), 6) << kernels->name;
      const std::vector<float> out(room.begin() + 1, room.end() - 1);
      if (first.empty()) first = out;
      EXPECT_EQ(out, first) << kernels->name << " " << count;
    }
    for (const float x : first) rotated += double{x} * x;
    EXPECT_NEAR(rotated / length, 1, 1e-4) << count;
  }
}

TEST(CodeKernels, EveryLevelMakesTheSameFineQueries) {
  std::mt19937 random(9);
  for (const std::size_t count : {1, 15, 16, 17, 127, 128, 129, 384, 500, 768}) {
    const std::size_t bytes = (count + 127) / 128 * 128 + 128;
    std::vector<float> elements(count);
    for (float& x : elements) x = std::normal_distribution<float>()(random);
    elements[0] = 1e9f;
    if (count > 20) elements[20] = -1e9f, elements[11] = NAN;
    const float factor = 24, middle = 60.5f - kLeastFine, half = 2;
    std::vector<std::uint8_t> expected(bytes);
    double beyond = 0;
    for (std::size_t i = 0; i < count; ++i) {
      const float level = elements[i] * factor + middle;
      const int least = kLeastFine, most = kMostFine;
      const int element = level > 0 ? (level < most - least ? static_cast<int>(level) + least : most) : least;
      expected[i / 128 * 128 + i % 2 * 64 + i % 128 / 2] = static_cast<std::uint8_t>(element);
      if (i != 0) beyond += std::pow(std::max(std::fabs(elements[i]) - half, 0.0f), 2);
    }
    double first = -1;
    for (const CodeKernels* kernels : SupportedCodeKernels()) {
      std::vector<std::uint8_t> code(bytes + 1, 77);
      const double sum =
          kernels->fine_query({elements.data(), count, factor, middle, half, bytes}, code.data());
      EXPECT_EQ(code.back(), 77) << kernels->name;
      code.pop_back();
      EXPECT_EQ(code, expected) << kernels->name << " " << count;
      EXPECT_EQ(std::isnan(sum), count > 20) << kernels->name << " " << count;
      if (count > 20) continue;
      if (first < 0) first = sum;
      EXPECT_EQ(sum, first) << kernels->name << " " << count;
      EXPECT_NEAR(sum / (1e18 + beyond), 1, 1e-5) << kernels->name << " " << count;
    }
    if (count <= 20) continue;
    elements[0] = elements[20] = elements[11] = 0;  // then the sum has digits
    double exact = 0;
    for (const float x : elements) exact += std::pow(std::max(std::fabs(x) - half, 0.0f), 2);
    first = -1;
    for (const CodeKernels* kernels : SupportedCodeKernels()) {
      std::vector<std::uint8_t> code(bytes);
      const double sum =
          kernels->fine_query({elements.data(), count, factor, middle, half, bytes}, code.data());
      if (first < 0) first = sum;
      EXPECT_EQ(sum, first) << kernels->name << " " << count;
      EXPECT_NEAR(sum, exact, 1e-3 * exact + 1e-6) << kernels->name << " " << count;
    }
  }
}

/// A list as SortIn expects it, and what an insertion one by one would make of it.
struct Lists {
  explicit Lists(std::uint32_t capacity)
      : distances(kListPad + capacity, -INFINITY), nodes(kListPad + capacity), capacity(capacity) {}

  /// Those nearer than `soon` have their links asked for, which changes nothing.
  void SortIn(const CodeKernels& kernels, const std::vector<std::uint32_t>& more,
              const std::vector<float>& at, float limit, float soon) {
    SortedList list{&distances[kListPad], &nodes[kListPad], static_cast<std::uint32_t>(plain.size()),
                    capacity, first};
    if (soon > 0) list.rows = rows.data(), list.row_width = kWidth, list.soon = soon;
    kernels.sort_in(list, more.data(), at.data(), more.size(), limit);
    size = list.size;
    first = list.first;
    for (std::size_t i = 0; i < more.size(); ++i) {
      if (!(at[i] < limit) || (plain.size() == capacity && !(at[i] < plain.back().first))) continue;
      const auto place =
          std::find_if(plain.begin(), plain.end(), [&](const auto& p) { return p.first > at[i]; });
      plain_first = std::min(plain_first, static_cast<std::uint32_t>(place - plain.begin()));
      plain.insert(place, {at[i], more[i]});
      if (plain.size() > capacity) plain.pop_back();
    }
  }

  std::vector<float> distances;
  std::vector<std::uint32_t> nodes;
  std::uint32_t capacity, size = 0, first = UINT32_MAX, plain_first = UINT32_MAX;
  std::vector<std::pair<float, std::uint32_t>> plain;
  static constexpr std::uint32_t kNodes = 1'024, kWidth = 24;
  std::vector<std::uint32_t> rows = std::vector<std::uint32_t>(kNodes * kWidth);
};

// Few different distances, so that many are equal; lists shorter and longer than any vector.
TEST(CodeKernels, EveryLevelSortsInLikeInsertionOneByOne) {
  for (const CodeKernels* kernels : SupportedCodeKernels()) {
    std::mt19937 random(5);
    for (std::uint32_t capacity = 1; capacity <= 300; capacity += capacity < 36 ? 1 : 13) {
      Lists lists(capacity);
      for (std::uint32_t round = 0; round < 12; ++round) {
        std::vector<std::uint32_t> more(random() % (round % 5 == 4 ? 150 : 40));
        std::vector<float> at(more.size());
        for (std::size_t i = 0; i < more.size(); ++i) {
          more[i] = random() % Lists::kNodes;
          at[i] = static_cast<float>(random() % 50);
        }
        if (!at.empty()) at[0] = round % 2 == 0 ? NAN : INFINITY;
        lists.SortIn(*kernels, more, at, round % 3 == 0 ? 30.0f : 3e38f, round % 4 < 2 ? 20.0f : 0.0f);
        ASSERT_EQ(lists.size, lists.plain.size()) << kernels->name << " capacity " << capacity;
        ASSERT_EQ(lists.first, lists.plain_first) << kernels->name << " capacity " << capacity;
        for (std::uint32_t i = 0; i < lists.size; ++i)
          ASSERT_EQ(std::pair(lists.distances[kListPad + i], lists.nodes[kListPad + i]), lists.plain[i])
              << kernels->name << " capacity " << capacity << " place " << i;
        for (std::size_t i = 0; i < kListPad; ++i) ASSERT_EQ(lists.distances[i], -INFINITY) << kernels->name;
      }
    }
  }
}

TEST(CodeKernels, EveryLevelTakesEachKnownLinkOnce) {
  std::mt19937 random(6);
  for (const std::size_t bytes : {std::size_t{64}, std::size_t{128}, std::size_t{192}}) {
    const std::vector<std::uint8_t> codes(300 * bytes);
    for (std::uint32_t width = 0; width <= 40; ++width) {
      std::vector<std::uint32_t> links(width), expected;
      for (std::uint32_t& link : links) link = random() % 350;
      if (width > 5) links[width - random() % 3 - 1] = UINT32_MAX;
      std::set<std::uint32_t> known;
      for (std::uint32_t i = 0; i < width && links[i] != UINT32_MAX; ++i)
        if (links[i] < 300 && links[i] % 7 != 0 && known.insert(links[i]).second)
          expected.push_back(links[i]);
      for (const CodeKernels* kernels : SupportedCodeKernels()) {
        std::vector<std::uint64_t> seen(5);
        for (std::uint32_t node = 0; node < 300; node += 7)
          seen[node / 64] |= std::uint64_t{1} << (node % 64);
        std::vector<std::uint32_t> out(width + 3, 9);
        const LinkRow row{links.data(), width, 300, codes.data(), bytes, 8};
        const std::size_t count = kernels->take_unseen(row, seen.data(), out.data(), 2);
        ASSERT_EQ(
            std::vector<std::uint32_t>(out.begin() + 2, out.begin() + static_cast<std::ptrdiff_t>(count)),
            expected)
            << kernels->name << " width " << width;
        ASSERT_EQ(out[0] + out[1], 18u);
        for (const std::uint32_t node : expected) ASSERT_TRUE(seen[node / 64] >> (node % 64) & 1);
        ASSERT_EQ(kernels->take_unseen(row, seen.data(), out.data(), 2), 2u) << kernels->name;
      }
    }
  }
}

TEST(CodeKernels, TheSwitchNamesALevelAndAvx512AllowsVnni) {
  const auto all = SupportedCodeKernels();
  EXPECT_STREQ(all[0]->name, "scalar");
  EXPECT_STREQ(ChooseCodeKernels(all, "scalar").name, "scalar");
  EXPECT_EQ(&ChooseCodeKernels(all, ""), all.back());
  EXPECT_EQ(&ChooseCodeKernels(all, "sse9"), all.back());
  if (std::string_view(all.back()->name).starts_with("avx512")) {
    EXPECT_EQ(&ChooseCodeKernels(all, "avx512"), all.back());
  }
}

}  // namespace
}  // namespace zvec::simd
