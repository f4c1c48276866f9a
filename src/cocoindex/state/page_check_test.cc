#include "cocoindex/state/page_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <map>
#include <random>
#include <span>
#include <thread>

#include "cocoindex/state/store.h"
#include "cocoindex/state/test_dir.h"

namespace cocoindex {
namespace {

using ::testing::HasSubstr;

std::string ReadAll(const std::string& path) {
  return cocozvec::ReadFile(cocozvec::PosixFileSystem(), path, 1 << 30).value();
}

void WriteAll(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

PageCheckResult Check(const std::string& bytes) { return CheckPages(std::as_bytes(std::span(bytes))); }

using Model = std::map<std::string, std::string>;

class PageCheckTest : public ::testing::Test {
 protected:
  std::string File() const { return dir_ / "store/mdb/data.mdb"; }
  std::shared_ptr<Store> Open() const {
    StoreSettings s;
    s.path = dir_ / "store";
    s.map_size = 256 << 20;
    s.durable = false;
    return Store::open(s);
  }
  /// Puts and deletes of all sizes, in one transaction.
  void Change(AppDb& app, Model& model, int count) {
    app.write([&](WriteTxn& txn) {
      for (int i = 0; i < count; ++i) {
        std::string key(1 + random_() % 40, 'k');
        if (random_() % 20 == 0) key.resize(600 + random_() % 3, 'l');
        key += std::to_string(random_() % 300);
        if (random_() % 3 == 0) {
          txn.del(key);
          model.erase(key);
        } else {
          const std::size_t size = random_() % 10 == 0 ? random_() % 20'000 : random_() % 200;
          model[key] = std::string(size, static_cast<char>('a' + i % 26));
          txn.put(key, model[key]);
        }
      }
    });
  }
  static Model Contents(AppDb& app) {
    Model model;
    app.read()->scan("", [&](std::string_view k, std::string_view v) { return model.emplace(k, v).second; });
    return model;
  }
  TestDir dir_;
  std::mt19937 random_{3u + static_cast<unsigned>(::testing::UnitTest::GetInstance()->random_seed())};
};

// What LMDB writes must never be taken for damage.
TEST_F(PageCheckTest, EveryStateThatCommitsLeaveIsSound) {
  auto store = Open();
  auto a = store->app("a"), b = store->app("b");
  Model model_a, model_b;
  for (int round = 0; round < 60; ++round) {
    std::shared_ptr<ReadTxn> pinned =
        random_() % 3 == 0 ? a->read() : nullptr;  // keeps pages from being reused
    std::thread([&] {
      Change(*a, model_a, 1 + static_cast<int>(random_() % 60));
      if (random_() % 4 == 0) Change(*b, model_b, 200);
      if (random_() % 20 == 0) {
        store->drop_app("b");
        model_b.clear();
      }
      if (random_() % 30 == 0) {
        a->write([](WriteTxn& txn) { txn.del_prefix(""); });
        model_a.clear();
      }
    }).join();
    const PageCheckResult result = Check(ReadAll(File()));
    ASSERT_EQ(result.damage, std::nullopt) << round;
    EXPECT_TRUE(result.has_record);
  }
  EXPECT_EQ(Contents(*a), model_a);
  EXPECT_EQ(Contents(*b), model_b);
}

// A changed bit is reported, or it changed nothing that counts; it is never believed and never a crash.
TEST_F(PageCheckTest, AnyChangedByteIsReportedOrHarmless) {
  Model model;
  {
    auto app = Open()->app("a");
    for (int i = 0; i < 12; ++i) Change(*app, model, 25);
  }
  const std::string sound = ReadAll(File());
  int reported = 0, harmless = 0;
  const int tries = 200;
  for (int i = 0; i < tries; ++i) {
    std::string bytes = sound;
    // Half of the tries in the first 200 bytes of a page, where its structure is.
    const std::size_t page = random_() % (bytes.size() / 4096) * 4096;
    const std::size_t at = page + random_() % (i % 2 == 0 ? 200 : 4096);
    bytes[at] = static_cast<char>(bytes[at] ^ (1 << random_() % 8));
    WriteAll(File(), bytes);
    try {
      auto store = Open();
      auto app = store->app("a");
      ASSERT_EQ(Contents(*app), model) << "byte " << at;
      app->write([](WriteTxn& txn) { txn.put("another", std::string(5000, 'x')); });
      Model with_another = model;
      with_another["another"] = std::string(5000, 'x');
      ASSERT_EQ(Contents(*app), with_another) << "byte " << at;
      ++harmless;
    } catch (const StateError& e) {
      EXPECT_THAT(e.what(), HasSubstr(dir_ / "store"));
      ++reported;
    }
  }
  EXPECT_EQ(reported + harmless, tries);
  EXPECT_GT(reported, tries / 10);
}

TEST_F(PageCheckTest, AFileCutShortIsReported) {
  {
    Model model;
    Change(*Open()->app("a"), model, 200);
  }
  const std::string sound = ReadAll(File());
  for (std::size_t size = 0; size < sound.size(); size += 1024) {
    WriteAll(File(), sound.substr(0, size));
    EXPECT_THROW(Open(), StateError) << size;
  }
}

/// Of both meta pages; LMDB goes by that of the newest transaction.
constexpr std::size_t kLastPageAt[] = {136, 4096 + 136};

std::uint64_t LastPage(const std::string& bytes) {
  std::uint64_t most = 0;
  for (const std::size_t at : kLastPageAt) {
    std::uint64_t page = 0;
    std::memcpy(&page, bytes.data() + at, sizeof(page));
    most = std::max(most, page);
  }
  return most;
}

// The file may be shorter than its last page: what one transaction takes and gives back is never written.
TEST_F(PageCheckTest, PagesThatWereTakenAndGivenBackAtOnceAreSound) {
  auto app = Open()->app("a");
  Model model;
  int shorter = 0;
  for (int round = 0; round < 40; ++round) {
    Change(*app, model, 1 + static_cast<int>(random_() % 60));
    app->write([&](WriteTxn& txn) {
      for (int i = 0; i < 300; ++i)
        txn.put("passing" + std::to_string(i), std::string(random_() % 30'000, 'p'));
      txn.del_prefix("passing");
    });
    const std::string bytes = ReadAll(File());
    ASSERT_EQ(Check(bytes).damage, std::nullopt) << round;
    if ((LastPage(bytes) + 1) * 4096 > bytes.size()) ++shorter;
  }
  EXPECT_GT(shorter, 0);
}

// Guards: any last page was believed; LMDB maps as much and puts new pages behind it.
TEST_F(PageCheckTest, ALastPageBehindTheEndIsReported) {
  {
    Model model;
    Change(*Open()->app("a"), model, 60);
  }
  const std::string sound = ReadAll(File());
  const std::uint64_t last = LastPage(sound);
  for (const std::uint64_t wrong : {last + 1, last + 1000, std::uint64_t{1} << 30, std::uint64_t{1} << 48}) {
    std::string bytes = sound;
    for (const std::size_t at : kLastPageAt) std::memcpy(bytes.data() + at, &wrong, sizeof(wrong));
    EXPECT_THAT(Check(bytes).damage.value_or("sound"), HasSubstr("last page " + std::to_string(wrong)));
    WriteAll(File(), bytes);
    EXPECT_THROW(Open(), StateError) << wrong;
  }
}

// Guards: free pages behind the end were only counted; LMDB aborts when it is given one twice.
TEST_F(PageCheckTest, AFreePageBehindTheEndThatIsListedTwiceIsReported) {
  {
    auto app = Open()->app("a");
    const auto pass = [&](int count, std::size_t size) {
      app->write([&](WriteTxn& txn) {
        for (int i = 0; i < count; ++i) txn.put("passing" + std::to_string(i), std::string(size, 'p'));
        txn.del_prefix("passing");
      });
    };
    pass(1, 20'000);
    pass(1, 20'000);
    const auto pinned = app->read();  // so that the later transactions reuse nothing of the earlier ones
    std::thread([&] {
      pass(3, 70'000);
      pass(3, 70'000);
    }).join();
  }
  std::string sound = ReadAll(File());
  ASSERT_EQ(Check(sound).damage, std::nullopt);
  const std::uint64_t pages = sound.size() / 4096, last = LastPage(sound);
  ASSERT_GT(last, pages);
  // One page more behind the end, and a list of free pages that names the last one instead of its first:
  // the count fits.
  std::string bytes = sound;
  const std::uint64_t more = last + 1;
  for (const std::size_t at : kLastPageAt) std::memcpy(bytes.data() + at, &more, sizeof(more));
  const auto word = [&](std::size_t at) {
    std::uint64_t value = 0;
    std::memcpy(&value, bytes.data() + at, sizeof(value));
    return value;
  };
  int twice = 0;
  for (std::size_t at = 8192; at + 24 <= bytes.size(); at += 2) {  // copies that are not current too
    const std::uint64_t count = word(at), first = word(at + 8), second = word(at + 16);
    if (count < 2 || count > 1000 || first >= pages || second >= first || second < 2) continue;
    std::string wrong = bytes;
    std::memcpy(wrong.data() + at + 8, &last, sizeof(last));
    const std::string damage = Check(wrong).damage.value_or("sound");
    EXPECT_NE(damage, "sound") << at;
    if (damage != "page " + std::to_string(last) + ": used twice") continue;
    ++twice;
    WriteAll(File(), wrong);
    EXPECT_THROW(Open(), StateError);
  }
  EXPECT_GT(twice, 0);
}

TEST_F(PageCheckTest, NoiseIsReported) {
  Open();
  for (int i = 0; i < 200; ++i) {
    std::string noise(random_() % 20'000, '\0');
    for (char& c : noise) c = static_cast<char>(random_());
    EXPECT_TRUE(Check(noise).damage.has_value());
    std::string bytes = ReadAll(File()).substr(0, 8192) + noise;  // sound meta pages, then noise
    EXPECT_TRUE(Check(bytes).damage.has_value());
  }
  WriteAll(File(), "not a database at all");
  try {
    Open();
    FAIL();
  } catch (const StateError& e) {
    EXPECT_THAT(e.what(), HasSubstr("no LMDB file"));
  }
}

}  // namespace
}  // namespace cocoindex
