// reliability HARNESS [--from N] [--count N] [--directory PATH] [--expect-caught] [--verbose]
//
// Runs the cases N .. of one harness and prints what they showed as one line of JSON. Exit code 0: no
// violation; 1: violations, of which the first few are printed. With --expect-caught the other way round: a
// fault is planted (COCOZVEC_FAULT, test builds only) and the harness has to find it.
// tests/reliability/README.md. Two commands serve power_loss.py and block_disk.py: `stream PATH
// [relaxed|stubborn|full]`, `examine PATH BATCHES`.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "base/fault.h"
#include "base/io/file_system.h"
#include "harness.h"
#include "stream.h"

namespace reliability {
namespace {

struct Named {
  const char* name;
  Harness run;
};
constexpr Named kHarnesses[] = {
    {"power", PowerCuts},
    {"compound", CompoundCuts},
    {"sequences", ShortSequences},
    {"order", WriteOrder},
    {"faults", DiskFaults},
    {"returns", FailedReturns},
    {"model", AgainstModel},
    {"locks", Locks},
    {"allocations", FailedAllocations},
    {"forks", Forks},
    {"signals", Signals},
    {"leaks", Leaks},
    {"stress", Stress},
    {"followers", Followers},
    {"logs", FullLogs},
    {"kills", Kills},
    {"shim_kills", ShimKills},
    {"flips", FlippedBytes},
    {"large_flips", LargeFlips},
    {"cut_files", CutFiles},
    {"log_damage", DamagedLogs},
    {"misplaced", MisplacedBlocks},
    {"salvage", Salvage},
    {"missing", MissingFiles},
    {"sizes", DeclaredSizes},
    {"links", PlantedLinks},
    {"churn", ChurnOnDisk},
    {"memory", MemoryBudget},
};

int Misuse() {
  std::fputs(
      "usage: reliability HARNESS [--from N] [--count N] [--directory PATH] [--expect-caught] [--verbose]\n",
      stderr);
  for (const Named& harness : kHarnesses) std::fprintf(stderr, "  %s\n", harness.name);
  return 2;
}

int Run(const Named& harness, Settings settings, bool expect_caught) {
  const bool own_directory = settings.directory.empty();
  if (own_directory) {
    // In memory where that is possible: a process that dies leaves the same there, and syncs cost nothing.
    std::string name = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    name += "/zvec-reliability-XXXXXX";
    if (mkdtemp(name.data()) == nullptr) return 2;
    settings.directory = name;
  }
  Tally tally;
  harness.run(settings, tally);
  if (own_directory) (void)cocozvec::RemoveTree(cocozvec::PosixFileSystem(), settings.directory);
  std::printf("%s\n", tally.ToJson(harness.name, settings).c_str());
  if (expect_caught) {
    std::printf(tally.violations() != 0 ? "caught: %s\n" : "NOT caught%s\n",
                tally.violations() != 0 ? tally.examples()[0].c_str() : "");
    return tally.violations() != 0 ? 0 : 1;
  }
  for (const std::string& example : tally.examples()) std::fprintf(stderr, "VIOLATION %s\n", example.c_str());
  return tally.violations() == 0 ? 0 : 1;
}

}  // namespace

void Tally::Violation(std::string text) {
  if (++violations_ <= 5) examples_.push_back(std::move(text));
}

std::string Tally::ToJson(std::string_view harness, const Settings& settings) const {
  std::string json = "{\"harness\": \"" + std::string(harness) +
                     "\", \"from\": " + std::to_string(settings.from) +
                     ", \"count\": " + std::to_string(settings.count);
  for (const auto& [what, n] : figures_) json += ", \"" + what + "\": " + std::to_string(n);
  return json + ", \"violations\": " + std::to_string(violations_) + "}";
}

}  // namespace reliability

int main(int argc, char** argv) {
  using namespace reliability;
  if (argc < 2) return Misuse();
  if (std::strcmp(argv[1], "stream") == 0 && argc >= 3)
    return StreamBatches(argv[2], argc == 3 ? "durable" : argv[3]);
  if (std::strcmp(argv[1], "operate") == 0 && argc == 3)
    return OperateOnce(std::strtoull(argv[2], nullptr, 10));
  if (std::strcmp(argv[1], "examine") == 0 && (argc == 5 || argc == 6))
    return ExamineBatches(argv[2], std::strtoull(argv[3], nullptr, 10), std::strtoull(argv[4], nullptr, 10),
                          argc == 6);
  Settings settings;
  bool expect_caught = false;
  for (int i = 2; i < argc; ++i) {
    const std::string argument = argv[i];
    const bool has_value = i + 1 < argc;
    if (argument == "--from" && has_value) {
      settings.from = std::strtoull(argv[++i], nullptr, 10);
    } else if (argument == "--count" && has_value) {
      settings.count = std::strtoull(argv[++i], nullptr, 10);
    } else if (argument == "--directory" && has_value) {
      settings.directory = argv[++i];
    } else if (argument == "--expect-caught") {
      expect_caught = true;
    } else if (argument == "--verbose") {
      settings.verbose = true;
    } else {
      return Misuse();
    }
  }
  for (const Named& harness : kHarnesses)
    if (std::strcmp(harness.name, argv[1]) == 0) return Run(harness, settings, expect_caught);
  return Misuse();
}
