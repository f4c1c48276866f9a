#include "cocoindex/state/store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <lmdb.h>

#include <fstream>
#include <map>
#include <random>
#include <thread>

#include "cocoindex/state/format.h"
#include "cocoindex/state/test_dir.h"

namespace cocoindex {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using Pairs = std::vector<std::pair<std::string, std::string>>;

class StoreTest : public ::testing::Test {
 protected:
  StoreSettings Settings() const {
    StoreSettings s;
    s.path = dir_ / "store";
    s.durable = false;
    return s;
  }
  std::shared_ptr<Store> Open() const { return Store::open(Settings()); }
  static Pairs Scan(ReadTxn& txn, std::string_view prefix) {
    Pairs pairs;
    txn.scan(prefix, [&](std::string_view k, std::string_view v) {
      pairs.emplace_back(k, v);
      return true;
    });
    return pairs;
  }
  std::string WhyNot() const {
    try {
      Open();
    } catch (const StateError& e) {
      return e.what();
    }
    return "it opened";
  }
  TestDir dir_;
};

TEST_F(StoreTest, WhatWasWrittenIsThereAfterReopening) {
  Fingerprint id;
  {
    auto store = Open();
    id = store->id();
    auto app = store->app("a");
    app->write([](WriteTxn& txn) {
      txn.put("k1", "v1");
      txn.put("k2", "");
      EXPECT_EQ(txn.get("k1"), "v1");
    });
  }
  auto store = Open();
  EXPECT_EQ(store->id(), id);
  auto txn = store->app("a")->read();
  EXPECT_EQ(txn->get("k1"), "v1");
  EXPECT_EQ(txn->get("k2"), "");
  EXPECT_EQ(txn->get("k3"), std::nullopt);
  EXPECT_EQ(txn->get(""), std::nullopt);
}

TEST_F(StoreTest, ParentsAreMadeAndTwoStoresHaveTwoIds) {
  StoreSettings s = Settings();
  s.path = dir_ / "x/y/z";
  EXPECT_NE(Store::open(s)->id(), Open()->id());
}

TEST_F(StoreTest, AppsAreSeparateAndListedWhenTheyHoldSomething) {
  auto store = Open();
  auto a = store->app("a"), b = store->app("b/\xc3\xa4");
  EXPECT_EQ(store->app("a"), a);
  EXPECT_THAT(store->app_names(), IsEmpty());
  a->write([](WriteTxn& txn) { txn.put("k", "a"); });
  b->write([](WriteTxn& txn) { txn.put("k", "b"); });
  EXPECT_EQ(a->read()->get("k"), "a");
  EXPECT_EQ(b->read()->get("k"), "b");
  EXPECT_THAT(store->app_names(), ElementsAre("a", "b/\xc3\xa4"));
  store->drop_app("a");
  store->drop_app("never made");
  EXPECT_EQ(a->read()->get("k"), std::nullopt);
  EXPECT_THAT(store->app_names(), ElementsAre("b/\xc3\xa4"));
  a->write([](WriteTxn& txn) { txn.put("k", "again"); });
  EXPECT_EQ(a->read()->get("k"), "again");
}

TEST_F(StoreTest, AppNamesOutOfRuleAreRefused) {
  auto store = Open();
  EXPECT_THROW(store->app(""), InvalidRequest);
  EXPECT_THROW(store->app(std::string(256, 'a')), InvalidRequest);
  EXPECT_THROW(store->app(std::string("a\0b", 3)), InvalidRequest);
  EXPECT_EQ(store->app(std::string(255, 'a'))->name().size(), 255u);
}

TEST_F(StoreTest, MoreAppsThanMaxDbsIsAnErrorThatHarmsNoOther) {
  StoreSettings s = Settings();
  s.max_dbs = 2;
  auto store = Store::open(s);
  auto a = store->app("a");
  store->app("b");
  EXPECT_THROW(store->app("c"), StateError);
  a->write([](WriteTxn& txn) { txn.put("k", "v"); });
  EXPECT_EQ(a->read()->get("k"), "v");
}

TEST_F(StoreTest, ScanGivesThePrefixInKeyOrderAndCanStop) {
  auto app = Open()->app("a");
  app->write([](WriteTxn& txn) {
    for (const char* k : {"b2", "a", "b1", "b", "c", "\xff", "\xff\xff"}) txn.put(k, k);
  });
  auto txn = app->read();
  EXPECT_EQ(Scan(*txn, "b"), (Pairs{{"b", "b"}, {"b1", "b1"}, {"b2", "b2"}}));
  EXPECT_EQ(Scan(*txn, "\xff"), (Pairs{{"\xff", "\xff"}, {"\xff\xff", "\xff\xff"}}));
  EXPECT_EQ(Scan(*txn, "").size(), 7u);
  EXPECT_EQ(Scan(*txn, "bb"), Pairs{});
  int calls = 0;
  txn->scan("", [&](std::string_view, std::string_view) { return ++calls < 3; });
  EXPECT_EQ(calls, 3);
}

TEST_F(StoreTest, DeletingTellsWhatWasThere) {
  auto app = Open()->app("a");
  app->write([](WriteTxn& txn) {
    for (int i = 0; i < 1000; ++i) txn.put("p" + std::to_string(i), "v");
    txn.put("o", "v");
    txn.put("q", "v");
  });
  app->write([](WriteTxn& txn) {
    EXPECT_TRUE(txn.del("p5"));
    EXPECT_FALSE(txn.del("p5"));
    EXPECT_FALSE(txn.del(""));
    EXPECT_EQ(txn.del_prefix("p"), 999u);
    EXPECT_EQ(txn.del_prefix("p"), 0u);
  });
  auto txn = app->read();
  EXPECT_EQ(Scan(*txn, ""), (Pairs{{"o", "v"}, {"q", "v"}}));
}

// Keys around LMDB's limit, many of them equal in everything that a shortened key keeps, against a plain map.
TEST_F(StoreTest, KeysOfAnyLengthBehaveLikeAMap) {
  auto app = Open()->app("a");
  std::map<std::string, std::string> model;
  std::mt19937 random(7);
  const auto key = [&] {
    static constexpr std::size_t kSizes[] = {1, 494, 495, 496, 500, 509, 510, 511, 512, 513, 600, 3000};
    std::string k(kSizes[random() % std::size(kSizes)], 'k');
    k[random() % k.size()] = static_cast<char>('a' + random() % 20);
    k.back() = static_cast<char>('a' + random() % 20);
    return k;
  };
  for (int round = 0; round < 40; ++round) {
    app->write([&](WriteTxn& txn) {
      for (int i = 0; i < 30; ++i) {
        const std::string k = key();
        if (random() % 3 == 0) {
          EXPECT_EQ(txn.del(k), model.erase(k) > 0);
        } else {
          txn.put(k, std::to_string(i));
          model[k] = std::to_string(i);
        }
      }
    });
    auto txn = app->read();
    const std::string whole = key();
    for (const std::size_t size : {0u, 1u, 300u, 495u, 496u, 510u, 511u, 512u}) {
      const std::string prefix = whole.substr(0, size);
      Pairs expected;
      for (const auto& [k, v] : model) {
        if (k.starts_with(prefix)) expected.emplace_back(k, v);
      }
      EXPECT_EQ(Scan(*txn, prefix), expected) << size;
    }
    EXPECT_EQ(txn->get(whole),
              model.contains(whole) ? std::optional<std::string_view>(model[whole]) : std::nullopt);
  }
  app->write([&](WriteTxn& txn) {
    const std::string prefix(496, 'k');
    EXPECT_EQ(txn.del_prefix(prefix),
              std::erase_if(model, [&](const auto& e) { return e.first.starts_with(prefix); }));
    EXPECT_EQ(Scan(txn, ""), Pairs(model.begin(), model.end()));
  });
}

TEST_F(StoreTest, AReadIsASnapshot) {
  auto app = Open()->app("a");
  app->write([](WriteTxn& txn) { txn.put("k", "old"); });
  auto before = app->read();
  std::thread([&] { app->write([](WriteTxn& txn) { txn.put("k", "new"); }); }).join();
  EXPECT_EQ(before->get("k"), "old");
  EXPECT_EQ(app->read()->get("k"), "new");
}

TEST_F(StoreTest, TheMapGrowsWhileReadersComeAndGo) {
  StoreSettings s = Settings();
  s.map_size = 64 << 10;
  auto app = Store::open(s)->app("a");
  std::atomic<bool> stop = false;
  std::thread reader([&] {
    while (!stop) {
      auto outer = app->read();
      auto inner = app->read();  // a second one while the writer may be waiting for the first
      EXPECT_EQ(outer->get("k").has_value() && !inner->get("k").has_value(), false);
    }
  });
  const std::string value(10'000, 'v');
  for (int i = 0; i < 300; ++i) {
    app->write([&](WriteTxn& txn) { txn.put("k" + std::to_string(i), value); });
  }
  app->write([&](WriteTxn& txn) { txn.put("large", std::string(20 << 20, 'x')); });
  stop = true;
  reader.join();
  EXPECT_EQ(app->read()->get("k299"), value);
  EXPECT_EQ(app->read()->get("large")->size(), 20u << 20);
}

TEST_F(StoreTest, WaitingForItselfIsRefused) {
  auto store = Open();
  auto app = store->app("a");
  {
    auto reading = app->read();
    EXPECT_THROW(app->write([](WriteTxn&) {}), InvalidRequest);
    EXPECT_THROW(store->close(), InvalidRequest);
  }
  EXPECT_THROW(app->write([&](WriteTxn&) { app->write([](WriteTxn&) {}); }), InvalidRequest);
  app->write([](WriteTxn& txn) { txn.put("k", "v"); });
  EXPECT_EQ(app->read()->get("k"), "v");
}

TEST_F(StoreTest, AClosedStoreCanBeOpenedAgainWhileHandlesLive) {
  auto store = Open();
  auto app = store->app("a");
  app->write([](WriteTxn& txn) { txn.put("k", "v"); });
  store->close();
  store->close();
  EXPECT_THROW(app->read(), StateError);
  EXPECT_THROW(app->write([](WriteTxn&) {}), StateError);
  EXPECT_THROW(store->app_names(), StateError);
  EXPECT_EQ(Open()->app("a")->read()->get("k"), "v");
}

TEST_F(StoreTest, CloseWaitsForReadsInFlight) {
  auto store = Open();
  auto app = store->app("a");
  app->write([](WriteTxn& txn) { txn.put("k", "v"); });
  std::atomic<bool> reading = false, closed = false;
  std::thread reader([&] {
    auto txn = app->read();
    reading = true;
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
    EXPECT_FALSE(closed);
    EXPECT_EQ(txn->get("k"), "v");
  });
  while (!reading) std::this_thread::yield();
  store->close();
  closed = true;
  reader.join();
}

TEST_F(StoreTest, TheLastHandleMayDieOnTheWriterThread) {
  auto app = Open()->app("a");
  std::atomic<bool> ran = false;
  auto* raw = app.get();
  raw->write_async([app = std::move(app)](WriteTxn& txn) { txn.put("k", "v"); },
                   [&](std::exception_ptr) { ran = true; });
  while (!ran) std::this_thread::yield();
  for (;;) {  // the lock goes with the writer thread
    try {
      EXPECT_EQ(Open()->app("a")->read()->get("k"), "v");
      break;
    } catch (const StateBusyError&) {
      std::this_thread::yield();
    }
  }
}

TEST_F(StoreTest, ASecondOpenSaysWhoHasTheStoreAndSinceWhen) {
  auto store = Open();
  EXPECT_THROW(Open(), StateBusyError);
  const std::string why = WhyNot();
  EXPECT_THAT(why, HasSubstr("process " + std::to_string(getpid()) + " ("));
  EXPECT_THAT(why, HasSubstr(" since 20"));
  EXPECT_THAT(why, HasSubstr(Settings().path));
}

TEST_F(StoreTest, SettingsOutOfRuleAreRefused) {
  StoreSettings s = Settings();
  s.max_dbs = 0;
  EXPECT_THROW(Store::open(s), InvalidRequest);
  s = Settings();
  s.map_size = 0;
  EXPECT_THROW(Store::open(s), InvalidRequest);
  s = Settings();
  s.path = "";
  EXPECT_THROW(Store::open(s), InvalidRequest);
}

TEST_F(StoreTest, AFileInPlaceOfTheDirectoryIsNamed) {
  std::ofstream(Settings().path) << "text";
  EXPECT_THAT(WhyNot(), HasSubstr(Settings().path));
  EXPECT_THAT(WhyNot(), HasSubstr("file"));
}

void MakeForeign(const std::string& folder, std::string_view key, std::string_view value) {
  ASSERT_TRUE(cocozvec::CreateDirectories(cocozvec::PosixFileSystem(), folder).ok());
  MDB_env* env = nullptr;
  MDB_txn* txn = nullptr;
  MDB_dbi dbi = 0;
  MDB_val k{key.size(), const_cast<char*>(key.data())}, v{value.size(), const_cast<char*>(value.data())};
  ASSERT_EQ(mdb_env_create(&env), 0);
  ASSERT_EQ(mdb_env_open(env, folder.c_str(), 0, 0600), 0);
  ASSERT_EQ(mdb_txn_begin(env, nullptr, 0, &txn), 0);
  ASSERT_EQ(mdb_dbi_open(txn, nullptr, 0, &dbi), 0);
  ASSERT_EQ(mdb_put(txn, dbi, &k, &v, 0), 0);
  ASSERT_EQ(mdb_txn_commit(txn), 0);
  mdb_env_close(env);
}

std::vector<std::string> Names(const std::string& folder) {
  std::vector<std::string> names;
  for (const auto& entry : cocozvec::PosixFileSystem().List(folder).value()) names.push_back(entry.name);
  return names;
}

TEST_F(StoreTest, AnotherProgramsEnvironmentIsRefusedAndLeftAlone) {
  MakeForeign(Settings().path + "/mdb", "their key", "their value");
  EXPECT_THAT(WhyNot(), HasSubstr("another program"));
  EXPECT_THAT(Names(Settings().path), ElementsAre("mdb"));
}

TEST_F(StoreTest, AnotherProgramsEnvironmentInTheDirectoryItselfIsRefused) {
  MakeForeign(Settings().path, "their key", "their value");
  EXPECT_THAT(WhyNot(), HasSubstr("another program"));
  EXPECT_THAT(Names(Settings().path), ElementsAre("data.mdb", "lock.mdb"));
}

TEST_F(StoreTest, ANewerFormatIsRefusedWithBothNumbers) {
  StoreRecord newer;
  newer.format = 7;
  MakeForeign(Settings().path + "/mdb", kStoreRecordKey, EncodeStoreRecord(newer));
  EXPECT_THAT(WhyNot(), HasSubstr("format 7"));
  EXPECT_THAT(WhyNot(), HasSubstr("format 1"));
}

TEST_F(StoreTest, AnUnfinishedCreationIsMadeAnew) {
  ASSERT_TRUE(cocozvec::CreateDirectories(cocozvec::PosixFileSystem(), Settings().path + "/mdb.new").ok());
  std::ofstream(Settings().path + "/mdb.new/data.mdb") << "half";
  Open()->app("a")->write([](WriteTxn& txn) { txn.put("k", "v"); });
  EXPECT_THAT(Names(Settings().path), ElementsAre("LOCK", "mdb"));
}

}  // namespace
}  // namespace cocoindex
