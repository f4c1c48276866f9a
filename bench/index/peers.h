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
  /// 0: what the index chooses itself, where it does.
  virtual void SetEf(std::uint32_t ef) = 0;
  virtual bool chooses_ef() const { return false; }
  /// Row numbers of the `Set::kNearest` nearest.
  virtual void Search(const float* query, std::uint32_t* rows) = 0;
  /// How the last search was done, where the index says so.
  virtual std::string strategy() const { return ""; }
};

inline constexpr std::uint32_t kM = 16;
inline constexpr std::uint32_t kEfConstruction = 200;  ///< of the peers, and of ours when asked for the same

std::unique_ptr<Index> MakeOurs(const std::string& directory, std::uint32_t ef_construction);
/// Those that this build has.
std::vector<std::unique_ptr<Index>> MakePeers();
/// What was not there when this was built.
std::string MissingPeers();

}  // namespace bench
