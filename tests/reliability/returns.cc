// R3: on real files, through the preloaded fault_shim.c: too many open files, no permission, a read-only file
// system, a quota, no memory for a mapping, once at every call and from then on: an error that names the
// file, and nothing is lost. An interruption at any call, short reads and writes: nobody notices.
#include <dlfcn.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "fault_shim.h"
#include "faulty_life.h"
#include "harness.h"
#include "zvec/collection/testing/test_docs.h"

namespace reliability {
namespace {

constexpr unsigned kNames = FAULTSHIM_CREATE | FAULTSHIM_NAME;

struct Failure {
  const char* name;
  int error;
  unsigned kinds;
  bool invisible;  ///< nobody may notice
  zvec::StatusCode code;
};
constexpr Failure kFailures[] = {
    {"EINTR", EINTR, FAULTSHIM_INTERRUPTIBLE, true, StatusCode::kOk},
    {"EMFILE", EMFILE, FAULTSHIM_OPEN | FAULTSHIM_CREATE, false, StatusCode::kResourceExhausted},
    {"EACCES", EACCES, kNames | FAULTSHIM_OPEN, false, StatusCode::kPermissionDenied},
    {"EROFS", EROFS, kNames | FAULTSHIM_TRUNCATE, false, StatusCode::kPermissionDenied},
    {"EDQUOT", EDQUOT, kNames | FAULTSHIM_WRITE | FAULTSHIM_SYNC, false, StatusCode::kResourceExhausted},
    {"ENOMEM", ENOMEM, FAULTSHIM_MAP, false, StatusCode::kResourceExhausted},
    {"EIO", EIO, FAULTSHIM_STAT | FAULTSHIM_READ, false, StatusCode::kIoError},
};

/// A directory with "parent" in it; the process stands there.
class RealDevice final : public FaultyDevice {
 public:
  RealDevice(FaultShim& shim, const Failure& failure, std::uint64_t at, bool sticky)
      : shim_(shim), failure_(failure) {
    std::filesystem::remove_all("parent");
    shim_.error = failure.error;
    shim_.kinds = failure.kinds;
    shim_.at = at;
    shim_.sticky = sticky;
    shim_.calls = shim_.struck = 0;
  }
  cocozvec::FileSystem& fs() override { return cocozvec::PosixFileSystem(); }
  bool struck() const override { return shim_.struck != 0; }
  void Clear() override { shim_.at = 0; }
  void Arm(bool on) override { shim_.armed = on; }
  std::vector<Seen> Pictures(const zvec::CollectionOptions& options) override {
    std::filesystem::remove_all("copy");
    std::filesystem::create_directory("copy");
    if (std::filesystem::exists("parent"))
      std::filesystem::copy("parent", "copy/parent", std::filesystem::copy_options::recursive);
    if (chdir("copy") != 0) std::abort();
    std::vector<Seen> seen = {LookAt(fs(), options)};
    if (chdir("..") != 0) std::abort();
    return seen;
  }
  std::string Judge(const Status& status) override {
    if (failure_.invisible) return "it was noticed: " + status.ToString();
    if (status.code() != failure_.code && status.code() != StatusCode::kFailedPrecondition)
      return "the wrong code: " + status.ToString();
    const bool named = status.message().find("parent") != std::string_view::npos ||
                       status.message().find("directory .:") != std::string_view::npos;
    return named ? "" : "no file is named: " + status.ToString();
  }

 private:
  FaultShim& shim_;
  const Failure& failure_;
};

constexpr std::uint64_t kShares = 16;

void ShortLife(FaultShim& shim, std::uint64_t n, Tally& tally) {
  constexpr Failure kNone = {"short", 0, 0, true, StatusCode::kOk};
  RealDevice device(shim, kNone, 0, false);
  shim.short_seed = n;
  const std::uint64_t before = shim.shortened + shim.interrupted;
  const std::string problem = FaultyLife(device, n % 2 == 0).Run(PlanOf(n));
  shim.short_seed = 0;
  if (!problem.empty()) tally.Violation("short reads and writes, seed " + std::to_string(n) + ": " + problem);
  tally.Count("shortened_or_interrupted", shim.shortened + shim.interrupted - before);
}

}  // namespace

/// Case n: every sixteenth call of a life, beginning with the (n - 1) % 16 + 1st, for each failure; the life
/// has the seed (n - 1) / 16 + 1. And ten lives in which reads and writes are short.
void FailedReturns(const Settings& settings, Tally& tally) {
  auto* shim = static_cast<FaultShim*>(dlsym(RTLD_DEFAULT, "faultshim"));
  if (shim == nullptr) return tally.Violation("libfaultshim.so is not preloaded");
  zvec::testing_docs::TempPlace place(/*in_memory=*/true);
  if (chdir(place.root().c_str()) != 0) return tally.Violation("no directory " + place.root());
  for (std::uint64_t n = settings.from; n < settings.from + settings.count; ++n) {
    const std::uint64_t seed = (n - 1) / kShares + 1;
    const Plan plan = PlanOf(seed);
    for (const Failure& failure : kFailures)
      for (const bool sticky : {false, true})
        for (std::uint64_t at = (n - 1) % kShares + 1; !(failure.invisible && sticky); at += kShares) {
          RealDevice device(*shim, failure, at, sticky);
          const std::string problem = FaultyLife(device, failure.error == ENOMEM || at % 2 == 0).Run(plan);
          if (!problem.empty())
            tally.Violation("seed " + std::to_string(seed) + ", " + failure.name +
                            (sticky ? " from" : " at") + " call " + std::to_string(at) + ": " + problem);
          if (!device.struck()) break;
          tally.Count("failed_calls");
        }
    for (std::uint64_t i = 0; i < 10; ++i) ShortLife(*shim, n * 10 + i, tally);
  }
  tally.Count("maps", shim->maps);
  if (shim->maps == 0) tally.Violation("no file was mapped");
  if (shim->bad_maps != 0)  // R7
    tally.Violation(std::to_string(shim->bad_maps) + " mappings to write, beyond the end or with a hole");
  if (tally.figure("shortened_or_interrupted") == 0) tally.Violation("no read or write was short");
  (void)!chdir("/");
}

}  // namespace reliability
