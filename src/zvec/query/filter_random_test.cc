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

// Lists too long for a comparison with each value, with gaps, and of values at the ends of their types.
TEST(FilterRandom, LongListsFindTheirValues) {
  Generator g(5);
  std::vector<Doc> docs;
  for (std::size_t i = 0; i < 1'200; ++i) {
    Doc doc = g.Row(i);
    const auto n = static_cast<std::int32_t>(g.Below(400)) * 3 - 600;
    doc.Set("i", n).Set("l", std::int64_t{n} << 40).Set("u", static_cast<std::uint64_t>(std::int64_t{n}));
    doc.Set("d", n / 8.0).Set("s", "t" + std::to_string(n));
    docs.push_back(std::move(doc));
  }
  docs[3].Set("i", INT32_MIN).Set("l", INT64_MIN).Set("u", UINT64_MAX).Set("d", -0.0).Set("s", std::string());
  docs[4].Set("d", std::nan(""));
  const FakeSegment in_memory(RandomSchema(), docs), as_file(RandomSchema(), docs, true);
  for (const std::size_t length : {2, 16, 17, 40, 500}) {
    for (const std::string field : {"i", "l", "u", "d", "s"}) {
      for (const bool negated : {false, true}) {
        Expression e;
        e.field = field, e.op = "IN", e.negated = negated;
        std::string list;
        for (std::size_t v = 0; v < length; ++v) {
          const int n = v == 0 ? 0 : static_cast<int>(g.Below(400)) * 3 - 600;
          std::string literal = std::to_string(n);
          if (field == "l") literal = v == 1 ? "-9223372036854775808" : std::to_string(std::int64_t{n} << 40);
          if (field == "u") literal = std::to_string(static_cast<std::uint64_t>(std::int64_t{n}));
          if (field == "d") literal = std::to_string(n / 8.0);
          if (field == "s") literal = v == 0 ? "''" : "'t" + literal + "'";
          if (field == "d") {
            e.numbers.push_back(n / 8.0);
          } else if (field == "s") {
            e.texts.push_back(literal.substr(1, literal.size() - 2));
          } else {
            e.integers.push_back(field == "u" ? testing::Wide{std::stoull(literal)} : std::stoll(literal));
          }
          list += (v == 0 ? "" : ", ") + literal;
        }
        e.text = field + (negated ? " NOT IN (" : " IN (") + list + ")";
        const auto filter = Filter::Parse(e.text, RandomSchema());
        ASSERT_TRUE(filter.ok()) << filter.status().ToString();
        for (const SegmentView* segment :
             {static_cast<const SegmentView*>(&in_memory), static_cast<const SegmentView*>(&as_file)}) {
          for (std::uint32_t chunk = 0; chunk < segment->chunk_count(); ++chunk) {
            std::uint64_t rows[kChunkRows / 64];
            std::fill_n(rows, kChunkRows / 64, ~std::uint64_t{0});
            ASSERT_TRUE((*filter)->Evaluate(*segment, chunk, rows).ok());
            for (std::uint32_t r = 0; r < kChunkRows; ++r) {
              const std::size_t at = std::size_t{chunk} * kChunkRows + r;
              const bool expected = at < docs.size() && Evaluate(e, docs[at]) == true;
              ASSERT_EQ((rows[r / 64] >> (r % 64) & 1) != 0, expected) << e.text << "\nrow " << at;
            }
          }
        }
      }
    }
  }
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
