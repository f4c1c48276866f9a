// Forked children: an inherited handle is refused and harms nobody, a lock lives as long as its owner, not as
// long as the owner's children.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <atomic>
#include <functional>
#include <thread>

#include "zvec/collection/testing/test_docs.h"

namespace zvec::inline v0::testing_docs {
namespace {

using Handle = std::shared_ptr<Collection>;

/// What `body` returns in a child process; -1 when the child did not come to its end.
int InChild(const std::function<int()>& body) {
  const pid_t pid = fork();
  if (pid == 0) {
    alarm(20);  // a child that waits for a mutex nobody holds any more
    _exit(body());
  }
  int status = 0;
  if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status)) return -1;
  return WEXITSTATUS(status);
}

bool Refused(const Status& status) {
  return status.code() == StatusCode::kFailedPrecondition &&
         status.message().find("forked") != std::string::npos;
}

class Fork : public ::testing::Test {
 protected:
  TempPlace place_;
  const std::string path_ = place_.path("c");
  Handle collection_ = Collection::Create(path_, NoteSchema(), place_.options()).value();
};

TEST_F(Fork, TheChildGetsAnErrorFromEveryOperation) {
  ASSERT_TRUE(collection_->Upsert(std::vector{Note("a", "1")}).ok());
  auto& c = *collection_;
  const int failed = InChild([&] {
    const std::vector<std::string> ids = {"a"};
    const std::vector<Status> all = {c.Insert(std::vector{Note("b", "2")}).status(),
                                     c.Upsert(std::vector{Note("b", "2")}).status(),
                                     c.Update(std::vector{Note("a", "2")}).status(),
                                     c.Delete(ids).status(),
                                     c.Apply(std::vector{Note("b", "2")}, ids).status(),
                                     c.DeleteByFilter("size = 1").status(),
                                     c.Fetch(ids).status(),
                                     c.Query({.field = "v", .vector = std::vector<float>{1, 1, 1}}).status(),
                                     c.Scan({}).status(),
                                     c.Iterate().status(),
                                     c.Flush(),
                                     c.Optimize(),
                                     c.SetMark("m"),
                                     c.Close()};
    for (std::size_t i = 0; i < all.size(); ++i)
      if (!Refused(all[i])) return static_cast<int>(i) + 1;
    return c.Stats().doc_count == 0 ? 0 : 100;
  });
  EXPECT_EQ(failed, 0);
  EXPECT_EQ(AllIds(c), std::vector<std::string>{"a"});
}

TEST_F(Fork, AChildThatDestroysItsCopyChangesNoFile) {
  ASSERT_TRUE(collection_->Upsert(std::vector{Note("a", "1")}).ok());
  const auto before = place_.FileSizes();
  EXPECT_EQ(InChild([&] { return collection_.reset(), 0; }), 0);
  EXPECT_EQ(place_.FileSizes(), before);
  ASSERT_TRUE(collection_->Upsert(std::vector{Note("b", "2")}).ok());
  ASSERT_TRUE(collection_->Close().ok());
  EXPECT_EQ(AllIds(*Collection::Open(path_).value()), (std::vector<std::string>{"a", "b"}));
}

// Guards: a child that destroyed its copy waited for threads that only the parent has.
TEST_F(Fork, AChildDestroysItsCopyOfAHandleThatHasQueryThreads) {
  ASSERT_TRUE(collection_->Upsert(std::vector{Note("a", "1")}).ok());
  const std::vector<float> queries = {1, 1, 1, 2, 2, 2};
  const BatchQuery batch{.field = "v", .vectors = std::span<const float>(queries)};
  ASSERT_TRUE(collection_->QueryBatch(batch).ok());
  EXPECT_EQ(InChild([&] {
              const bool refused = Refused(collection_->QueryBatch(batch).status());
              return collection_.reset(), refused ? 0 : 1;
            }),
            0);
  EXPECT_TRUE(collection_->QueryBatch(batch).ok());
}

TEST_F(Fork, TheParentKeepsItsLockWhenAChildEnds) {
  EXPECT_EQ(InChild([&] { return collection_.reset(), 0; }), 0);
  const auto other =
      InChild([&] { return Collection::Open(path_).status().code() == StatusCode::kBusy ? 0 : 1; });
  EXPECT_EQ(other, 0);
  EXPECT_TRUE(collection_->Upsert(std::vector{Note("a", "1")}).ok());
}

// Guards: a child that lives on kept the lock of its dead parent through the inherited descriptor.
TEST_F(Fork, TheLockEndsWithItsOwnerAlthoughAChildLivesOn) {
  int to_child[2], to_parent[2];
  ASSERT_EQ(pipe(to_child), 0);
  ASSERT_EQ(pipe(to_parent), 0);
  const pid_t child = fork();
  if (child == 0) {
    close(to_child[1]);
    char byte = 0;
    alarm(20);
    (void)!write(to_parent[1], &byte, 1);
    (void)!read(to_child[0], &byte, 1);  // until the parent lets go
    _exit(0);
  }
  char byte = 0;
  ASSERT_EQ(read(to_parent[0], &byte, 1), 1);
  collection_.reset();
  EXPECT_TRUE(Collection::Open(path_).ok());
  close(to_child[1]);
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  for (const int fd : {to_child[0], to_parent[0], to_parent[1]}) close(fd);
}

TEST_F(Fork, AChildOpensForItselfWhenTheParentHasClosed) {
  // The parent's handle is alive when it forks: what the child remembers of it must not stand in its way.
  int go[2];
  ASSERT_EQ(pipe(go), 0);
  const pid_t child = fork();
  if (child == 0) {
    close(go[1]);
    alarm(20);
    char byte = 0;
    (void)!read(go[0], &byte, 1);
    const Handle inherited = std::move(collection_);
    auto mine = Collection::Open(path_);
    if (!mine.ok()) _exit(1);
    if (!(*mine)->Upsert(std::vector{Note("child", "1")}).ok()) _exit(2);
    if (Collection::Open(path_).status().code() != StatusCode::kBusy) _exit(3);
    _exit((*mine)->Close().ok() ? 0 : 4);
  }
  ASSERT_TRUE(collection_->Upsert(std::vector{Note("parent", "1")}).ok());
  ASSERT_TRUE(collection_->Close().ok());
  close(go[1]);
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  close(go[0]);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(AllIds(*Collection::Open(path_).value()), (std::vector<std::string>{"parent", "child"}));
}

#if !defined(__SANITIZE_THREAD__)  // it does not know forks beside running threads
TEST_F(Fork, ForksBesideWritersLoseNothingAndHangNowhere) {
  std::atomic<bool> stop = false;
  std::atomic<int> written = 0;
  std::thread writer([&] {
    for (int i = 0; !stop; ++i) {
      ASSERT_TRUE(collection_->Upsert(std::vector{Note("id" + std::to_string(i), "x")}).ok());
      written = i + 1;
    }
  });
  for (int i = 0; i < 30; ++i) {
    EXPECT_EQ(InChild([&] {
                const bool refused = Refused(collection_->Fetch(std::vector<std::string>{"id0"}).status()) &&
                                     Refused(collection_->Flush());
                collection_.reset();
                return refused ? 0 : 1;
              }),
              0);
  }
  stop = true;
  writer.join();
  ASSERT_TRUE(collection_->Close().ok());
  EXPECT_EQ(AllIds(*Collection::Open(path_).value()).size(), static_cast<std::size_t>(written));
}
#endif

}  // namespace
}  // namespace zvec::inline v0::testing_docs
