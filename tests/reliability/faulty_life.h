// tests/reliability/faulty_life.h: a life on a disk that refuses a call, and what must be true of it all
// along: nothing acknowledged is lost, a failed call has happened whole or not at all, reads do not lie.
#pragma once

#include <string>
#include <vector>

#include "life.h"

namespace reliability {

/// Where the life takes place, and the fault in it.
class FaultyDevice {
 public:
  virtual ~FaultyDevice() = default;
  virtual cocozvec::FileSystem& fs() = 0;
  virtual bool struck() const = 0;
  virtual void Clear() = 0;  ///< it works again
  /// What may be found if the process ends now, or the power goes; the first one is what is there.
  virtual std::vector<Seen> Pictures(const zvec::CollectionOptions& options) = 0;
  /// Around each step; faults that strike only then.
  virtual void Arm(bool) {}
  /// What is wrong with this answer to a call that met the fault.
  virtual std::string Judge(const Status&) { return ""; }
};

struct Plan {
  std::vector<Kind> kinds;
  std::vector<Step> steps;
};
/// Create and nine more.
Plan PlanOf(std::uint64_t seed);

class FaultyLife {
 public:
  FaultyLife(FaultyDevice& device, bool enable_mmap)
      : device_(device), world_(SmallWorld(device.fs(), zvec::Durability::kDurable)) {
    world_.options.enable_mmap = enable_mmap;
  }
  /// What was wrong; empty when nothing was.
  std::string Run(const Plan& plan);

 private:
  std::string Take(Kind kind, const Step& step);
  std::string Recover(const std::vector<State>& allowed);
  std::string CheckLive() const {
    return world_.collection ? zvec::testing_docs::CheckReads(*world_.collection, acked_.docs) : "";
  }
  std::string LookBack(const std::vector<State>& allowed);

  FaultyDevice& device_;
  World world_;
  State acked_;
  bool seen_ = false;  ///< a step has met the fault
};

}  // namespace reliability
