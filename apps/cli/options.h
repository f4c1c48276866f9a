// cli/options.h: the command line as a value.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace cocozvec::cli {

enum class Command {
  kIndex,
  kSearch,
  kList,
  kExport,
  kDrop,
  kVersion,
  kVerify,
  kRepair,
  kSnapshot,
  kBackup,
  kRestore,
  kStats
};

// Exit codes; docs/cli.md.
enum Exit : int { kDone = 0, kFailed = 1, kUsage = 2, kDamaged = 3, kPartlyFailed = 4, kInterrupted = 130 };

struct Options {
  Command command = Command::kVersion;
  bool json = false;
  std::string store;

  std::vector<std::string> folders;  // index
  bool prune = false;
  std::string embedder;  // empty: that of the store
  bool rebuild = false;
  std::optional<std::uint32_t> dimension, piece_size, piece_overlap;

  std::string text;  // search
  std::uint32_t topk = 10;
  std::string filter;

  bool files = false;  // ls

  bool jsonl = false;  // export
  bool vectors = false;

  bool yes = false;  // drop

  std::string collection;  // verify and what follows: instead of a store
  std::string to, from;    // repair, snapshot, backup; restore
  bool in_place = false;   // repair
  bool no_verify = false;  // snapshot, backup, restore
};

struct ParsedOptions {
  Options options;
  std::optional<int> exit;  // set: nothing is to be done, the program ends with this code
};

/// Prints help to standard output and usage errors to standard error.
ParsedOptions ParseOptions(int argc, const char* const* argv);

}  // namespace cocozvec::cli
