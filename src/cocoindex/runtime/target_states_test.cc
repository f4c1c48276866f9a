// Target states of a single component (cocoindex-engine.md 28: 1-9).
#include "cocoindex/runtime/engine_test.h"

namespace cocoindex::inline v0 {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class TargetStates : public EngineTest {
 protected:
  Ops declare_all(Rows rows) {
    return ops_of([this, rows](Ctx& ctx) {
      for (const auto& [k, v] : rows) declare_row(ctx, k, v);
    });
  }
  std::string fail(Rows rows) {
    main_ = [this, rows](Ctx& ctx) {
      for (const auto& [k, v] : rows) declare_row(ctx, k, v);
    };
    try {
      update();
    } catch (const std::exception& e) {
      return e.what();
    }
    return "";
  }
};

TEST_F(TargetStates, ANewOneIsInsertedAndAnIdenticalRunDoesNothing) {
  EXPECT_THAT(declare_all({{"a", "1"}}), ElementsAre("a=1 prev=[] missing"));
  EXPECT_THAT(declare_all({{"a", "1"}}), IsEmpty());
  EXPECT_EQ(target_.rows(), (Rows{{"a", "1"}}));
}

TEST_F(TargetStates, AChangeIsOneUpsertThatKnowsTheOldRecord) {
  declare_all({{"a", "1"}});
  EXPECT_THAT(declare_all({{"a", "2"}}), ElementsAre("a=2 prev=[1]"));
}

TEST_F(TargetStates, WhatIsNoLongerDeclaredIsDeletedOnce) {
  declare_all({{"a", "1"}, {"b", "2"}});
  EXPECT_THAT(declare_all({{"b", "2"}}), ElementsAre("a gone prev=[1]"));
  EXPECT_THAT(declare_all({{"b", "2"}}), IsEmpty());
}

TEST_F(TargetStates, StateSurvivesARestart) {
  declare_all({{"a", "1"}});
  restart();
  EXPECT_THAT(declare_all({{"a", "1"}}), IsEmpty());
  restart();
  EXPECT_THAT(declare_all({{"a", "2"}}), ElementsAre("a=2 prev=[1]"));
}

TEST_F(TargetStates, AFailedInsertMayOrMayNotBeThere) {
  fail_next_call();
  EXPECT_EQ(fail({{"a", "1"}}), "sink failed after it had applied");
  target_.take_ops();
  EXPECT_THAT(declare_all({{"a", "2"}}), ElementsAre("a=2 prev=[1] missing"));
  EXPECT_THAT(declare_all({{"a", "3"}}), ElementsAre("a=3 prev=[2]"));
}

TEST_F(TargetStates, AFailedUpdateLeavesBothRecordsPossible) {
  declare_all({{"a", "1"}});
  fail_next_call();
  EXPECT_NE(fail({{"a", "2"}}), "");
  target_.take_ops();
  EXPECT_THAT(declare_all({{"a", "2"}}), ElementsAre("a=2 prev=[1,2]"));
  EXPECT_THAT(declare_all({{"a", "2"}}), IsEmpty());
}

TEST_F(TargetStates, RepeatedFailuresDoNotPileUpRecords) {
  declare_all({{"a", "1"}});
  for (int i = 0; i < 3; ++i) {
    fail_next_call();
    EXPECT_NE(fail({{"a", "2"}}), "");
  }
  target_.take_ops();
  EXPECT_THAT(declare_all({{"a", "2"}}), ElementsAre("a=2 prev=[1,2]"));
}

TEST_F(TargetStates, AnInsertThatWasAppliedAndFailedIsDeletedWhenNoLongerDeclared) {
  fail_next_call();
  EXPECT_NE(fail({{"a", "1"}}), "");
  target_.take_ops();
  EXPECT_THAT(declare_all({}), ElementsAre("a gone prev=[1] missing"));
  EXPECT_THAT(declare_all({}), IsEmpty());
  EXPECT_EQ(target_.rows(), Rows{});
}

TEST_F(TargetStates, AFailedDeleteIsRepeated) {
  declare_all({{"a", "1"}});
  fail_next_call();
  EXPECT_NE(fail({}), "");
  target_.take_ops();
  EXPECT_THAT(declare_all({}), ElementsAre("a gone prev=[1] missing"));
  EXPECT_THAT(declare_all({}), IsEmpty());
}

TEST_F(TargetStates, AFailedDeleteIsForgottenWhenDeclaredAgain) {
  declare_all({{"a", "1"}});
  fail_next_call();
  EXPECT_NE(fail({}), "");
  target_.take_ops();
  EXPECT_THAT(declare_all({{"a", "1"}}), ElementsAre("a=1 prev=[1] missing"));
  EXPECT_THAT(declare_all({{"a", "1"}}), IsEmpty());
}

TEST_F(TargetStates, KeysOfEveryKindComeBackEqual) {
  const std::vector<StableKey> keys = {
      StableKey(),
      Symbol{"s"},
      true,
      -42,
      "text/with/slashes",
      Bytes{std::byte{0}, std::byte{1}},
      Uuid{{1, 2, 3}},
      StableKey::Array{1, 2, StableKey::Array{"x", false}},
      fingerprint_bytes("x"),
      std::string(2000, 'k'),
  };
  std::vector<std::string> seen;
  main_ = [&](Ctx& ctx) {
    for (const StableKey& k : keys) declare_row(ctx, k, "v");
    for (const StableKey& k : keys) {
      auto table =
          mount_target(ctx, {target_.tables_provider(), k, std::make_shared<testing::Text>("d"), {}});
      declare(ctx, table, k, "in");
    }
  };
  run();
  target_.take_ops();
  run();
  EXPECT_THAT(target_.take_ops(), IsEmpty());
  EXPECT_EQ(target_.rows().size(), keys.size());
  for (const StableKey& k : keys)
    EXPECT_EQ(target_.rows(testing::key_text(k)), (Rows{{testing::key_text(k), "in"}}));
  main_ = [](Ctx&) {};
  restart();
  run();
  EXPECT_EQ(target_.rows(), Rows{});
  for (const StableKey& k : keys) EXPECT_FALSE(target_.has_table(testing::key_text(k)));
}

TEST_F(TargetStates, TheSameOneTwiceInAComponentIsAnError) {
  main_ = [this](Ctx& ctx) {
    declare_row(ctx, "a", "1");
    declare_row(ctx, "a", "1");
  };
  try {
    update();
    FAIL();
  } catch (const InvalidRequest& e) {
    EXPECT_THAT(e.what(), HasSubstr("already declared"));
    EXPECT_THAT(e.what(), HasSubstr("\"a\""));
  }
  EXPECT_EQ(target_.rows(), Rows{});
}

TEST_F(TargetStates, FingerprintedOnesAreComparedWithoutAskingTheHandler) {
  target_.tracks_fingerprint = true;
  declare_all({{"a", "1"}, {"b", "2"}});
  const auto asked = target_.reconcile_count();
  main_ = [this](Ctx& ctx) {
    declare_row(ctx, "a", "1");
    declare_row(ctx, "b", "3");
  };
  const UpdateStats stats = run();
  EXPECT_EQ(target_.reconcile_count(), asked + 1);
  EXPECT_EQ(stats.target_total().unchanged, 1u);
  EXPECT_EQ(stats.target_total().upserted, 1u);
  EXPECT_EQ(target_.rows(), (Rows{{"a", "1"}, {"b", "3"}}));
}

TEST_F(TargetStates, TheActionsOfAComponentAreOneCallDeletesLast) {
  declare_all({{"a", "1"}, {"b", "1"}, {"c", "1"}});
  target_.take_call_sizes();
  const Ops ops = declare_all({{"a", "2"}, {"d", "1"}});
  EXPECT_THAT(target_.take_call_sizes(), ElementsAre(4));
  ASSERT_EQ(ops.size(), 4u);
  EXPECT_THAT(ops[2], HasSubstr("gone"));
  EXPECT_THAT(ops[3], HasSubstr("gone"));
}

}  // namespace
}  // namespace cocoindex::inline v0
