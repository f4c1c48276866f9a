// cli/program.h: the program that keeps a store in step with its folders, written against the public
// interfaces: which documents should exist, and nothing about how to get there.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "cocoindex/cocoindex.h"
#include "store_config.h"

namespace cocozvec::cli {

/// What the components of a run saw and the engine's counters do not tell.
/// Threads: any.
class RunNotes {
 public:
  struct Skip {
    std::string file, reason, detail;
  };
  struct Counts {
    std::uint64_t seen = 0;  ///< files found by walking, the skipped ones included
    std::uint64_t skipped = 0;
    std::uint64_t read_skipped =
        0;  ///< of those skipped: found to be no text when read, by the component of the file
    std::uint64_t empty_pieces =
        0;  ///< pieces of text without a letter or digit: nothing to search for in them
  };
  void AddSeen(std::uint64_t files) ZVEC_EXCLUDES(mu_);
  void AddSkip(Skip skip) ZVEC_EXCLUDES(mu_);
  void AddReadSkip(Skip skip) ZVEC_EXCLUDES(mu_);
  void AddEmptyPieces(std::uint64_t pieces) ZVEC_EXCLUDES(mu_);

  Counts counts() const ZVEC_EXCLUDES(mu_);
  std::vector<Skip> skips() const ZVEC_EXCLUDES(mu_);  ///< by file

 private:
  mutable Mutex mu_;
  std::uint64_t seen_ ZVEC_GUARDED_BY(mu_) = 0;
  std::uint64_t read_skips_ ZVEC_GUARDED_BY(mu_) = 0;
  std::uint64_t empty_pieces_ ZVEC_GUARDED_BY(mu_) = 0;
  std::vector<Skip> skips_ ZVEC_GUARDED_BY(mu_);
};

/// The environment of a store; opening it (start) takes the store's lock.
coco::Environment MakeEnvironment(const StorePaths& paths, const StoreConfig& config,
                                  std::shared_ptr<RunNotes> notes);

/// Whether the folder and all below it can be listed, as a run would; `store_place` is left out.
Status CheckReadable(const std::string& folder, const std::string& store_place);

/// The main function takes the folders: app.update({}, folders).
coco::App MakeApp(const coco::Environment& environment);

/// Documents that the engine has on record; does not open the collection.
std::uint64_t CountDocuments(const coco::App& app);

/// Throws StatusError when a last sync failed; the environment's end would only log it.
void CloseDatabase(const coco::Environment& environment);

/// Names in UpdateStats::by_component.
extern const char* const kFileComponent;
extern const char* const kFolderComponent;
/// The file or folder that a component path stands for; the path as it displays for any other.
std::string FileOf(const coco::StablePath& path);

}  // namespace cocozvec::cli
