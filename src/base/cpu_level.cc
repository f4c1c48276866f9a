#include "base/cpu_level.h"

#include <cstdlib>
#include <vector>

namespace cocozvec::inline v0 {
namespace {

std::vector<CpuLevel> Detect() {
  std::vector<CpuLevel> found = {CpuLevel::kScalar};
#if defined(__x86_64__)
  __builtin_cpu_init();
  // The builtins ask the operating system too: registers that it does not save do not count.
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("f16c")) found.push_back(CpuLevel::kAvx2);
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")) {
    found.push_back(CpuLevel::kAvx512);
  }
#endif
  return found;
}

}  // namespace

std::string_view CpuLevelName(CpuLevel level) noexcept {
  switch (level) {
    case CpuLevel::kAvx2:
      return "avx2";
    case CpuLevel::kAvx512:
      return "avx512";
    default:
      return "scalar";
  }
}

std::span<const CpuLevel> SupportedCpuLevels() {
  static const std::vector<CpuLevel> supported = Detect();
  return supported;
}

CpuLevel ActiveCpuLevel() {
  static const CpuLevel active = [] {
    const char* wanted = std::getenv("COCOZVEC_SIMD");
    for (const CpuLevel level : SupportedCpuLevels()) {
      if (wanted != nullptr && CpuLevelName(level) == wanted) return level;
    }
    return SupportedCpuLevels().back();
  }();
  return active;
}

}  // namespace cocozvec::inline v0
