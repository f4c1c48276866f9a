// Places that refuse: no permission, nothing may be written, no descriptor left, a full disk, files of
// others. Each answers with the right code and names the file; reads go on, other collections are unaffected.
// On real files: what needs root or a mount is shown as skipped elsewhere.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>

#include "zvec/collection/testing/test_docs.h"
#include "zvec/storage/file_names.h"

namespace zvec::inline v0 {
namespace {

using cocozvec::JoinPath;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing_docs::AllIds;
using testing_docs::Note;
using testing_docs::NoteSchema;
using testing_docs::TempPlace;

constexpr uid_t kNobody = 65534;

/// Runs in a child, so that what it does to the process ends with it. 77: it could not do what it needs.
void InChild(const std::function<int()>& body) {
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    int result = body();
    if (result == 0 && ::testing::Test::HasFailure()) result = 1;
    _exit(result);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status)) << "the child died of signal " << WTERMSIG(status);
  if (WEXITSTATUS(status) == 77) GTEST_SKIP() << "needs root, and mounts";
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

bool BecomeNobody() { return geteuid() != 0 || setuid(kNobody) == 0; }

void ExpectRefused(const Status& status, StatusCode code, const std::string& file) {
  EXPECT_EQ(status.code(), code) << status.ToString();
  EXPECT_THAT(std::string(status.message()), HasSubstr(file));
}

class BadPlaceTest : public ::testing::Test {
 protected:
  BadPlaceTest() { chmod(place_.root().c_str(), 0755); }
  std::shared_ptr<Collection> Create(const std::string& path) {
    auto collection = Collection::Create(path, NoteSchema()).value();
    EXPECT_TRUE(collection->Insert(std::vector{Note("a", "1")}).ok());
    return collection;
  }
  CollectionOptions read_only_ = [] {
    CollectionOptions options;
    options.read_only = true;
    return options;
  }();
  TempPlace place_;
  const std::string path_ = place_.path("c");
};

TEST_F(BadPlaceTest, WithoutPermissionNothingIsSeenAndNothingMade) {
  Create(path_).reset();
  chmod(path_.c_str(), 0700);
  InChild([&] {
    if (geteuid() != 0 || !BecomeNobody()) return 77;
    ExpectRefused(Collection::Open(path_).status(), StatusCode::kPermissionDenied, path_);
    ExpectRefused(Collection::Open(path_, read_only_).status(), StatusCode::kPermissionDenied, path_);
    ExpectRefused(Collection::Destroy(path_), StatusCode::kPermissionDenied, path_);
    ExpectRefused(Collection::Create(place_.path("new"), NoteSchema()).status(),
                  StatusCode::kPermissionDenied, place_.root());
    EXPECT_FALSE(Collection::Exists(path_));
    return 0;
  });
  EXPECT_THAT(AllIds(*Collection::Open(path_).value()), ElementsAre("a"));
}

TEST_F(BadPlaceTest, WhereOnlyReadingIsAllowedReadersWorkAndWritersAreToldWhichFile) {
  Create(path_).reset();
  chmod(path_.c_str(), 0755);
  for (const auto& [name, size] : place_.FileSizes()) chmod(JoinPath(path_, name).c_str(), 0644);
  InChild([&] {
    if (geteuid() != 0 || !BecomeNobody()) return 77;
    ExpectRefused(Collection::Open(path_).status(), StatusCode::kPermissionDenied, JoinPath(path_, "LOCK"));
    const auto reader = Collection::Open(path_, read_only_).value();
    EXPECT_THAT(AllIds(*reader), ElementsAre("a"));
    EXPECT_EQ(reader->Refresh().value(), false);
    return 0;
  });
}

// Guards: a reader that may not read LOCK, which is made for its owner only, could not open.
TEST_F(BadPlaceTest, WhoMayReadAllButTheLockReadsAndFollows) {
  Create(path_).reset();
  chmod(path_.c_str(), 0755);
  for (const auto& [name, size] : place_.FileSizes())
    chmod(JoinPath(path_, name).c_str(), name == kLockName ? 0000 : 0644);
  int opened[2], written[2];
  ASSERT_EQ(pipe(opened), 0);
  ASSERT_EQ(pipe(written), 0);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    if (geteuid() != 0 || !BecomeNobody()) _exit(77);
    const auto reader = Collection::Open(path_, read_only_);
    if (!reader.ok()) _exit(2);
    if (AllIds(**reader) != std::vector<std::string>{"a"}) _exit(3);
    char byte = 'o';
    (void)!write(opened[1], &byte, 1);
    close(written[1]);
    (void)!read(written[0], &byte, 1);  // until the parent has written
    if (!(*reader)->Refresh().value_or(false)) _exit(4);
    _exit(AllIds(**reader).size() == 2 ? 0 : 5);
  }
  char byte = 0;
  close(opened[1]);
  (void)!read(opened[0], &byte, 1);  // nothing comes where it has ended
  EXPECT_TRUE(Collection::Open(path_).value()->Insert(std::vector{Note("b", "2")}).ok());
  for (const int end : {opened[0], written[0], written[1]}) close(end);
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  if (WEXITSTATUS(status) == 77) GTEST_SKIP() << "needs root";
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST_F(BadPlaceTest, OnAReadOnlyMountReadersWorkAndWritersAreToldWhichFile) {
  InChild([&] {
    if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        mount("none", place_.root().c_str(), "tmpfs", 0, "size=4m") != 0)
      return 77;
    Create(path_).reset();
    if (mount("none", place_.root().c_str(), nullptr, MS_REMOUNT | MS_RDONLY, "size=4m") != 0) return 77;
    ExpectRefused(Collection::Open(path_).status(), StatusCode::kPermissionDenied, JoinPath(path_, "LOCK"));
    ExpectRefused(Collection::Create(place_.path("d"), NoteSchema()).status(), StatusCode::kPermissionDenied,
                  place_.root());
    ExpectRefused(Collection::Destroy(path_), StatusCode::kPermissionDenied, path_);
    EXPECT_THAT(AllIds(*Collection::Open(path_, read_only_).value()), ElementsAre("a"));
    return 0;
  });
}

