// Readers beside writers: nobody sees half a call. Run under tsan.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <thread>

#include "zvec/collection/testing/test_docs.h"

namespace zvec::inline v0::testing_docs {
namespace {

using cocozvec::SimDisk;

constexpr int kGroup = 5;  // documents that are always written together, with one stamp

std::vector<Doc> Stamped(std::int64_t stamp) {
  std::vector<Doc> docs;
  for (int i = 0; i < kGroup; ++i)
    docs.push_back(Note("g" + std::to_string(i), stamp % 2 == 0 ? "even" : std::string(90, 'o'), stamp));
  return docs;
}

/// -1: they differ.
std::int64_t StampOf(const std::vector<Doc>& docs) {
  std::int64_t stamp = 0;
  for (const Doc& doc : docs) {
    const std::int64_t mine = *doc.Get<std::int64_t>("size");
    if (&doc != &docs[0] && mine != stamp) return -1;
    stamp = mine;
  }
  return stamp;
}

TEST(Concurrency, AReaderNeverSeesHalfACall) {
  SimDisk disk;
  CollectionOptions options;
  options.file_system = &disk;
  options.seal_bytes = 4000;
  auto collection = Collection::Create("c", NoteSchema(), options).value();
  ASSERT_TRUE(collection->Upsert(Stamped(0)).ok());
  std::atomic<bool> stop = false;
  std::array<std::atomic<std::uint64_t>, 3> reads{};
  std::atomic<std::uint64_t> broken = 0;
  std::vector<std::string> ids;
  for (int i = 0; i < kGroup; ++i) ids.push_back("g" + std::to_string(i));

  const auto reader = [&](int kind) {
    std::int64_t last = 0;
    while (!stop) {
      std::vector<Doc> docs;
      if (kind == 0) docs = collection->Fetch(ids).value();
      if (kind == 1) {
        for (Doc& doc : AllDocs(*collection))
          if (doc.id[0] == 'g') docs.push_back(std::move(doc));
      }
      if (kind == 2) {
        VectorQuery query{
            .field = "v", .vector = std::vector<float>{4, 1, 1}, .topk = 1000, .filter = "id like 'g%'"};
        for (Hit& hit : collection->Query(query).value().hits) docs.push_back(std::move(hit.doc));
      }
      const std::int64_t stamp = StampOf(docs);
      broken += docs.size() != kGroup || stamp < last;
      last = stamp;
      ++reads[static_cast<std::size_t>(kind)];
    }
  };
  std::vector<std::thread> threads;
  for (int kind = 0; kind < 3; ++kind) threads.emplace_back(reader, kind);
  threads.emplace_back([&] {
    for (int i = 0; !stop; ++i) {
      EXPECT_TRUE(collection->Upsert(std::vector{Note("other" + std::to_string(i % 50), "x", i)}).ok());
      EXPECT_TRUE(collection->Delete(std::vector<std::string>{"other" + std::to_string((i + 7) % 50)}).ok());
    }
  });
  // However the threads are scheduled, every reader has read beside the writers.
  const auto all_have_read = [&] { return std::ranges::all_of(reads, [](const auto& n) { return n > 10; }); };
  for (std::int64_t stamp = 1; stamp <= 300 || !all_have_read(); ++stamp) {
    EXPECT_TRUE(collection->Upsert(Stamped(stamp)).ok());
    if (stamp % 60 == 0) {
      EXPECT_TRUE(collection->Optimize().ok());
    }
    (void)collection->Stats();
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(broken, 0u);
}

TEST(Concurrency, WritersThatWaitTogetherShareASync) {
  SimDisk disk;
  CollectionOptions options;
  options.file_system = &disk;
  auto collection = Collection::Create("c", NoteSchema(), options).value();
  constexpr int kThreads = 8;
  std::atomic<int> calling = 0, syncs = 0;
  disk.OnChange([&](const cocozvec::DiskChange& change) {
    if (change.operation != cocozvec::DiskOperation::kSync) return;
    if (++syncs != 1) return;
    while (calling != kThreads)
      std::this_thread::yield();  // the first sync lasts until all others have called
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  });
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      ++calling;
      EXPECT_EQ(collection->Insert(std::vector{Note("id" + std::to_string(t), "x")}).value().applied, 1u);
    });
  }
  for (std::thread& thread : threads) thread.join();
  disk.OnChange(nullptr);
  EXPECT_LT(syncs, kThreads / 2);
  const auto later = disk.PowerCut(cocozvec::PowerCutKind::kLoseUnsynced);
  options.file_system = later.get();
  EXPECT_EQ(AllIds(*Collection::Open("c", options).value()).size(), std::size_t{kThreads});
}

TEST(Concurrency, TheSameIdIsInsertedOnce) {
  SimDisk disk;
  CollectionOptions options;
  options.file_system = &disk;
  auto collection = Collection::Create("c", NoteSchema(), options).value();
  std::atomic<int> inserted = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 100; ++i)
        inserted += static_cast<int>(
            collection->Insert(std::vector{Note("id" + std::to_string(i), "x", t)}).value().applied);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(inserted, 100);
}

TEST(Concurrency, CloseMayComeAtAnyMoment) {
  SimDisk disk;
  CollectionOptions options;
  options.file_system = &disk;
  auto collection = Collection::Create("c", NoteSchema(), options).value();
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&, t] {
      for (Status status; status.code() != StatusCode::kClosed;)
        status = t == 0 ? collection->Upsert(std::vector{Note("a", "x")}).status()
                        : (t == 1 ? collection->Fetch(std::vector<std::string>{"a"}).status()
                                  : collection->Scan({}).status());
    });
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(5));
  EXPECT_TRUE(collection->Close().ok());
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace zvec::inline v0::testing_docs
