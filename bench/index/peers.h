// bench/index/peers.h: the indexes that are compared, ours among them, behind one interface.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "sets.h"

namespace bench {

class Index {
 public:
  virtual ~Index() = default;
  virtual std::string name() const = 0;
  virtual void Build(const Set& set, std::size_t threads) = 0;
  /// Of a build that took other seconds than the call of Build: shared with another index, or in another
  /// process.
  virtual double built_seconds() const { return 0; }
  /// Threads that Build uses when it is asked for so many.
  virtual std::size_t build_threads(std::size_t asked) const { return asked; }
  /// 0: what the index chooses itself, where it does.
  virtual void SetEf(std::uint32_t ef) = 0;
  virtual bool chooses_ef() const { return false; }
  /// Row numbers of the `Set::kNearest` nearest.
  virtual void Search(const float* query, std::uint32_t* rows) = 0;
  /// Asks all queries of the set, `passes` times: seconds of each one's fastest pass, rows as by Search.
  /// False: whoever measures asks by Search.
  virtual bool Measure(std::size_t passes, std::vector<double>* best, std::vector<std::uint32_t>* rows) {
    (void)passes, (void)best, (void)rows;
    return false;
  }
  /// How the last search was done, where the index says so.
  virtual std::string strategy() const { return ""; }
};

inline constexpr std::uint32_t kM = 16;
inline constexpr std::uint32_t kEfConstruction = 200;  ///< of the peers, and of ours when asked for the same

std::unique_ptr<Index> MakeOurs(const std::string& directory, std::uint32_t ef_construction);
/// Those that this build and this machine have, and the names of the others in `missing`, with the reason.
/// `folder`: for one that needs some, made and removed by it.
std::vector<std::unique_ptr<Index>> MakePeers(const Set& set, const std::string& folder,
                                              std::string* missing);
/// Why it is not there for this set; empty: it is.
std::string AddSketch(const Set& set, std::vector<std::unique_ptr<Index>>& to);
std::string AddZvec(const std::string& folder, std::vector<std::unique_ptr<Index>>& to);

}  // namespace bench
