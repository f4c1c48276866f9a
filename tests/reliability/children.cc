#include "children.h"

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/fault.h"

namespace reliability {
namespace {

/// Shared by parent and child.
struct Board {
  volatile std::uint64_t now = 0;
  int pipe[2] = {-1, -1};
};

/// One line per case: counted, a tab, the problem.
void Report(int fd, const Outcome& outcome) {
  std::string line = outcome.counted + "\t" + outcome.problem;
  for (char& c : line)
    if (c == '\n') c = ' ';
  line += '\n';
  (void)!write(fd, line.data(), line.size());
}

/// How many cases it reports.
std::uint64_t Take(std::string& text, Tally& tally) {
  std::uint64_t cases = 0;
  for (std::size_t end; (end = text.find('\n')) != std::string::npos; text.erase(0, end + 1)) {
    const std::string line = text.substr(0, end);
    const std::size_t tab = line.find('\t');
    ++cases;
    if (tab != 0) tally.Count(line.substr(0, tab));
    if (tab + 1 < line.size()) tally.Violation(line.substr(tab + 1));
  }
  return cases;
}

[[noreturn]] void Child(Board& board, std::uint64_t from, std::uint64_t end,
                        const std::function<Outcome(std::uint64_t)>& body) {
  for (std::uint64_t i = from; i < end; ++i) {
    board.now = i;
    alarm(10);
    if (cocozvec::FaultPlanted("lose_cases") && i + 1 == end) break;
    Report(board.pipe[1], body(i));
  }
  _exit(0);
}

}  // namespace

void RunInChildren(std::uint64_t from, std::uint64_t count, Tally& tally,
                   const std::function<Outcome(std::uint64_t)>& body) {
  void* shared = mmap(nullptr, sizeof(Board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) return tally.Violation("no memory for the board");
  Board& board = *new (shared) Board;
  std::uint64_t judged = 0, died = 0;
  for (std::uint64_t next = from; next < from + count;) {
    if (pipe(board.pipe) != 0) return tally.Violation("no pipe");
    board.now = next;
    const pid_t pid = cocozvec::FaultPlanted("fail_fork") ? -1 : fork();
    if (pid < 0) {
      tally.Violation(std::string("fork: ") + strerror(errno));
      break;
    }
    if (pid == 0) Child(board, next, from + count, body);
    close(board.pipe[1]);
    std::string text;
    char buffer[4096];
    for (ssize_t n; (n = read(board.pipe[0], buffer, sizeof(buffer))) > 0;) {
      text.append(buffer, static_cast<std::size_t>(n));
      judged += Take(text, tally);
    }
    close(board.pipe[0]);
    int status = 0;
    (void)waitpid(pid, &status, 0);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) break;
    tally.Violation("case " + std::to_string(board.now) + ": " +
                    (WIFSIGNALED(status)
                         ? WTERMSIG(status) == SIGALRM ? "it hangs" : strsignal(WTERMSIG(status))
                         : "it exits"));
    ++died;
    next = board.now + 1;
    if (tally.violations() > 50) break;
  }
  tally.Count("cases", judged);
  if (judged + died != count && tally.violations() <= 50)
    tally.Violation(std::to_string(judged) + " cases are judged and " + std::to_string(died) + " died, of " +
                    std::to_string(count));
  munmap(shared, sizeof(Board));
}

}  // namespace reliability
