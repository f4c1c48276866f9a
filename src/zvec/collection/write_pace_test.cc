#include "zvec/collection/write_pace.h"

#include <gtest/gtest.h>

namespace zvec::inline v0 {
namespace {

using std::chrono::milliseconds;

constexpr std::uint64_t kMost = 150'000, kLeast = 8'000;

class WritePaceTest : public ::testing::Test {
 protected:
  std::uint64_t Limit(std::uint64_t unlinked, bool others = false) {
    return pace_.Limit(unlinked, others, now_);
  }
  WritePace pace_{kMost, kLeast};
  WritePace::Clock::time_point now_ = WritePace::Clock::now();
};

TEST_F(WritePaceTest, WhileNobodyAsksABurstGoesOn) {
  EXPECT_EQ(Limit(0), kMost);
  pace_.NoteRows(1500);
  EXPECT_EQ(Limit(1500), kMost);
}

TEST_F(WritePaceTest, AQueryLowersTheLimitToWhatIsThere) {
  pace_.NoteQuery();
  EXPECT_EQ(Limit(100), kLeast);
  pace_.NoteQuery();
  EXPECT_EQ(Limit(kLeast), kLeast);
}

TEST_F(WritePaceTest, ABacklogIsWorkedOffWhileWritersGoOn) {
  pace_.NoteQuery();
  std::uint64_t unlinked = 100'000, linked = 0, written = 0;
  ASSERT_EQ(Limit(unlinked), unlinked);
  while (unlinked > kLeast + 100) {
    // Nobody waits for more than five rows for four of his own.
    for (std::uint64_t waited = 0; unlinked > Limit(unlinked, true); --unlinked, ++linked)
      ASSERT_LE(++waited, 5 * 100 / 4u);
    unlinked += 100;
    written += 100;
    pace_.NoteRows(100);
    ASSERT_LE(written, 500'000u);
  }
  EXPECT_NEAR(static_cast<double>(written), 4 * (100'000 - kLeast), 500);
  EXPECT_NEAR(static_cast<double>(linked), 5 * (100'000 - kLeast), 700);
}

TEST_F(WritePaceTest, ASecondAfterTheLastQueryABurstGoesOnAgain) {
  pace_.NoteQuery();
  (void)Limit(0);
  now_ += milliseconds(900);
  EXPECT_EQ(Limit(0), kLeast);
  pace_.NoteQuery();
  EXPECT_EQ(Limit(0), kLeast);
  now_ += milliseconds(900);
  EXPECT_EQ(Limit(0), kLeast);
  now_ += milliseconds(200);
  EXPECT_EQ(Limit(0), kMost);
  EXPECT_EQ(Limit(0, /*others=*/true), kLeast);
}

TEST_F(WritePaceTest, RoomThatNobodyUsedIsNotKept) {
  ASSERT_EQ(Limit(100'000, true), 100'000u);
  EXPECT_EQ(Limit(60'000, true), 60'000 + kLeast);
  EXPECT_EQ(Limit(0, true), kLeast);
  EXPECT_EQ(Limit(90'000, true), kLeast);
}

TEST_F(WritePaceTest, ReadersNeverAllowMoreThanOthersHave) {
  WritePace pace(1'000, kLeast);
  EXPECT_EQ(pace.least(), 1'000u);
  EXPECT_EQ(pace.Limit(5'000, false, now_), 1'000u);
  EXPECT_EQ(pace.Limit(5'000, true, now_), 1'000u);
}

}  // namespace
}  // namespace zvec::inline v0
