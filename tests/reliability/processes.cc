// T4, T5, T6, R8: locks, forks, signals, leaks, on real files.
#include <fcntl.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstring>
#include <fstream>
#include <functional>
#include <thread>

#include "harness.h"
#include "life.h"

namespace reliability {

using zvec::testing_docs::AllIds;

namespace {

using Handle = std::shared_ptr<Collection>;

/// A file descriptor pair; closed at the end.
struct Pipe {
  int ends[2] = {-1, -1};
  Pipe() {
    if (pipe2(ends, O_CLOEXEC) != 0) std::abort();
  }
  ~Pipe() {
    CloseReading();
    CloseWriting();
  }
  void CloseReading() { Close(ends[0]); }
  void CloseWriting() { Close(ends[1]); }
  bool Read(char* byte) const { return read(ends[0], byte, 1) == 1; }
  void Write(char byte) const { (void)!write(ends[1], &byte, 1); }

 private:
  static void Close(int& fd) {
    if (fd >= 0) close(fd);
    fd = -1;
  }
};

pid_t Fork(const std::function<int()>& body) {
  const pid_t pid = fork();
  if (pid != 0) return pid;
  alarm(5);  // of real time; the races and forks here take milliseconds
  _exit(body());
}

/// The exit status; -1 when a signal ended it.
int Wait(pid_t pid) {
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/// A collection in a fresh directory of the harness.
std::string FreshPath(const Settings& settings, std::uint64_t n) {
  const std::string path = settings.directory + "/c" + std::to_string(n);
  (void)cocozvec::RemoveTree(cocozvec::PosixFileSystem(), path);
  return path;
}

/// Races of two processes for one collection under three names; the winner is killed, the next open succeeds
/// at once.
void LockRace(const Settings& settings, std::uint64_t n, Tally& tally) {
  const std::string path = FreshPath(settings, n);
  const std::string link = settings.directory + "/link";
  Collection::Create(path, NoteSchema()).value().reset();
  unlink(link.c_str());
  if (symlink(path.c_str(), link.c_str()) != 0 || chdir(settings.directory.c_str()) != 0) std::abort();
  const std::string names[3] = {path, link, "./c" + std::to_string(n)};
  Pipe go, results, stay;
  pid_t racers[2];
  for (int i = 0; i < 2; ++i) {
    racers[i] = Fork([&] {
      go.CloseWriting();
      stay.CloseWriting();
      char byte = 0;
      (void)go.Read(&byte);
      const auto mine = Collection::Open(names[(n + static_cast<std::uint64_t>(i)) % 3]);
      const bool won = mine.ok();
      if (!won && mine.status().code() != StatusCode::kBusy) return results.Write('x'), 1;
      // The same process again, under another name: refused as well.
      if (won && Collection::Open(names[(n + 2) % 3]).status().code() != StatusCode::kBusy)
        return results.Write('y'), 1;
      results.Write(won ? static_cast<char>('0' + i) : 'l');
      (void)stay.Read(&byte);  // until killed or released
      return 0;
    });
  }
  go.CloseWriting();
  results.CloseWriting();
  int winners = 0, winner = -1;
  for (int i = 0; i < 2; ++i) {
    char result = '?';
    (void)results.Read(&result);
    if (result == '0' || result == '1') winner = result - '0', ++winners;
    if (result == 'x' || result == 'y' || result == '?')
      tally.Violation("race " + std::to_string(n) + ": a racer answered " + result);
  }
  if (winners != 1)
    tally.Violation("race " + std::to_string(n) + ": " + std::to_string(winners) + " winners");
  if (winner >= 0) {
    kill(racers[winner], SIGKILL);
    (void)Wait(racers[winner]);
    if (const auto next = Collection::Open(path); !next.ok())
      tally.Violation("race " + std::to_string(n) + ": a stale lock: " + next.status().ToString());
  }
  stay.CloseWriting();
  for (int i = 0; i < 2; ++i)
    if (i != winner) (void)Wait(racers[i]);
  (void)cocozvec::RemoveTree(cocozvec::PosixFileSystem(), path);
  tally.Count("races");
}

bool Refused(const Status& status) { return status.code() == StatusCode::kFailedPrecondition; }

/// A child uses, closes and destroys what it inherited; the parent goes on and loses nothing.
void ForkOnce(const Settings& settings, std::uint64_t n, Tally& tally) {
  const std::string path = FreshPath(settings, n);
  Handle parent = Collection::Create(path, NoteSchema()).value();
  const auto report = [&](const std::string& what) {
    tally.Violation("fork " + std::to_string(n) + ": " + what);
  };
  std::atomic<bool> stop = false;
  std::uint64_t written = 0;
  std::thread writer([&] {
    for (; !stop; ++written)
      if (!parent->Upsert(std::vector{Note("id" + std::to_string(written), "x")}).ok()) break;
  });
  for (int i = 0; i < 3; ++i) {
    const int result = Wait(Fork([&] {
      if (!Refused(parent->Upsert(std::vector{Note("child", "x")}).status())) return 1;
      if (!Refused(parent->Fetch(std::vector<std::string>{"id0"}).status())) return 2;
      if (!Refused(parent->Close())) return 3;
      parent.reset();
      return Collection::Open(path).status().code() == StatusCode::kBusy ? 0 : 4;
    }));
    tally.Count("children");
    if (result == 0) continue;
    report("a child ended with " + std::to_string(result));
    break;
  }
  stop = true;
  writer.join();
  // A child that outlives its parent's handle does not hold the lock.
  Pipe release;
  const pid_t child = Fork([&] {
    release.CloseWriting();
    char byte = 0;
    (void)release.Read(&byte);
    return 0;
  });
  parent.reset();
  {
    const auto again = Collection::Open(path);
    if (!again.ok())
      report("the lock outlived its owner: " + again.status().ToString());
    else if (AllIds(**again).size() != written)
      report("the parent lost documents");
  }
  release.CloseWriting();
  (void)Wait(child);
  (void)cocozvec::RemoveTree(cocozvec::PosixFileSystem(), path);
}

std::atomic<std::uint64_t> ticks{0};

bool SameHandlers(const struct sigaction (&before)[NSIG]) {
  for (int s = 1; s < NSIG; ++s) {
    struct sigaction now{};
    if (sigaction(s, nullptr, &now) != 0) continue;
    if (now.sa_handler != before[s].sa_handler || now.sa_flags != before[s].sa_flags) return false;
  }
  return true;
}

/// A life on real files under a timer that interrupts a thousand times a second, compared with its model.
void SignalledLife(const Settings& settings, std::uint64_t n, Tally& tally) {
  struct sigaction action{}, old{};
  action.sa_handler = [](int) { ticks.fetch_add(1, std::memory_order_relaxed); };
  sigaction(SIGALRM, &action, &old);  // without SA_RESTART: calls are interrupted
  struct sigaction before[NSIG] = {};
  for (int s = 1; s < NSIG; ++s) sigaction(s, nullptr, &before[s]);
  const itimerval fast{{0, 1000}, {0, 1000}}, off{};
  const std::uint64_t ticks_before = ticks;
  setitimer(ITIMER_REAL, &fast, nullptr);
  const std::string path = FreshPath(settings, n);
  Random random(n);
  zvec::CollectionOptions options;
  options.seal_bytes = 20'000;
  std::map<std::string, zvec::Doc> model;
  std::string problem;
  {
    Handle collection = Collection::Create(path, NoteSchema(), options).value();
    for (int i = 0; i < 60 && problem.empty(); ++i) {
      std::vector<zvec::Doc> docs;
      for (int d = 0; d < 40; ++d)
        docs.push_back(Note("id" + std::to_string(random() % 200), std::string(200 + random() % 200, 'x')));
      const auto status = collection->Upsert(docs).status();
      if (!status.ok()) problem = status.ToString();
      for (const zvec::Doc& doc : docs) model[doc.id] = doc;
      const std::vector<std::string> gone = {"id" + std::to_string(random() % 200)};
      if (!collection->Delete(gone).ok()) problem = "delete failed";
      model.erase(gone[0]);
      if (i % 20 == 19 && !collection->Optimize().ok()) problem = "optimize failed";
      if (i % 15 == 14) {
        if (!collection->Close().ok()) problem = "close failed";
        auto opened = Collection::Open(path, options);
        if (!opened.ok()) {
          problem = opened.status().ToString();
          break;
        }
        collection = *std::move(opened);
      }
    }
    std::map<std::string, zvec::Doc> docs;
    for (zvec::Doc& doc : zvec::testing_docs::AllDocs(*collection)) docs[doc.id] = doc;
    if (problem.empty() && docs != model) problem = "contents differ";
  }
  setitimer(ITIMER_REAL, &off, nullptr);
  if (problem.empty() && !SameHandlers(before)) problem = "a signal handler was installed";
  sigaction(SIGALRM, &old, nullptr);
  if (!problem.empty()) tally.Violation("signals " + std::to_string(n) + ": " + problem);
  tally.Count("signals", ticks - ticks_before);
  tally.Count("lives");
  // A terminated process runs its exit handlers while a handle is open: what it acknowledged is there.
  Pipe acks;
  const pid_t child = Fork([&] {
    signal(SIGTERM, [](int) { std::exit(0); });
    static Handle open;
    open = Collection::Open(path, options).value();
    for (int i = 0;; ++i) {
      if (!open->Upsert(std::vector{Note("late" + std::to_string(i), "x")}).ok()) return 3;
      acks.Write('a');
    }
  });
  acks.CloseWriting();
  char byte = 0;
  std::uint64_t acked = 0;
  for (std::uint64_t until = 1 + n % 20; acked < until && acks.Read(&byte);) ++acked;
  kill(child, SIGKILL);
  while (acks.Read(&byte)) ++acked;
  (void)Wait(child);
  const auto opened = Collection::Open(path, options);
  if (!opened.ok())
    return tally.Violation("signals " + std::to_string(n) + ": " + opened.status().ToString());
  std::uint64_t late = 0;
  for (const std::string& id : AllIds(**opened)) late += id.starts_with("late");
  if (late < acked)
    tally.Violation("signals " + std::to_string(n) + ": " + std::to_string(acked) + " acknowledged, " +
                    std::to_string(late) + " there");
}

struct Footprint {
  std::uint64_t descriptors = 0, threads = 0, maps = 0, rss_kib = 0;
};

std::uint64_t EntriesOf(const char* directory) {
  return cocozvec::PosixFileSystem().List(directory).value().size();
}

Footprint Measure() {
  Footprint now;
  now.descriptors = EntriesOf("/proc/self/fd");
  now.threads = EntriesOf("/proc/self/task");
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);)
    now.maps += line.find(".zvec") != std::string::npos || line.find("segment-") != std::string::npos;
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmRSS:")) now.rss_kib = std::strtoull(line.c_str() + 6, nullptr, 10);
  return now;
}

}  // namespace

