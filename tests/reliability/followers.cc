// T2 across processes: a writer stamps batches, is killed and started again; readers in other processes
// follow by Refresh, are killed and started again. Each read is one committed state: a batch whole, not older
// than what was acknowledged before the Refresh, never older than the read before; the files of what a handle
// shows stay.
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <functional>
#include <random>
#include <thread>

#include "harness.h"
#include "life.h"
#include "stamps.h"
#include "zvec/collection/store.h"
#include "zvec/storage/file_names.h"

namespace reliability {

namespace {

using Handle = std::shared_ptr<Collection>;
using Clock = std::chrono::steady_clock;
constexpr int kReaders = 3;
constexpr auto kCase = std::chrono::milliseconds(1000);

/// Shared by all processes of a case.
struct Board {
  std::atomic<std::int64_t> issued{0}, acked{0};
  std::atomic<std::uint64_t> reads{0}, refreshes{0}, waits{0}, opens{0}, checked_names{0}, batches{0};
  std::atomic<std::uint64_t> recreated{0};  ///< odd: the collection is being replaced
  std::atomic<std::uint64_t> broken{0};
  std::atomic<bool> stop{false};
  char what[400] = {};  ///< the first problem

  void Problem(const std::string& text) {
    if (broken.fetch_add(1) == 0) std::strncpy(what, text.c_str(), sizeof(what) - 1);
  }
};

struct Place {
  std::string path;
  zvec::CollectionOptions options;
  Board& board;

  zvec::Result<Handle> Open(bool read_only) const {
    zvec::CollectionOptions changed = options;
    changed.read_only = read_only;
    return Collection::Open(path, changed);
  }
};

pid_t Start(const std::function<void()>& body) {
  const pid_t pid = fork();
  if (pid != 0) return pid;
  alarm(60);
  body();
  _exit(0);
}

void End(pid_t pid, int signal_number, Board& board) {
  if (signal_number != 0) kill(pid, signal_number);
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  const bool killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL && signal_number == SIGKILL;
  if (!killed && !(WIFEXITED(status) && WEXITSTATUS(status) == 0))
    board.Problem("a process ended with status " + std::to_string(status));
}

void Write(const Place& place) {
  Board& board = place.board;
  auto opened = place.Open(false);
  if (!opened.ok()) return board.Problem("the writer: " + opened.status().ToString());
  Collection& writer = **opened;
  // What the one before wrote last and did not come to acknowledge may be there or not: both are behind this.
  for (std::int64_t stamp = board.issued + 1; !board.stop; ++stamp) {
    board.issued = stamp;
    const auto written = writer.Upsert(Stamped(stamp));
    if (!written.ok()) return board.Problem("the writer: " + written.status().ToString());
    board.acked = stamp;
    ++board.batches;
    if (stamp % 100 == 50 && !writer.Optimize().ok()) return board.Problem("optimize failed");
    if (stamp % 16 == 5) std::this_thread::yield();
  }
}

/// Every file that the handle's manifest names has its name.
void CheckNames(const Place& place, std::uint64_t epoch, const Collection& reader) {
  auto& fs = cocozvec::PosixFileSystem();
  const std::uint64_t generation = reader.Stats().generation;
  const auto manifest = zvec::ReadManifest(fs, place.path, generation);
  std::string missing;
  if (manifest.ok())
    for (const std::string& name : zvec::NamedFiles(*manifest))
      if (!fs.Stat(cocozvec::JoinPath(place.path, name)).ok()) missing = name;
  if (epoch != place.board.recreated) return;
  if (!manifest.ok()) return place.board.Problem("generation is gone: " + manifest.status().ToString());
  if (!missing.empty())
    place.board.Problem("generation " + std::to_string(generation) + " is read, and " + missing + " is gone");
  ++place.board.checked_names;
}

/// One handle: refreshed by this thread, read by this one and another.
class Reading {
 public:
  Reading(const Place& place, std::uint64_t epoch, Handle reader, std::mt19937_64& random)
      : place_(place), board_(place.board), epoch_(epoch), reader_(std::move(reader)), random_(random) {}

  /// Until the handle is to be opened anew.
  void Run(std::int64_t acked_before_open) {
    std::int64_t last = Look(acked_before_open, 0);
    std::atomic<bool> done = false;
    std::thread other([&] {
      for (std::int64_t seen = 0; !done && !board_.stop;) seen = Look(0, seen);
    });
    for (int round = 0; round < 200 && !board_.stop; ++round) {
      if (random_() % 8 == 0) {
        const auto changed = reader_->WaitForChange(static_cast<std::uint32_t>(random_() % 3));
        if (!changed.ok()) break;
        ++board_.waits;
      }
      const std::int64_t acked = board_.acked;
      const auto moved = reader_->Refresh();
      ++board_.refreshes;
      if (epoch_ != board_.recreated) break;
      if (!moved.ok()) {
        board_.Problem("refresh: " + moved.status().ToString());
        break;
      }
      last = Look(acked, last);
      const std::int64_t again = Look(acked, last);
      if (again != last && epoch_ == board_.recreated)
        board_.Problem("without a refresh stamp " + std::to_string(last) + " became " +
                       std::to_string(again));
      if (random_() % 32 != 0) continue;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));  // the writer goes on over generations
      CheckNames(place_, epoch_, *reader_);
    }
    done = true;
    other.join();
  }

