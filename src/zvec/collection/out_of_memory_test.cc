// Memory that cannot be had, at every allocation of a write: std::bad_alloc is the caller's to see, but what
// was acknowledged stays, and a handle that may no longer follow its files takes no more writes.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <new>

#include "zvec/collection/testing/allocation_limit.h"
#include "zvec/collection/testing/test_docs.h"

namespace zvec::inline v0::testing_docs {
namespace {

using Action = std::function<Status(Collection&)>;

/// Ids that `action` may have left or not; all others are as they were.
struct Case {
  const char* name;
  Action action;
  std::set<std::string> may_be_new, may_be_gone;
};

class OutOfMemory : public ::testing::TestWithParam<Case> {
 protected:
  /// False: the action needed fewer allocations.
  bool FailAt(long n) {
    TempPlace place(/*in_memory=*/true);
    CollectionOptions options = place.options();
    options.seal_bytes = 2000;
    auto collection = Collection::Create(place.path("c"), NoteSchema(), options).value();
    std::set<std::string> acked;
    for (int part = 0; part < 2; ++part) {
      std::vector<Doc> docs;
      for (int i = 0; i < 6; ++i)
        docs.push_back(Note("id" + std::to_string(6 * part + i), std::string(200, 'x'), 6 * part + i));
      EXPECT_TRUE(collection->Upsert(docs).ok());
      for (const Doc& doc : docs) acked.insert(doc.id);
    }
    EXPECT_EQ(collection->Stats().sealed_segments, 1u);  // and more in the log
    bool failed = false;
    try {
      const AllocationLimit limit(n);
      const Status status = GetParam().action(*collection);
      const AllocationLimit none(-1);
      failed = status.code() == StatusCode::kResourceExhausted;  // what Optimize answers for its merges
      EXPECT_TRUE(status.ok() || failed) << status.ToString();
    } catch (const std::bad_alloc&) {
      failed = true;
    }
    // Refused, or acknowledged and kept.
    bool refused = false;
    for (const char* id : {"later 1", "later 2"}) {
      const auto later = collection->Upsert(std::vector{Note(id, "y")});
      if (later.ok()) acked.insert(id);
      refused |= !later.ok();
      EXPECT_TRUE(later.ok() || later.status().code() == StatusCode::kFailedPrecondition)
          << later.status().ToString();
    }
    std::vector<std::string> live = AllIds(*collection);
    EXPECT_EQ(collection->Close().ok(), !refused);
    collection.reset();
    auto again = Collection::Open(place.path("c"), options);
    EXPECT_TRUE(again.ok()) << again.status().ToString();
    if (!again.ok()) return false;
    std::vector<std::string> found = AllIds(**again);
    ExpectAllThere(acked, found, failed);
    std::ranges::sort(live);
    std::ranges::sort(found);
    EXPECT_TRUE(refused || live == found) << "what was read differs from what is in the files";
    return failed;
  }

  void ExpectAllThere(const std::set<std::string>& acked, const std::vector<std::string>& found,
                      bool failed) const {
    const std::set<std::string> there(found.begin(), found.end());
    EXPECT_EQ(there.size(), found.size());
    std::size_t gone = 0, added = 0;
    for (const std::string& id : acked) {
      if (there.contains(id)) continue;
      ++gone;
      EXPECT_TRUE(GetParam().may_be_gone.contains(id)) << id << " was acknowledged and is gone";
    }
    for (const std::string& id : there) {
      if (acked.contains(id)) continue;
      ++added;
      EXPECT_TRUE(GetParam().may_be_new.contains(id)) << id;
    }
    // All of the call, or nothing of it; all, when it was acknowledged.
    EXPECT_TRUE(gone == GetParam().may_be_gone.size() || (failed && gone == 0)) << gone;
    EXPECT_TRUE(added == GetParam().may_be_new.size() || (failed && added == 0)) << added;
  }
};

TEST_P(OutOfMemory, AtEveryAllocationNothingAcknowledgedIsLost) {
  long n = 0;
  while (FailAt(n) && !HasFailure()) ++n;
  EXPECT_GT(n, 5);
}

INSTANTIATE_TEST_SUITE_P(
    Calls, OutOfMemory,
    ::testing::Values(Case{"Upsert",
                           [](Collection& c) {
                             return c.Upsert(std::vector{Note("new 1", "z"), Note("new 2", "z")}).status();
                           },
                           {"new 1", "new 2"},
                           {}},
                      Case{"UpsertThatSeals",
                           [](Collection& c) {
                             return c.Upsert(std::vector{Note("new", std::string(3000, 'z'))}).status();
                           },
                           {"new"},
                           {}},
                      Case{"Delete",
                           [](Collection& c) {
                             return c.Delete(std::vector<std::string>{"id0", "id1", "id11"}).status();
                           },
                           {},
                           {"id0", "id1", "id11"}},
                      Case{"DeleteByFilter",
                           [](Collection& c) { return c.DeleteByFilter("size < 2").status(); },
                           {},
                           {"id0", "id1"}},
                      Case{"Optimize", [](Collection& c) { return c.Optimize(); }, {}, {}},
                      Case{"SetMark", [](Collection& c) { return c.SetMark("mark"); }, {}, {}}),
    [](const auto& info) { return std::string(info.param.name); });

// A graph of so many rows is linked by threads of a pool: what they throw is an error of the call.
TEST(OutOfMemoryOfThreads, ABuildOfAGraphFailsAndHarmsNothing) {
  constexpr int kRows = 2'200;
  int failures = 0;
  for (const long allowed : {0L, 3L, 30L, 300L, 3'000L}) {
    TempPlace place(/*in_memory=*/true);
    CollectionOptions options = place.options();
    options.maintenance = Maintenance::kManual;
    auto collection = Collection::Create(place.path("c"), NoteSchema(), options).value();
    std::vector<Doc> docs;
    for (int i = 0; i < kRows; ++i) {
      docs.push_back(Note("id" + std::to_string(i), "x"));
      const auto at = [i](int step) { return static_cast<float>(i * step % kRows); };
      docs.back().Set("v", std::vector<float>{at(1), at(1'327), at(719)});
    }
    ASSERT_TRUE(collection->Upsert(docs).ok());
    {
      const AllocationLimitElsewhere limit(allowed);
      const Status status = collection->Optimize({.concurrency = 3});
      EXPECT_TRUE(status.ok() || status.code() == StatusCode::kResourceExhausted) << status.ToString();
      failures += !status.ok();
    }
    EXPECT_EQ(AllIds(*collection).size(), static_cast<std::size_t>(kRows));
    const auto later = collection->Upsert(std::vector{Note("id7", "y")});
    EXPECT_TRUE(later.ok() || later.status().code() == StatusCode::kFailedPrecondition);
    EXPECT_EQ(collection->Close().ok(), later.ok());
    collection = Collection::Open(place.path("c"), place.options()).value();
    EXPECT_EQ(AllIds(*collection).size(), static_cast<std::size_t>(kRows));
    EXPECT_TRUE(collection->Optimize({.concurrency = 3}).ok());
    EXPECT_EQ(collection->Stats().index_completeness.at("v"), 1);
  }
  EXPECT_GT(failures, 2);
}

}  // namespace
}  // namespace zvec::inline v0::testing_docs
