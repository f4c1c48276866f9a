// cli/store_config.h: what a store is, on disk: a directory with the files below. Format: docs/cli.md.
//   config   this program's own file: format version, folders, embedder and splitter parameters; checked by a
//   checksum state/   the engine's memory data/    the collections; ours is data/chunks
#pragma once

#include <string>
#include <vector>

#include "cocoindex/text/splitter.h"
#include "cocozvec/base/path.h"
#include "cocozvec/base/status.h"
#include "embedder_choice.h"

namespace cocozvec::cli {

inline constexpr char kCollectionName[] = "chunks";
inline constexpr unsigned kConfigVersion =
    2;  // 1: hashing embedder only, without its identity; read, never written

struct StoreConfig {
  std::vector<std::string> folders;  // canonical, in the order in which they were given
  EmbedderConfig embedder;
  cocoindex::text::SplitOptions splitter;
  bool operator==(const StoreConfig&) const = default;
};

/// One line "cocozvec-store VERSION xxh3:CHECKSUM" and one of JSON.
std::string EncodeConfig(const StoreConfig& config);
/// kInvalidArgument (not a store), kUnimplemented (a newer format), kDataLoss (damaged); `path` is for the
/// message.
Result<StoreConfig> DecodeConfig(std::string_view content, PathView path);

/// Where everything is.
class StorePaths {
 public:
  explicit StorePaths(PathView root) : root_(root.str()) {}
  const std::string& root() const noexcept { return root_; }
  std::string config() const { return JoinPath(root_, "config"); }
  std::string state() const { return JoinPath(root_, "state"); }
  std::string data() const { return JoinPath(root_, "data"); }
  /// What a drop has put aside and not yet removed.
  std::string dropped_state() const { return state() + ".dropped"; }
  std::string dropped_data() const { return data() + ".dropped"; }
  std::string collection() const { return JoinPath(data(), kCollectionName); }

 private:
  std::string root_;
};

enum class StoreKind {
  kNothing,  // nothing there, or an empty directory
  kStarted,  // a first run was killed before it had written the config, or a drop before it was through
  kStore,
};

/// What is at the path. Errors: kInvalidArgument for a file or a directory of something else; names the path
/// and what was found there. Touches nothing.
Result<StoreKind> Inspect(const StorePaths& paths);

Result<StoreConfig> ReadConfig(const StorePaths& paths);
/// Durable; only while the state is held open, which is the lock.
Status WriteConfig(const StorePaths& paths, const StoreConfig& config);
/// What a process killed in WriteConfig left; on the same condition.
void RemoveHalfWrittenConfig(const StorePaths& paths);
/// What a process killed in a drop left; on the same condition.
Status RemoveDropped(const StorePaths& paths);

}  // namespace cocozvec::cli