 private:
  /// The stamp that is shown.
  std::int64_t Look(std::int64_t least, std::int64_t last) {
    const std::int64_t stamp = StampOf(ReadGroup(*reader_, static_cast<int>(kind_++ % 4)));
    ++board_.reads;
    const std::int64_t issued = board_.issued;
    if (epoch_ != board_.recreated) return stamp;
    if (stamp < 0) board_.Problem("a batch is there in part");
    if (stamp < std::max(least, last) || stamp > issued)
      board_.Problem("stamp " + std::to_string(stamp) + " is shown, " + std::to_string(least) +
                     " was acknowledged before, " + std::to_string(last) + " shown before, " +
                     std::to_string(issued) + " begun");
    return stamp;
  }

  const Place& place_;
  Board& board_;
  const std::uint64_t epoch_;  ///< of the collection that is open
  const Handle reader_;
  std::mt19937_64& random_;
  std::atomic<std::uint64_t> kind_ = 0;
};

void Read(const Place& place, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  Board& board = place.board;
  while (!board.stop) {
    const std::uint64_t epoch = board.recreated;
    const std::int64_t acked = board.acked;
    auto opened = place.Open(true);
    ++board.opens;
    if (epoch != board.recreated || epoch % 2 != 0) continue;
    if (!opened.ok()) return board.Problem("open: " + opened.status().ToString());
    Reading(place, epoch, *std::move(opened), random).Run(acked);
  }
}

/// Nothing is left that the two newest manifests do not name.
void CheckLeftovers(const Place& place) {
  {
    auto writer = place.Open(false);
    if (!writer.ok()) return place.board.Problem("at the end: " + writer.status().ToString());
    if (StampOf(ReadGroup(**writer, 0)) < place.board.acked) place.board.Problem("the writer lost a batch");
  }
  auto& fs = cocozvec::PosixFileSystem();
  std::set<std::string> named = {std::string(zvec::kLockName)};
  std::size_t manifests = 0;
  const auto entries = fs.List(place.path).value();
  for (const auto& entry : entries) {
    const auto name = zvec::ParseName(entry.name);
    if (!name || name->kind != zvec::NameKind::kManifest) continue;
    ++manifests;
    named.merge(zvec::NamedFiles(zvec::ReadManifest(fs, place.path, name->number).value()));
  }
  if (manifests > 2) place.board.Problem(std::to_string(manifests) + " manifests are left");
  for (const auto& entry : entries)
    if (!named.contains(entry.name)) place.board.Problem(entry.name + " is left, and nobody reads it");
}

/// Another collection in the place of the first one.
void Recreate(const Place& place) {
  Board& board = place.board;
  ++board.recreated;
  if (!Collection::Destroy(place.path).ok()) board.Problem("destroy failed");
  const auto made = Collection::Create(place.path, NoteSchema(), place.options);
  board.acked = ++board.issued;
  if (!made.ok() || !(*made)->Upsert(Stamped(board.issued)).ok()) board.Problem("create failed");
  ++board.recreated;
}

void FollowOnce(const Settings& settings, std::uint64_t n, Tally& tally) {
  void* shared = mmap(nullptr, sizeof(Board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) return tally.Violation("no memory for the board");
  Board& board = *new (shared) Board;
  Place place{settings.directory + "/followed", {}, board};
  (void)cocozvec::RemoveTree(cocozvec::PosixFileSystem(), place.path);
  place.options.seal_bytes = 3000 + n % 5 * 4000;
  place.options.index_min_rows = n % 3 == 0 ? 1000 : 1;
  place.options.enable_mmap = n % 4 != 3;
  if (n % 2 == 0) place.options.durability = zvec::Durability::kRelaxed;
  (void)Collection::Create(place.path, NoteSchema(), place.options).value()->Upsert(Stamped(0)).value();
  std::mt19937_64 random(n);
  pid_t writer = Start([&] { Write(place); });
  pid_t readers[kReaders];
  for (pid_t& reader : readers) reader = Start([&, seed = random()] { Read(place, seed); });
  const auto until = Clock::now() + kCase;
  while (Clock::now() < until && board.broken == 0) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20 + random() % 60));
    if (random() % 2 == 0) {
      End(writer, SIGKILL, board);
      tally.Count("killed_writers");
      if (n % 2 == 1 && random() % 4 == 0) {
        Recreate(place);
        tally.Count("recreated");
      }
      writer = Start([&] { Write(place); });
    } else {
      pid_t& reader = readers[random() % kReaders];
      End(reader, SIGKILL, board);
      tally.Count("killed_readers");
      reader = Start([&, seed = random()] { Read(place, seed); });
    }
  }
  board.stop = true;
  for (const pid_t reader : readers) End(reader, 0, board);
  End(writer, 0, board);
  if (board.broken == 0) CheckLeftovers(place);
  if (board.broken != 0)
    tally.Violation("followers " + std::to_string(n) + ": " + board.what + " (" +
                    std::to_string(board.broken) + " problems)");
  for (const auto& [name, figure] : {std::pair{"reads", &board.reads},
                                     {"refreshes", &board.refreshes},
                                     {"waits", &board.waits},
                                     {"opens", &board.opens},
                                     {"checked_generations", &board.checked_names},
                                     {"batches", &board.batches}})
    tally.Count(name, *figure);
  tally.Count("seconds");
  (void)cocozvec::RemoveTree(cocozvec::PosixFileSystem(), place.path);
  munmap(shared, sizeof(Board));
}

}  // namespace

void Followers(const Settings& settings, Tally& tally) {
  for (std::uint64_t i = 0; i < settings.count; ++i) FollowOnce(settings, settings.from + i, tally);
}

}  // namespace reliability
