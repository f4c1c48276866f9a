// The merge policy over made-up segments: how many stay, what it costs, and that it comes to an end.
#include "zvec/collection/merge_policy.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace zvec::inline v0 {
namespace {

using Places = std::vector<std::size_t>;

/// Segments on no disk: what is chosen is done at once.
class Shelf {
 public:
  explicit Shelf(MergeLimits limits) : limits_(limits) {}

  void Seal(std::uint64_t rows) { segments.push_back({++number_, rows, 0, rows * kRowBytes, true}); }
  Places Choose(MergeGoal goal = MergeGoal::kGood) const { return ChooseMerge(segments, limits_, goal); }
  bool Step(MergeGoal goal = MergeGoal::kGood) {
    const Places chosen = Choose(goal);
    if (chosen.empty()) return false;
    EXPECT_TRUE(std::is_sorted(chosen.begin(), chosen.end()));
    SegmentShape merged{++number_, 0, 0, 0, true};
    for (auto it = chosen.rbegin(); it != chosen.rend(); ++it) {
      merged.rows += segments[*it].live();
      segments.erase(segments.begin() + static_cast<std::ptrdiff_t>(*it));
    }
    merged.bytes = merged.rows * kRowBytes;
    written += merged.rows;
    if (chosen.size() > 1) {
      EXPECT_LE(merged.rows, limits_.most_rows);
    }
    if (merged.rows != 0) segments.push_back(merged);
    return true;
  }
  int Settle(MergeGoal goal = MergeGoal::kGood) {
    int steps = 0;
    while (Step(goal)) EXPECT_LT(++steps, 1'000) << "no end";
    return steps;
  }
  std::uint64_t rows() const {
    std::uint64_t all = 0;
    for (const SegmentShape& segment : segments) all += segment.rows;
    return all;
  }
  std::uint64_t dead() const {
    std::uint64_t all = 0;
    for (const SegmentShape& segment : segments) all += segment.dead;
    return all;
  }

  static constexpr std::uint64_t kRowBytes = 600;
  std::vector<SegmentShape> segments;
  std::uint64_t written = 0;

 private:
  const MergeLimits limits_;
  std::uint64_t number_ = 0;
};

TEST(MergePolicy, NothingIsDoneWithoutNeed) {
  Shelf shelf({});
  EXPECT_EQ(shelf.Choose(), Places());
  EXPECT_EQ(shelf.Choose(MergeGoal::kCompact), Places());
  for (int i = 0; i < 3; ++i) shelf.Seal(100'000);
  EXPECT_EQ(shelf.Choose(), Places());
}

TEST(MergePolicy, FourOfASizeBecomeOne) {
  Shelf shelf({});
  shelf.Seal(4'000'000);
  for (int i = 0; i < 4; ++i) shelf.Seal(100'000 + static_cast<std::uint64_t>(i));
  EXPECT_EQ(shelf.Choose(), (Places{1, 2, 3, 4}));
  shelf.segments[2].ready = false;  // it waits for its graph
  EXPECT_EQ(shelf.Choose(), Places());
}

TEST(MergePolicy, AtMostEightSmallSegmentsStayAtAnySizeAndEachRowIsWrittenAFewTimes) {
  Shelf shelf({});
  std::uint64_t sealed = 0;
  for (int i = 0; i < 20'000; ++i) {
    shelf.Seal(1'000);
    sealed += 1'000;
    shelf.Settle();
    ASSERT_LE(shelf.segments.size(), kMostSmallSegments) << i;
  }
  EXPECT_EQ(shelf.rows(), sealed);
  EXPECT_LE(shelf.written, sealed * 9);  // log4 of 20,000 is 7.1
}

TEST(MergePolicy, SegmentsOfAllSizesAreFewToo) {
  std::mt19937 random(7);
  Shelf shelf({});
  for (int i = 0; i < 3'000; ++i) {
    shelf.Seal(std::uint64_t{1} << (random() % 24));
    shelf.Settle();
    ASSERT_LE(shelf.segments.size(), kMostSmallSegments) << i;
  }
}

TEST(MergePolicy, LargeSegmentsStandByThemselvesAndNoneOutgrowsTheLimits) {
  Shelf shelf({.most_rows = 700'000});
  for (int i = 0; i < 100; ++i) {
    shelf.Seal(119'000);
    shelf.Settle();
  }
  std::size_t small = 0;
  for (const SegmentShape& segment : shelf.segments) {
    EXPECT_LE(segment.rows, 700'000u);
    small += segment.rows <= 350'000;
  }
  EXPECT_LE(small, kMostSmallSegments);
  EXPECT_LE(shelf.written, shelf.rows() * 2);
  shelf.Settle(MergeGoal::kCompact);
  EXPECT_LE(shelf.segments.size(), 100u * 119 / 350 + 1);
}

TEST(MergePolicy, BytesAreLimitedToo) {
  Shelf shelf({.most_bytes = 250 * Shelf::kRowBytes});
  for (int i = 0; i < 4; ++i) shelf.Seal(100);
  EXPECT_EQ(shelf.Choose(), (Places{0, 1}));
}

TEST(MergePolicy, AFifthDeletedIsARewriteOfThatSegment) {
  Shelf shelf({});
  shelf.Seal(1'000);
  shelf.Seal(100'000);
  shelf.segments[1].dead = 19'999;
  EXPECT_EQ(shelf.Choose(), Places());
  shelf.segments[1].dead = 20'000;
  EXPECT_EQ(shelf.Choose(), Places{1});
  shelf.segments[0].dead = 400;  // more of it, and less in all
  EXPECT_EQ(shelf.Choose(), Places{1});
  shelf.segments[1].ready = false;
  EXPECT_EQ(shelf.Choose(), Places{0});
}

TEST(MergePolicy, AFewBytesAreNoReasonUnlessNothingElseIsInTheSegment) {
  Shelf shelf({.least_waste_bytes = 100 * Shelf::kRowBytes});
  shelf.Seal(200);
  shelf.segments[0].dead = 99;
  EXPECT_EQ(shelf.Choose(), Places());
  shelf.segments[0].dead = 100;
  EXPECT_EQ(shelf.Choose(), Places{0});
  shelf.segments[0] = {1, 50, 50, 50 * Shelf::kRowBytes, true};
  EXPECT_EQ(shelf.Choose(), Places{0});
}

TEST(MergePolicy, EqualChoicesGoByNumber) {
  Shelf shelf({});
  shelf.Seal(1'000);
  shelf.Seal(1'000);
  std::swap(shelf.segments[0], shelf.segments[1]);
  for (SegmentShape& segment : shelf.segments) segment.dead = 500;
  EXPECT_EQ(shelf.Choose(), Places{1});
}

TEST(MergePolicy, CompactLeavesOneSegmentWhereOneCanHoldAll) {
  Shelf shelf({});
  for (const std::uint64_t rows : {10, 2'000'000, 300, 70'000}) shelf.Seal(rows);
  shelf.segments[1].dead = 1;
  shelf.Settle(MergeGoal::kCompact);
  ASSERT_EQ(shelf.segments.size(), 1u);
  EXPECT_EQ(shelf.rows(), 2'070'309u);
  EXPECT_EQ(shelf.dead(), 0u);
}

TEST(MergePolicy, CompactRewritesWhatIsTooLargeToMergeForOneDeletedRow) {
  Shelf shelf({.most_rows = 1'000});
  shelf.Seal(900);
  shelf.Seal(800);
  shelf.segments[1].dead = 1;
  EXPECT_EQ(shelf.Choose(MergeGoal::kCompact), Places{1});
  shelf.Settle(MergeGoal::kCompact);
  EXPECT_EQ(shelf.dead(), 0u);
  EXPECT_EQ(shelf.segments.size(), 2u);
}

// A segment made under larger limits than today's.
TEST(MergePolicy, ASegmentBeyondTheLimitsIsLeftAloneUntilItsRowsDie) {
  Shelf shelf({.most_rows = 1'000});
  shelf.Seal(10'000);
  for (int i = 0; i < 3; ++i) shelf.Seal(10);
  EXPECT_EQ(shelf.Choose(), Places());
  EXPECT_EQ(shelf.Choose(MergeGoal::kCompact), (Places{1, 2, 3}));
}

TEST(MergePolicy, NoSizeOverflows) {
  const std::vector<SegmentShape> huge(9, {7, UINT64_MAX / 4, UINT64_MAX / 5, UINT64_MAX, true});
  for (const MergeGoal goal : {MergeGoal::kGood, MergeGoal::kCompact})
    EXPECT_LE(ChooseMerge(huge, {.most_rows = 1 << 30, .most_bytes = 1 << 30}, goal).size(), 1u);
  const std::vector<SegmentShape> empty(9);
  EXPECT_FALSE(ChooseMerge(empty, {}, MergeGoal::kGood).empty());
}

// Every document written again and again: deleted rows never take a quarter of what lives for long.
TEST(MergePolicy, UnderChurnTheWasteStaysBounded) {
  std::mt19937 random(3);
  Shelf shelf({.most_rows = 50'000});
  for (int i = 0; i < 100; ++i) shelf.Seal(1'000);
  for (int round = 0; round < 2'000; ++round) {
    std::uint64_t left = 1'000;  // of the rows that the next seal replaces
    while (left != 0) {
      SegmentShape& segment = shelf.segments[random() % shelf.segments.size()];
      const std::uint64_t die = std::min({segment.live(), left, std::uint64_t{1} + random() % 100});
      segment.dead += die;
      left -= die;
    }
    shelf.Seal(1'000);
    shelf.Settle();
    ASSERT_EQ(shelf.rows() - shelf.dead(), 100'000u);
    ASSERT_LE(shelf.dead(), 25'000u) << round;
    ASSERT_LE(shelf.segments.size(), kMostSmallSegments + 4) << round;
  }
  EXPECT_LE(shelf.written, 2'000u * 1'000 * 12);
}

}  // namespace
}  // namespace zvec::inline v0
