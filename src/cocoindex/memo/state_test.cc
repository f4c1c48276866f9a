#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "cocoindex/memo.h"

namespace state_user {

struct File {
  std::string name;
  std::string content;
  auto operator<=>(const File&) const = default;
};
std::string coco_memo_key(const File& f) { return f.name; }
cocoindex::MemoStateOutcome coco_memo_state(const File& f, std::optional<std::string_view> previous) {
  return {f.content, previous == f.content};
}

struct Job {
  std::string title;
  std::vector<File> files;
  std::optional<File> extra;
};

struct Sealed {  // its own key hides the file
  File file;
};
int coco_memo_key(const Sealed&) { return 1; }

struct Lenient {
  std::string state;
};
cocoindex::MemoStateOutcome coco_memo_state(const Lenient& l, std::optional<std::string_view>) {
  return {l.state, true};
}

}  // namespace state_user

namespace cocoindex {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(MemoState, AreFoundInsideArgumentsInOrder) {
  const state_user::Job job{"t", {{"a", "1"}, {"b", "2"}}, state_user::File{"c", "3"}};
  const std::map<int, state_user::File> map{{1, {"d", "4"}}};
  EXPECT_EQ(count_memo_states(1, job, map, std::string("x")), 4u);
  EXPECT_THAT(collect_memo_states(nullptr, 1, job, map).states, ElementsAre("1", "2", "3", "4"));
  EXPECT_EQ(count_memo_states(state_user::Sealed{{"a", "1"}}), 0u);
}

TEST(MemoState, FirstTimeIsNotValid) {
  const MemoStates s = collect_memo_states(nullptr, state_user::File{"a", "1"});
  EXPECT_FALSE(s.valid);
  EXPECT_TRUE(s.changed);
}

TEST(MemoState, WithoutStatesThereIsNothingToDoubt) {
  const MemoStates s = collect_memo_states(nullptr, 1, std::string("x"));
  EXPECT_TRUE(s.valid);
  EXPECT_FALSE(s.changed);
  EXPECT_THAT(s.states, IsEmpty());
}

TEST(MemoState, SameStatesAreValidOneOtherIsNot) {
  const std::vector<state_user::File> files{{"a", "1"}, {"b", "2"}};
  const std::vector<std::string> same{"1", "2"}, other{"1", "x"};
  EXPECT_TRUE(collect_memo_states(&same, files).valid);
  EXPECT_FALSE(collect_memo_states(&same, files).changed);
  const MemoStates s = collect_memo_states(&other, files);
  EXPECT_FALSE(s.valid);
  EXPECT_THAT(s.states, ElementsAre("1", "2"));
}

TEST(MemoState, AnotherNumberOfStatesCountsAsNone) {
  const std::vector<std::string> two{"1", "1"};
  EXPECT_FALSE(collect_memo_states(&two, state_user::File{"a", "1"}).valid);
  EXPECT_FALSE(collect_memo_states(&two, state_user::Lenient{"1"}).valid);
  EXPECT_FALSE(collect_memo_states(&two, 1).valid == false && count_memo_states(1) > 0);
}

TEST(MemoState, ValidWithANewStateIsAChangeToKeep) {
  const std::vector<std::string> before{"old"};
  const MemoStates s = collect_memo_states(&before, state_user::Lenient{"new"});
  EXPECT_TRUE(s.valid);
  EXPECT_TRUE(s.changed);
  EXPECT_THAT(s.states, ElementsAre("new"));
}

}  // namespace
}  // namespace cocoindex
