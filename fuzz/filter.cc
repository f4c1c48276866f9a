// fuzz/filter.cc: any text as a filter over rows of every type. An error marks a place; what is accepted
// obeys the laws of the language: X and not X have no row in common, X and X is X, rows that were not asked
// for stay out.
#include "zvec/query/filter.h"

#include <array>
#include <optional>

#include "fuzz.h"
#include "zvec/query/testing/fake_segment.h"
#include "zvec/query/testing/random_filter.h"

namespace fuzz {
namespace {

using zvec::kChunkRows;
using Rows = std::array<std::uint64_t, kChunkRows / 64>;

constexpr std::uint64_t kRows = 150;

struct World {
  zvec::CollectionSchema schema = zvec::testing::RandomSchema();
  std::vector<zvec::Doc> docs = [] {
    zvec::testing::Generator generator(7);
    std::vector<zvec::Doc> made;
    for (std::size_t i = 0; i < kRows; ++i) made.push_back(generator.Row(i));
    return made;
  }();
  zvec::testing::FakeSegment in_memory{schema, docs};
  zvec::testing::FakeSegment as_file{schema, docs, true};
};
const World& TheWorld() {
  static const World world;
  return world;
}

/// None: it is no filter.
std::optional<Rows> Matches(const zvec::Filter& filter, const zvec::SegmentView& segment,
                            std::uint64_t asked) {
  Rows rows{};
  for (std::uint64_t row = 0; row < kRows; ++row) rows[row / 64] |= (asked >> (row % 64) & 1) << (row % 64);
  if (!filter.Evaluate(segment, 0, rows.data()).ok()) return std::nullopt;
  return rows;
}

std::unique_ptr<zvec::Filter> Parsed(std::string_view text) {
  auto filter = zvec::Filter::Parse(text, TheWorld().schema);
  if (filter.ok()) return *std::move(filter);
  const std::string_view message = filter.status().message();
  Require(filter.status().code() == zvec::StatusCode::kInvalidArgument &&
              message.starts_with("filter, line ") && message.ends_with("^"),
          "an error without a place", message);
  return nullptr;
}

}  // namespace

std::vector<std::string> Seeds() {
  std::vector<std::string> seeds = {"", "not (l > 3 or s is null) and b",
                                    "s like 'a%b' or as contain_any ('x', 'y')"};
  zvec::testing::Generator generator(3);
  for (int depth = 1; depth < 5; ++depth)
    for (int i = 0; i < 6; ++i) seeds.push_back(zvec::testing::Maker(generator).Make(depth).text);
  return seeds;
}

void Run(std::string_view input) {
  // A comment would swallow what is put behind, so laws are tried on whole filters only.
  const auto filter = Parsed(input);
  if (!filter) return;
  const World& world = TheWorld();
  const auto all = Matches(*filter, world.in_memory, ~std::uint64_t{0}),
             some = Matches(*filter, world.as_file, 0x5555'0000'FFFF'1234u);
  Require(all && some, "a filter could not be evaluated");
  const std::string text(input);
  const auto negated = filter->matches_all() ? nullptr : Parsed("not (" + text + "\n)");
  const auto twice = filter->matches_all() ? nullptr : Parsed("(" + text + "\n) and (" + text + "\n)");
  const auto none = negated ? Matches(*negated, world.as_file, ~std::uint64_t{0}) : std::nullopt;
  const auto same = twice ? Matches(*twice, world.in_memory, ~std::uint64_t{0}) : std::nullopt;
  for (std::size_t word = 0; word < all->size(); ++word) {
    const std::uint64_t asked = word * 64 < kRows ? 0x5555'0000'FFFF'1234u : 0;
    Require((*some)[word] == ((*all)[word] & asked), "other rows, or of other places, than were asked for",
            text);
    if (none) Require(((*none)[word] & (*all)[word]) == 0, "true, and true negated", text);
    if (same) Require((*same)[word] == (*all)[word], "X and X is not X", text);
  }
}

void Vary(std::string& input, std::size_t most, Random& random) {
  static const std::vector<std::string> words = [] {
    std::vector<std::string> all = {"and",
                                    "or",
                                    "not",
                                    "in",
                                    "between",
                                    "like",
                                    "is",
                                    "null",
                                    "true",
                                    "false",
                                    "(",
                                    ")",
                                    ",",
                                    "'",
                                    "\"",
                                    "%",
                                    "_",
                                    "\\",
                                    "=",
                                    "!=",
                                    "<",
                                    "<=",
                                    ">",
                                    ">=",
                                    "<>",
                                    "==",
                                    "0",
                                    "-1",
                                    "1e308",
                                    "9223372036854775807",
                                    "18446744073709551615",
                                    "nan",
                                    "'a%'",
                                    "array_length(",
                                    "contain_all",
                                    "contain_any",
                                    "(1, 2)",
                                    "('a', 'b')",
                                    "--",
                                    "\n"};
    for (const auto& field : zvec::testing::RandomSchema().fields) all.push_back(field.name);
    return all;
  }();
  VaryText(input, most, random, words);
}
void Seal(std::string&) {}

}  // namespace fuzz