void Locks(const Settings& settings, Tally& tally) {
  for (std::uint64_t i = 0; i < settings.count; ++i) LockRace(settings, settings.from + i, tally);
}
void Forks(const Settings& settings, Tally& tally) {
  for (std::uint64_t i = 0; i < settings.count; ++i) ForkOnce(settings, settings.from + i, tally);
}
void Signals(const Settings& settings, Tally& tally) {
  for (std::uint64_t i = 0; i < settings.count; ++i) SignalledLife(settings, settings.from + i, tally);
}

/// A case is an open, a read of all and a close; every tenth also an open that fails.
void Leaks(const Settings& settings, Tally& tally) {
  const std::string path = FreshPath(settings, 0), damaged = FreshPath(settings, 1);
  zvec::CollectionOptions options;
  options.seal_bytes = 2000;
  for (const std::string& where : {path, damaged}) {
    const Handle collection = Collection::Create(where, NoteSchema(), options).value();
    for (int i = 0; i < 8; ++i)
      (void)collection->Upsert(std::vector{Note("id" + std::to_string(i), std::string(700, 'x'))}).value();
  }
  for (const auto& entry : cocozvec::PosixFileSystem().List(damaged).value())
    if (entry.name.starts_with("segment-") && truncate((damaged + "/" + entry.name).c_str(), 100) != 0)
      std::abort();
  const auto cycle = [&](std::uint64_t n) {
    auto opened = Collection::Open(path, options);
    if (!opened.ok()) return tally.Violation(opened.status().ToString());
    if (AllIds(**opened).size() != 8) tally.Violation("documents are missing");
    tally.Count("opens");
    if (n % 10 != 0) return;
    if (Collection::Open(damaged, options).status().code() != StatusCode::kDataLoss)
      tally.Violation("a damaged collection opens");
    tally.Count("failed_opens");
  };
  for (std::uint64_t i = 0; i < 200; ++i) cycle(i);  // what the process keeps for good it has now
  const Footprint before = Measure();
  for (std::uint64_t i = 0; i < settings.count; ++i) cycle(settings.from + i);
  const Footprint after = Measure();
  const auto same = [&](const char* what, std::uint64_t a, std::uint64_t b, std::uint64_t slack) {
    if (b > a + slack)
      tally.Violation(std::string(what) + ": " + std::to_string(a) + " before, " + std::to_string(b) +
                      " after");
  };
  same("descriptors", before.descriptors, after.descriptors, 0);
  same("threads", before.threads, after.threads, 0);
  same("mappings", before.maps, after.maps, 0);
  same("resident KiB", before.rss_kib, after.rss_kib, before.rss_kib / 100 + 64);
}

}  // namespace reliability
