// zvec/collection/testing/workload.h: a life of a collection, step by step, and what it must hold after each
// step. The harnesses cut the power or fail calls somewhere in it. Tests only.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/io/file_system.h"
#include "zvec/collection.h"

namespace zvec::inline v0::testing_docs {

/// What a user can see of a collection.
struct State {
  bool exists = false;
  std::map<std::string, Doc> docs;
  std::string mark;
  bool operator==(const State&) const = default;
};

std::string Describe(const State& state);

struct World {
  World() { options.maintenance = Maintenance::kInline; }
  CollectionOptions options;
  std::shared_ptr<Collection> collection;
  static constexpr const char* kPath = "parent/c";
};

struct Step {
  std::string name;
  std::function<Status(World&)> run;
  std::function<void(State&)> effect;
};

/// Every operation, seals and merges among them, from Create to Destroy. At most `seal_bytes` 2,000 make
/// sense.
std::vector<Step> FullLife();

/// Reads the open collection: its documents, or kClosed or kIoError; anything else is a message. Reads may
/// fail, they may not lie.
std::string CheckReads(const Collection& collection, const std::map<std::string, Doc>& docs);

/// Opens what is there and reads all of it; an error message when it cannot be read, or a read-only and a
/// writable open show different things, the first of them wrote, or the second left files that nobody names.
struct Seen {
  State state;
  std::string problem;
};
Seen LookAt(cocozvec::FileSystem& disk, const CollectionOptions& options);

}  // namespace zvec::inline v0::testing_docs
