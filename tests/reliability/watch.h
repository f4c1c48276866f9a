// tests/reliability/watch.h: runs steps on a simulated disk and knows at every moment which states a crash
// may leave.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/io/sim_disk.h"
#include "harness.h"
#include "life.h"

namespace reliability {

class Watch {
 public:
  Watch(zvec::Durability durability, Tally& tally)
      : world(SmallWorld(disk, durability)),
        tally_(tally),
        durable_(durability == zvec::Durability::kDurable) {}

  /// Runs the step; false, and a violation, when it failed.
  bool Take(Kind kind, const Step& step);
  bool Create();

  /// What was acknowledged, and what the call under way would make of it.
  const State& acked() const { return acked_; }
  bool Allowed(const State& state, bool power_lost) const;

  /// Opens `image`, reads all of it and compares. `context` says how the image came about.
  void Check(cocozvec::SimDisk& image, bool power_lost, const std::string& context);
  /// What another process reads of the disk as it is now, with the writer in the middle of a call: a
  /// committed state; and one that opened it a while ago goes on reading what it saw then. `anew`: that one
  /// opens now.
  void CheckReader(const std::string& context, bool anew);
  /// `collection` is open on `image`: what it acknowledges survives a power cut, with all that it was built
  /// on.
  void CheckGoesOn(cocozvec::SimDisk& image, const std::string& context,
                   const std::shared_ptr<zvec::Collection>& collection);
  /// As Check, and then works with what it found.
  void CheckGoesOn(cocozvec::SimDisk& image, const std::string& context);
  std::string Expected() const;

  cocozvec::SimDisk disk;
  World world;
  std::string step_name = "before";

 private:
  Tally& tally_;
  const bool durable_;
  State acked_, next_;
  std::vector<State> history_;  ///< relaxed: acknowledged states that a power cut may bring back
  std::shared_ptr<zvec::Collection> reader_;  ///< another process's
  std::map<std::string, Doc> read_;           ///< what it saw
  bool may_be_gone_ = false;                  ///< between a Destroy and a Create
};

/// One disk that a power cut may leave, and whether anything unsynced was lost.
struct Image {
  cocozvec::PowerCutKind kind;
  std::uint64_t seed;
  bool power_lost() const { return kind != cocozvec::PowerCutKind::kKeepEverything; }
};
std::string ToString(const Image& image);

}  // namespace reliability
