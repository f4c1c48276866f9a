// Previews (cocoindex-engine.md 13.2; 28: 10, 11): the next run does what was listed, and nothing was done.
#include <algorithm>
#include <atomic>
#include <random>

#include "cocoindex/runtime/engine_test.h"
#include "cocoindex/state/store.h"

namespace cocoindex::inline v0 {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;
using ::testing::UnorderedElementsAreArray;

std::atomic<int> bodies{0};
void previewed_row(Ctx& ctx, const std::string& key, const std::string& value, const TargetProvider& rows) {
  ++bodies;
  declare(ctx, rows, key, value);
}
constexpr auto kOneRow = fn<&previewed_row>({.memo = true, .version = 1});

class Preview : public EngineTest {
 protected:
  /// What the actions say of themselves; those that do nothing are left out, as the target does.
  Ops preview() {
    const UpdateResult result = update({.preview = true});
    for (const Failure& f : result.failures) ADD_FAILURE() << f.path.display() << ": " << f.message;
    EXPECT_THAT(target_.take_ops(), IsEmpty());
    Ops ops;
    for (const PlannedEffect& e : result.planned) {
      EXPECT_EQ(e.describe(), e.target + ": " + e.action->describe());
      if (!e.action->describe().starts_with("none ")) ops.push_back(e.action->describe());
    }
    return ops;
  }
  Ops preview_of(std::function<void(Ctx&)> main) {
    main_ = std::move(main);
    return preview();
  }
  /// Everything that the store holds.
  std::string bytes() {
    stop();
    std::string all;
    auto store = Store::open({.path = settings_.db_path});
    store->app("app")->read()->scan("", [&](std::string_view k, std::string_view v) {
      all.append(k).append("=").append(v).append("\n");
      return true;
    });
    store->close();
    restart();
    return all;
  }
};

TEST_F(Preview, ListsAnInsertAnUpdateAndADeleteAndDoesNoneOfThem) {
  auto rows = [this](Rows r) {
    return [this, r](Ctx& ctx) {
      for (const auto& [k, v] : r) declare_row(ctx, k, v);
    };
  };
  ops_of(rows({{"a", "1"}, {"b", "1"}, {"c", "1"}}));
  const Rows before = target_.rows();
  const auto planned = preview_of(rows({{"a", "1"}, {"b", "2"}, {"d", "1"}}));
  EXPECT_THAT(planned, UnorderedElementsAre("b=2 prev=[1]", "d=1 prev=[] missing", "c gone prev=[1]"));
  EXPECT_EQ(target_.rows(), before);
  EXPECT_EQ(preview(), planned);  // asking changes nothing
  run();
  EXPECT_EQ(target_.take_ops(), planned);
  EXPECT_THAT(preview(), IsEmpty());
}

TEST_F(Preview, GoesThroughContainersThatAreNotThereYet) {
  main_ = [this](Ctx& ctx) {
    TargetProvider t = mount_target(ctx, target_.table("t", "d"));
    for (int i = 0; i < 2; ++i) ctx.mount(subpath(i), [t, i](Ctx& c) { declare(c, t, i, "v"); });
  };
  const auto planned = preview();
  EXPECT_THAT(planned, UnorderedElementsAre("insert */t=d prev=[] missing", "t/0=v prev=[] missing",
                                            "t/1=v prev=[] missing"));
  EXPECT_EQ(planned[0], "insert */t=d prev=[] missing");
  EXPECT_FALSE(target_.has_table("t"));
  EXPECT_EQ(bytes(), "");
  run();
  EXPECT_THAT(target_.take_ops(), UnorderedElementsAreArray(planned));
  const UpdateResult quiet = update({.preview = true});
  ASSERT_EQ(quiet.planned.size(), 1u);  // the container's, which has nothing to do
  EXPECT_EQ(quiet.planned[0].action->describe(), "none */t=d prev=[d]");
  EXPECT_FALSE(quiet.planned[0].is_removal);
}

TEST_F(Preview, OfAReplacedContainerRunsWhatWroteToIt) {
  std::string definition = "d1";
  main_ = [&](Ctx& ctx) {
    TargetProvider t = mount_target(ctx, target_.table("t", definition));
    ctx.mount("row", kOneRow, std::string("k"), std::string("v"), t);
  };
  run();
  target_.take_ops();
  for (const char* next : {"d2", "d2:lossy"}) {
    definition = next;
    const auto planned = preview();
    EXPECT_EQ(planned.size(), 2u);
    run();
    EXPECT_EQ(target_.take_ops(), planned);
  }
}

TEST_F(Preview, NamesTheTargetAndSaysWhatGoes) {
  ops_of([this](Ctx& ctx) {
    ctx.mount("gone", [this](Ctx& c) {
      mount_target(c, target_.table("t", "d"));
      declare_row(c, "k", "v");
    });
  });
  main_ = [](Ctx&) {};
  const UpdateResult result = update({.preview = true});
  Ops targets;
  for (const PlannedEffect& e : result.planned) {
    EXPECT_TRUE(e.is_removal);
    targets.push_back(e.target);
  }
  const std::string rows = target_.rows_provider().impl()->container_path;
  const std::string tables = target_.tables_provider().impl()->container_path;
  EXPECT_THAT(targets, UnorderedElementsAre(rows + "/\"k\"", tables + "/\"t\""));
  EXPECT_EQ(result.stats.target_total().deleted, 1u);
  EXPECT_TRUE(target_.has_table("t"));
}

TEST_F(Preview, WritesNothingAndKeepsEveryMemo) {
  std::string value = "1";
  auto main = [&](Ctx& ctx) {
    ctx.mount("same", kOneRow, std::string("a"), std::string("1"), target_.rows_provider());
    ctx.mount("other", kOneRow, std::string("b"), value, target_.rows_provider());
    ctx.call(kOneRow, std::string("c"), value, target_.rows_provider());
    if (value == "2") ctx.mount(subpath("new", "place"), [](Ctx&) {});
  };
  ops_of(main);
  const std::string before = bytes();
  value = "2";
  bodies = 0;
  EXPECT_THAT(preview_of(main), UnorderedElementsAre("b=2 prev=[1]", "c=2 prev=[1]"));
  EXPECT_EQ(bodies, 2);
  EXPECT_EQ(bytes(), before);
  value = "1";
  bodies = 0;
  EXPECT_THAT(ops_of(main), IsEmpty());
  EXPECT_EQ(bodies, 0);
}

TEST_F(Preview, OfAFullReprocessListsEverything) {
  auto main = [this](Ctx& ctx) { declare_row(ctx, "a", "1"); };
  ops_of(main);
  const UpdateResult result = update({.full_reprocess = true, .preview = true});
  ASSERT_EQ(result.planned.size(), 1u);
  EXPECT_EQ(result.planned[0].action->describe(), "a=1 prev=[1] missing");
}

TEST_F(Preview, ReportsWhatFailsAndPlansNothingOfIt) {
  main_ = [this](Ctx& ctx) {
    ctx.mount("bad", [this](Ctx& c) {
      declare_row(c, "bad", "1");
      throw std::runtime_error("today not");
    });
    ctx.mount("good", [this](Ctx& c) { declare_row(c, "good", "1"); });
  };
  const UpdateResult result = update({.preview = true});
  ASSERT_EQ(result.failures.size(), 1u);
  EXPECT_EQ(result.failures[0].message, "today not");
  ASSERT_EQ(result.planned.size(), 1u);
  EXPECT_EQ(result.planned[0].action->describe(), "good=1 prev=[] missing");
}

TEST_F(Preview, OfAMoveIsNoDelete) {
  auto owner = [this](const std::string& name, const std::string& value) {
    return [this, name, value](Ctx& ctx) {
      ctx.mount(name, kOneRow, std::string("k"), value, target_.rows_provider());
    };
  };
  ops_of(owner("C1", "v"));
  EXPECT_THAT(preview_of(owner("C2", "v")), IsEmpty());
  EXPECT_THAT(preview_of(owner("C2", "w")), ElementsAre("k=w prev=[v]"));
  EXPECT_THAT(ops_of(owner("C2", "w")), ElementsAre("k=w prev=[v]"));
}

// Rows wander between components, tables come, go and are replaced; each run does what its preview listed.
TEST_F(Preview, IsWhatTheNextRunDoesWhateverTheProgram) {
  std::minstd_rand random(7);
  auto one_of = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
  for (int step = 0; step < 60; ++step) {
    struct Item {
      int component, key, value, table;
    };
    std::vector<Item> items;
    for (int key = 0; key < 8; ++key) {
      if (one_of(4) != 0) items.push_back({one_of(3), key, one_of(2), one_of(3)});
    }
    const std::vector<std::string> definitions = {"d" + std::to_string(one_of(2)),
                                                  "e:" + std::to_string(one_of(2))};
    main_ = [=, this](Ctx& ctx) {
      std::vector<TargetProvider> tables = {target_.rows_provider()};
      for (int t = 0; t < 2; ++t) {
        const bool used = std::ranges::any_of(items, [t](const Item& i) { return i.table == t + 1; });
        tables.push_back(used ? mount_target(ctx, target_.table(std::to_string(t),
                                                                definitions[static_cast<std::size_t>(t)]))
                              : TargetProvider());
      }
      for (int c = 0; c < 3; ++c) {
        if (std::ranges::none_of(items, [c](const Item& i) { return i.component == c; })) continue;
        ctx.mount(subpath("c", c),
                  [&, c](Ctx& child) {
                    for (const Item& i : items) {
                      if (i.component != c) continue;
                      child.call(kOneRow, std::to_string(i.key), std::to_string(i.value),
                                 tables[static_cast<std::size_t>(i.table)]);
                    }
                  })
            .ready();
      }
    };
    Ops planned = preview();
    run();
    Ops done = target_.take_ops();
    std::ranges::sort(planned);
    std::ranges::sort(done);
    ASSERT_EQ(planned, done) << "step " << step;
    ASSERT_THAT(preview(), IsEmpty()) << "step " << step;
  }
}

}  // namespace
}  // namespace cocoindex::inline v0