TEST_F(BadPlaceTest, OnAReadOnlyMountOfAPlaceThatIsWrittenElsewhereReadersFollowAndPin) {
  const std::string written = place_.path("written"), seen = place_.path("seen");
  InChild([&] {
    if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
      return 77;
    if (mkdir(written.c_str(), 0755) != 0 || mkdir(seen.c_str(), 0755) != 0) return 77;
    if (mount(written.c_str(), seen.c_str(), nullptr, MS_BIND, nullptr) != 0 ||
        mount("none", seen.c_str(), nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY, nullptr) != 0)
      return 77;
    const auto writer = Create(JoinPath(written, "c"));
    const auto reader = Collection::Open(JoinPath(seen, "c"), read_only_).value();
    const auto pinned = JoinPath(written, "c/MANIFEST-1");
    for (const char* id : {"b", "c", "d"}) {
      EXPECT_TRUE(writer->Insert(std::vector{Note(id, id)}).ok());
      EXPECT_TRUE(writer->Optimize().ok());
    }
    EXPECT_EQ(access(pinned.c_str(), F_OK), 0);
    EXPECT_EQ(reader->WaitForChange(0).value(), true);
    EXPECT_EQ(reader->Refresh().value(), true);
    EXPECT_THAT(AllIds(*reader), ElementsAre("a", "b", "c", "d"));
    EXPECT_TRUE(writer->Optimize().ok());
    EXPECT_NE(access(pinned.c_str(), F_OK), 0);
    return 0;
  });
}

TEST_F(BadPlaceTest, WithoutADescriptorLeftOpenSaysSoAndWhatIsOpenGoesOn) {
  Create(path_).reset();
  CollectionOptions small;
  small.seal_bytes = 3000;
  auto open = Collection::Create(place_.path("d"), NoteSchema(), small).value();
  InChild([&] {
    auto mine = Collection::Open(path_).value();
    auto other = Collection::Create(place_.path("e"), NoteSchema(), small).value();
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    std::vector<int> taken;
    limit.rlim_cur = 256;
    setrlimit(RLIMIT_NOFILE, &limit);
    for (int fd; (fd = dup(2)) >= 0;) taken.push_back(fd);
    ExpectRefused(Collection::Open(path_, read_only_).status(), StatusCode::kResourceExhausted, path_);
    ExpectRefused(Collection::Create(place_.path("f"), NoteSchema()).status(), StatusCode::kResourceExhausted,
                  cocozvec::ParentPath(place_.root()));
    EXPECT_THAT(AllIds(*mine), ElementsAre("a"));
    EXPECT_TRUE(mine->Insert(std::vector{Note("b", "2")}).ok());
    // A seal needs new files: it waits, and the write is in the log.
    EXPECT_TRUE(other->Insert(std::vector{Note("large", std::string(4000, 'x'))}).ok());
    EXPECT_EQ(other->Stats().sealed_segments, 0u);
    ExpectRefused(other->Optimize(), StatusCode::kResourceExhausted, place_.path("e"));
    for (const int fd : taken) close(fd);
    EXPECT_TRUE(other->Optimize().ok());
    EXPECT_EQ(other->Stats().sealed_segments, 1u);
    EXPECT_TRUE(mine->Close().ok() && other->Close().ok());
    return 0;
  });
  EXPECT_THAT(AllIds(*Collection::Open(path_).value()), ElementsAre("a", "b"));
  EXPECT_THAT(AllIds(*Collection::Open(place_.path("e")).value()), ElementsAre("large"));
}

