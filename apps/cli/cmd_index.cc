#include <fmt/format.h>

#include <chrono>
#include <optional>
#include <stdexcept>

#include "base/io/file_system.h"
#include "commands.h"
#include "folders.h"
#include "index_report.h"
#include "interrupt.h"
#include "program.h"
#include "zvec/collection.h"

namespace cocozvec::cli {
namespace {

constexpr auto kProgressInterval = std::chrono::milliseconds(200);

// The store's embedder (a new store's: the default), or the one that the command line asks for.
EmbedderConfig WantedEmbedder(const EmbedderConfig& stored, bool is_new, const Options& options,
                              const std::string& store) {
  EmbedderConfig wanted = stored;
  if (const auto kind = EmbedderNamed(options.embedder)) wanted.kind = *kind;
  if (is_new && options.dimension && options.embedder.empty()) wanted.kind = EmbedderKind::kHashing;
  const bool hashing = wanted.kind == EmbedderKind::kHashing;
  if (options.dimension && !hashing) {
    throw std::runtime_error("store '" + store + "': --dimension " + std::to_string(*options.dimension) +
                             " is of the hashing embedder, the store's is '" + IdentityOf(stored) + "'");
  }
  // Another dimension of the same embedder is a parameter like those of the splitter: everything is made
  // anew. So it is set after the check, which is about what made the store's vectors.
  const bool parameter = hashing && wanted.kind == stored.kind;
  if (options.dimension && !parameter) wanted.hashing.dimension = *options.dimension;
  wanted.identity = MakeEmbedder(wanted)->identity();
  if (!is_new) {
    const Status same = CheckSameEmbedder(stored, wanted, options.rebuild, store);
    if (!same.ok()) throw StatusError(same);
  }
  if (options.dimension && parameter) {
    wanted.hashing.dimension = *options.dimension;
    wanted.identity = MakeEmbedder(wanted)->identity();
  }
  return wanted;
}

// What the store has on record (or a new store's defaults), with what the command line asks for.
StoreConfig WantedConfig(const StorePaths& paths, const Options& options,
                         const std::vector<std::string>& folders) {
  StoreConfig config;
  const StoreKind kind = Inspect(paths).value();
  if (kind == StoreKind::kStore) {
    config = ReadConfig(paths).value();
  } else if (folders.empty()) {
    throw std::runtime_error("store '" + paths.root() + "': there is none; name the folders to index");
  }
  config.folders = MergeFolders(config.folders, folders, options.prune).value();
  config.embedder = WantedEmbedder(config.embedder, kind != StoreKind::kStore, options, paths.root());
  if (options.piece_size) config.splitter.size = *options.piece_size;
  if (options.piece_overlap) config.splitter.overlap = *options.piece_overlap;
  (void)cocoindex::text::RecursiveSplitter(config.splitter);  // an overlap that does not fit the size
  return config;
}

struct Session {
  StoreConfig config;
  std::shared_ptr<RunNotes> notes = std::make_shared<RunNotes>();
  std::optional<coco::Environment> environment;
};

void SaveConfig(const StorePaths& paths, const StoreConfig& config) {
  const bool is_new = Inspect(paths).value() != StoreKind::kStore;
  if (!is_new && ReadConfig(paths).value() == config) {
    RemoveHalfWrittenConfig(paths);
    return;
  }
  if (const Status status = WriteConfig(paths, config); !status.ok()) throw StatusError(status);
}

void DropCollection(const StorePaths& paths) {
  const Status status = zvec::Collection::Destroy(paths.collection());
  if (!status.ok() && !status.IsNotFound()) throw StatusError(status);
}

// What is dropped is made anew from the folders: as long as one of them is out of sight, nothing is dropped.
void CheckBeforeDrop(const StorePaths& paths, const std::vector<std::string>& folders,
                     const std::string& why) {
  if (PosixFileSystem().Stat(paths.collection()).status().IsNotFound()) return;
  for (const std::string& folder : folders) {
    const Status status = CheckReadable(folder, CanonicalPlace(paths.root()));
    if (status.ok()) continue;
    throw std::runtime_error("store '" + paths.root() + "': " + why + ", but folder '" + folder +
                             "' cannot be read (" + std::string(status.message()) +
                             "); nothing was changed; make it readable, or forget it and its documents: name "
                             "the other folders with --prune");
  }
}

// Before the config names another embedder: a collection never holds vectors of two.
void DropVectorsOfAnother(const StorePaths& paths, const StoreConfig& wanted) {
  if (Inspect(paths).value() != StoreKind::kStore) return;
  const std::string before = IdentityOf(ReadConfig(paths).value().embedder);
  if (before == wanted.embedder.identity) return;
  CheckBeforeDrop(
      paths, wanted.folders,
      "every vector must be made anew, of '" + wanted.embedder.identity + "' and not of '" + before + "'");
  DropCollection(paths);
}

// Opening the state is the lock, but the embedder must be known before that. So the config is read again
// under the lock, and all is begun anew in the rare case that another process changed the parameters in
// between.
Session OpenSession(const StorePaths& paths, const Options& options,
                    const std::vector<std::string>& folders) {
  for (;;) {
    Session session;
    session.config = WantedConfig(paths, options, folders);
    session.environment = MakeEnvironment(paths, session.config, session.notes);
    session.environment->start();
    const StoreConfig now = WantedConfig(paths, options, folders);
    if (now.embedder == session.config.embedder && now.splitter == session.config.splitter) {
      session.config = now;
      if (const Status status = RemoveDropped(paths); !status.ok()) throw StatusError(status);
      DropVectorsOfAnother(paths, now);
      // Documents of which nothing is remembered could never be taken back; they are ours, so they are made
      // anew. Asked of the state itself: a killed run may have made it again and got no further.
      const bool forgotten = session.environment->app_names().empty();
      if (forgotten) {
        CheckBeforeDrop(paths, now.folders, "its memory is lost, so every document must be made anew");
      }
      SaveConfig(paths, now);
      if (forgotten) DropCollection(paths);
      return session;
    }
    session.environment->stop();
  }
}

void ShowProgress(const coco::UpdateHandle& update, const RunNotes& notes, Console& console) {
  if (!console.shows_progress()) return;
  while (!update.wait_for(kProgressInterval)) {
    const coco::UpdateStats stats = update.stats();
    const auto files = FileCountsOf(stats, notes);
    console.Progress(fmt::format("{} files seen, {} processed, {} unchanged, {} documents written",
                                 files.seen, files.processed, files.unchanged,
                                 stats.target_total().upserted));
  }
  console.ClearProgress();
}

IndexReport Update(const Session& session, InterruptWatch& interrupt, Console& console) {
  const auto begin = std::chrono::steady_clock::now();
  coco::App app = MakeApp(*session.environment);
  const coco::UpdateHandle update = app.update({}, session.config.folders);
  interrupt.OnInterrupt([update] { update.cancel(); });
  ShowProgress(update, *session.notes, console);
  IndexReport report;
  try {
    const coco::UpdateResult& result = update.result();
    report = MakeReport(result.stats, result.failures, *session.notes);
  } catch (const coco::CancelledError&) {
    report = MakeReport(update.stats(), {}, *session.notes);
    report.interrupted = true;
  }
  interrupt.OnInterrupt({});
  report.documents.total = CountDocuments(app);
  report.documents.unchanged =
      report.documents.total - std::min(report.documents.total, report.documents.upserted);
  report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return report;
}

}  // namespace

int RunIndex(const Options& options, Console& console) {
  InterruptWatch interrupt;
  const StorePaths paths(options.store);
  std::vector<std::string> folders;
  const std::string place = CanonicalPlace(paths.root());
  for (const std::string& folder : options.folders) {
    folders.push_back(CanonicalFolder(folder).value());
    if (folders.back() == place || Inside(folders.back(), place)) {
      throw std::runtime_error("folder '" + folder + "' is the store '" + paths.root() +
                               "', or lies inside it");
    }
  }
  const Session session = OpenSession(paths, options, folders);
  const IndexReport report = Update(session, interrupt, console);
  CloseDatabase(*session.environment);
  session.environment->stop();
  for (const IndexError& error : report.errors) console.Error(error.path + ": " + error.message);
  if (report.interrupted) console.Error("interrupted; the next run goes on from here");
  console.WriteLine(options.json ? ToJson(report) : ToText(report));
  if (report.interrupted) return kInterrupted;
  return report.errors.empty() ? kDone : kPartlyFailed;
}

}  // namespace cocozvec::cli
