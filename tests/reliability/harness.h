// tests/reliability/harness.h: what all harnesses of the program `reliability` share: which cases to run, and
// what they counted. A case is a number (a seed, a point, a sequence), so that a long run can stop and go on.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace reliability {

struct Settings {
  std::uint64_t from = 1, count = 1;  ///< cases [from, from + count)
  std::string directory;              ///< for harnesses on real files
  bool verbose = false;
};

class Tally {
 public:
  /// Adds to a figure, such as "images".
  void Count(const std::string& what, std::uint64_t n = 1) { figures_[what] += n; }
  /// Keeps the largest.
  void Most(const std::string& what, std::uint64_t n) {
    std::uint64_t& figure = figures_[what];
    if (n > figure) figure = n;
  }
  void Violation(std::string text);
  std::uint64_t violations() const { return violations_; }
  std::uint64_t figure(const std::string& what) const {
    const auto it = figures_.find(what);
    return it == figures_.end() ? 0 : it->second;
  }
  /// One JSON object on one line.
  std::string ToJson(std::string_view harness, const Settings& settings) const;
  const std::vector<std::string>& examples() const { return examples_; }

 private:
  std::map<std::string, std::uint64_t> figures_;
  std::vector<std::string> examples_;  ///< the first few violations
  std::uint64_t violations_ = 0;
};

using Harness = void (*)(const Settings& settings, Tally& tally);

void PowerCuts(const Settings& settings,
               Tally& tally);  // D2, D7, D7b, D9: random lives on the simulated disk
void CompoundCuts(const Settings& settings, Tally& tally);    // D6: cuts during recovery, three deep
void ShortSequences(const Settings& settings, Tally& tally);  // D10: every sequence of up to three operations
void WriteOrder(const Settings& settings, Tally& tally);      // D8
void DiskFaults(const Settings& settings, Tally& tally);      // D5, R1, R2: an error at every call
void FailedReturns(const Settings& settings, Tally& tally);   // R3
void AgainstModel(const Settings& settings, Tally& tally);    // M1
void FailedAllocations(const Settings& settings, Tally& tally);  // R4
void Locks(const Settings& settings, Tally& tally);              // T4
void Forks(const Settings& settings, Tally& tally);              // T5
void Signals(const Settings& settings, Tally& tally);            // T6
void Leaks(const Settings& settings, Tally& tally);              // R8
void Stress(const Settings& settings, Tally& tally);             // T1, T2; a case lasts a second
void Followers(const Settings& settings, Tally& tally);          // T2, in other processes; a second each
void FullLogs(const Settings& settings, Tally& tally);           // D11
void ShimKills(const Settings& settings, Tally& tally);          // D1, at the calls of the C library
void FlippedBytes(const Settings& settings, Tally& tally);       // C1
void LargeFlips(const Settings& settings, Tally& tally);         // C1, 100 MB
void CutFiles(const Settings& settings, Tally& tally);           // C2
void DamagedLogs(const Settings& settings, Tally& tally);        // C3
void MisplacedBlocks(const Settings& settings, Tally& tally);    // C4
void Salvage(const Settings& settings, Tally& tally);            // C7
void MissingFiles(const Settings& settings, Tally& tally);       // C5
void DeclaredSizes(const Settings& settings, Tally& tally);      // R9
void PlantedLinks(const Settings& settings, Tally& tally);       // S1, S2, S3
void ChurnOnDisk(const Settings& settings, Tally& tally);        // R6
void MemoryBudget(const Settings& settings, Tally& tally);       // R5
void Kills(const Settings& settings, Tally& tally);              // D1, on real files

}  // namespace reliability
