#include "zvec/simd/kernels.h"

#include <cstdlib>
#include <string>

#include "cocozvec/base/log.h"
#include "zvec/simd/levels.h"
#include "zvec/simd/supported.h"

namespace zvec::inline v0::simd {
namespace {

Supported<Kernels> Detect() {
  Supported<Kernels> found(&kScalarKernels);
#if defined(ZVEC_SIMD_X86)
  __builtin_cpu_init();
  // The builtins ask the operating system too: registers that it does not save do not count.
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("f16c")) found.push_back(&kAvx2Kernels);
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")) {
    found.push_back(&kAvx512Kernels);
  }
#elif defined(ZVEC_SIMD_ARM64)
  found.push_back(&kNeonKernels);
#endif
  return found;
}

}  // namespace

std::span<const Kernels* const> SupportedKernels() {
  static const Supported<Kernels> supported = Detect();
  return supported.tables();
}

const Kernels& ChooseKernels(std::span<const Kernels* const> supported, std::string_view wanted) {
  for (const Kernels* kernels : supported) {
    if (kernels->name == wanted) return *kernels;
  }
  const Kernels& best = *supported.back();
  if (!wanted.empty()) {
    cocozvec::Log(cocozvec::LogLevel::kWarning, "COCOZVEC_SIMD is \"" + std::string(wanted) +
                                                    "\", which this CPU cannot run or nobody knows; using " +
                                                    best.name);
  }
  return best;
}

const Kernels& ActiveKernels() {
  static const Kernels& active = [&]() -> const Kernels& {
    const char* wanted = std::getenv("COCOZVEC_SIMD");
    return ChooseKernels(SupportedKernels(), wanted ? wanted : "");
  }();
  return active;
}

}  // namespace zvec::inline v0::simd
