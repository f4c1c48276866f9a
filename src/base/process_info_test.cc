#include "base/process_info.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

namespace cocozvec {
namespace {

TEST(ProcessInfo, OwnProcessLivesAndSaysSince) {
  const ProcessInfo own = OwnProcess();
  EXPECT_EQ(own.pid, ::getpid());
  EXPECT_EQ(own.started.size(), std::string_view("2026-11-23T04:37:12Z").size()) << own.started;
  EXPECT_EQ(own.ToString(), "process " + std::to_string(own.pid) + ", started " + own.started);
  EXPECT_EQ(FindProcess(own.pid)->started, own.started);
  EXPECT_TRUE(LivesStill(own));
}

TEST(ProcessInfo, SameNumberWithAnotherStartIsAnotherProcess) {
  ProcessInfo own = OwnProcess();
  own.started = "1999-12-31T23:59:59Z";
  EXPECT_FALSE(LivesStill(own));
  own.started.clear();
  EXPECT_TRUE(LivesStill(own));
}

TEST(ProcessInfo, DeadAndZombieProcessesDoNotLive) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  ASSERT_GT(child, 0);
  siginfo_t info;
  ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT), 0);
  EXPECT_FALSE(FindProcess(child));  // a zombie still
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  EXPECT_FALSE(FindProcess(child));
  for (std::int64_t pid : {std::int64_t{0}, std::int64_t{-1}, std::int64_t{1} << 40})
    EXPECT_FALSE(FindProcess(pid));
}

}  // namespace
}  // namespace cocozvec
