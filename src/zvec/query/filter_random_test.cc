// Random filters over random rows, against an evaluation row by row that follows the language's definition.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "zvec/query/filter.h"
#include "zvec/query/testing/fake_segment.h"
#include "zvec/query/testing/random_filter.h"

namespace zvec {
namespace {

using testing::Evaluate;
using testing::Expression;
using testing::FakeSegment;
using testing::Generator;
using testing::Maker;
using testing::RandomSchema;

TEST(FilterRandom, AgreesWithTheDefinition) {
  constexpr unsigned kSeed = 4'711;
  SCOPED_TRACE("seed " + std::to_string(kSeed));
  Generator g(kSeed);
  std::vector<Doc> docs;
  for (std::size_t i = 0; i < 1'500; ++i) docs.push_back(g.Row(i));
  const FakeSegment in_memory(RandomSchema(), docs), as_file(RandomSchema(), docs, true);
  std::size_t matches = 0, misses = 0;
  for (int round = 0; round < 1'500; ++round) {
    const Expression e = Maker(g).Make(4);
    const auto filter = Filter::Parse(e.text, RandomSchema());
    ASSERT_TRUE(filter.ok()) << e.text << "\n" << filter.status().ToString();
    const SegmentView& segment = round % 2 ? static_cast<const SegmentView&>(in_memory) : as_file;
    for (std::uint32_t chunk = 0; chunk < segment.chunk_count(); ++chunk) {
      std::uint64_t rows[kChunkRows / 64];
      const std::uint64_t asked = round % 3 == 0 ? 0x5555'0000'FFFF'1234u : ~std::uint64_t{0};
      std::fill_n(rows, kChunkRows / 64, asked);
      ASSERT_TRUE((*filter)->Evaluate(segment, chunk, rows).ok());
      for (std::uint32_t r = 0; r < kChunkRows; ++r) {
        const std::size_t at = std::size_t{chunk} * kChunkRows + r;
        const bool expected = at < docs.size() && (asked >> (r % 64) & 1) && Evaluate(e, docs[at]) == true;
        ASSERT_EQ((rows[r / 64] >> (r % 64) & 1) != 0, expected) << e.text << "\nrow " << at;
        ++(expected ? matches : misses);
      }
    }
  }
  EXPECT_GT(matches, misses / 20) << "the rows and filters must be able to tell right from wrong";
}

// Cut, doubled and shuffled filters never crash, and every error marks a place.
TEST(FilterRandom, DamagedFiltersAreErrorsWithAPlace) {
  constexpr unsigned kSeed = 99;
  SCOPED_TRACE("seed " + std::to_string(kSeed));
  Generator g(kSeed);
  int errors = 0;
  for (int round = 0; round < 5'000; ++round) {
    std::string text = Maker(g).Make(3).text;
    for (std::size_t n = 1 + g.Below(3); n > 0 && !text.empty(); --n) {
      const std::size_t at = g.Below(text.size());
      switch (g.Below(4)) {
        case 0:
          text.erase(at, 1 + g.Below(3));
          break;
        case 1:
          text.insert(at, text.substr(g.Below(text.size()), g.Below(9)));
          break;
        case 2:
          text[at] = static_cast<char>(g.Below(256));
          break;
        default:
          text.resize(at);
          break;
      }
    }
    const auto filter = Filter::Parse(text, RandomSchema());
    if (filter.ok()) continue;
    ++errors;
    ASSERT_EQ(filter.status().code(), StatusCode::kInvalidArgument);
    ASSERT_EQ(filter.status().message().substr(0, 13), "filter, line ") << text;
    ASSERT_EQ(filter.status().message().back(), '^') << text;
  }
  EXPECT_GT(errors, 2'000);
}

}  // namespace
}  // namespace zvec