TEST_F(BadPlaceTest, AFullDiskRefusesWritesNamesTheFileAndKeepsEverythingReadable) {
  InChild([&] {
    if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
      return 77;
    const std::string full = place_.path("full");
    if (mkdir(full.c_str(), 0755) != 0 || mount("none", full.c_str(), "tmpfs", 0, "size=1m") != 0) return 77;
    const std::string path = JoinPath(full, "c");
    CollectionOptions options;
    options.seal_bytes = 100'000;
    options.maintenance = Maintenance::kManual;  // a merge that ends would make room between two calls
    auto elsewhere = Create(path_);
    auto collection = Collection::Create(path, NoteSchema(), options).value();
    const auto follower = Collection::Open(path, read_only_).value();
    Status refused;
    int written = 0;
    for (; refused.ok() && written < 10'000; written += refused.ok())
      refused = collection->Insert(std::vector{Note("k" + std::to_string(written), std::string(2000, 'x'))})
                    .status();
    ExpectRefused(refused, StatusCode::kResourceExhausted, JoinPath(path, "log-"));
    ExpectRefused(Collection::Create(JoinPath(full, "d"), NoteSchema()).status(),
                  StatusCode::kResourceExhausted, full);
    const auto count = [](const Collection& c) { return static_cast<int>(AllIds(c).size()); };
    EXPECT_EQ(count(*collection), written);
    EXPECT_EQ(count(*Collection::Open(path, read_only_).value()), written);
    EXPECT_EQ(follower->Refresh().value(), true);
    EXPECT_EQ(count(*follower), written);
    EXPECT_TRUE(elsewhere->Insert(std::vector{Note("b", "2")}).ok());
    EXPECT_TRUE(collection->Close().ok());
    // Opening needs no room, and neither does giving some back.
    collection = Collection::Open(path, options).value();
    EXPECT_EQ(count(*collection), written);
    collection.reset();
    if (mount("none", full.c_str(), nullptr, MS_REMOUNT, "size=8m") != 0) return 77;
    collection = Collection::Open(path, options).value();
    EXPECT_TRUE(collection->Insert(std::vector{Note("more", "1")}).ok());
    EXPECT_EQ(count(*collection), written + 1);
    return 0;
  });
}

TEST_F(BadPlaceTest, AFileOfAnotherProgramUnderANameOfOursIsNamed) {
  CollectionOptions options;
  options.seal_bytes = 300;
  options.maintenance = Maintenance::kManual;  // a rewrite would make other files, and the newest ones older
  auto collection = Collection::Create(path_, NoteSchema(), options).value();
  ASSERT_TRUE(collection->Insert(std::vector{Note("a", std::string(400, 'x'))}).ok());
  ASSERT_TRUE(collection->Delete(std::vector<std::string>{"a"}).ok());
  ASSERT_TRUE(collection->Close().ok());
  collection.reset();
  for (const auto& [name, size] : place_.FileSizes()) {
    if (name == kLockName || name == "MANIFEST-1") continue;  // the older generation is not looked at
    if (name.starts_with("index-") || name == "log-1") continue;
    const std::string path = JoinPath(path_, name);
    const std::string bytes = cocozvec::ReadFile(place_.fs(), path, size).value();
    ASSERT_TRUE(cocozvec::WriteFileAtomically(place_.fs(), path, std::string(size, 'z')).ok());
    ExpectRefused(Collection::Open(path_).status(), StatusCode::kDataLoss, path);
    ASSERT_TRUE(cocozvec::WriteFileAtomically(place_.fs(), path, bytes).ok());
  }
  EXPECT_TRUE(Collection::Open(path_).ok());
}

}  // namespace
}  // namespace zvec::inline v0
