// tests/scenario/connector/other_process.h: for tests: another process that has a collection open.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

extern char** environ;

namespace cocoindex::inline v0::connectors::zvec::testing_only {

class OtherProcess {
 public:
  /// Returns when it has answered: answer() is "open", or why not.
  explicit OtherProcess(const std::string& directory) {
    int in[2], out[2];
    if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0) return;
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in[0], 0);
    posix_spawn_file_actions_adddup2(&actions, out[1], 1);
    std::string program = COLLECTION_HOLDER, argument = directory;
    char* argv[] = {program.data(), argument.data(), nullptr};
    if (posix_spawn(&pid_, program.c_str(), &actions, nullptr, argv, environ) != 0) pid_ = -1;
    posix_spawn_file_actions_destroy(&actions);
    close(in[0]);
    close(out[1]);
    to_ = in[1];
    for (char c; read(out[0], &c, 1) == 1 && c != '\n';) answer_ += c;
    close(out[0]);
  }
  OtherProcess(const OtherProcess&) = delete;
  OtherProcess& operator=(const OtherProcess&) = delete;
  ~OtherProcess() { finish(); }

  const std::string& answer() const noexcept { return answer_; }
  pid_t pid() const noexcept { return pid_; }
  /// It closes the collection and ends.
  void finish() {
    if (pid_ <= 0) return;
    close(to_);
    int status = 0;
    waitpid(pid_, &status, 0);
    pid_ = -1;
  }

 private:
  pid_t pid_ = -1;
  int to_ = -1;
  std::string answer_;
};

}  // namespace cocoindex::inline v0::connectors::zvec::testing_only
