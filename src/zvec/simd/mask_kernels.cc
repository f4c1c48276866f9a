#include "zvec/simd/mask_kernels.h"

#include <cstdlib>

#include "zvec/simd/levels.h"
#include "zvec/simd/supported.h"

namespace zvec::inline v0::simd {
namespace {

Supported<MaskKernels> Detect() {
  Supported<MaskKernels> found(&kScalarMasks);
#if defined(ZVEC_SIMD_X86)
  __builtin_cpu_init();
  if (!__builtin_cpu_supports("popcnt")) return found;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("f16c")) found.push_back(&kAvx2Masks);
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")) {
    found.push_back(&kAvx512Masks);
  }
#elif defined(ZVEC_SIMD_ARM64)
  found.push_back(&kNeonMasks);
#endif
  return found;
}

}  // namespace

std::span<const MaskKernels* const> SupportedMaskKernels() {
  static const Supported<MaskKernels> supported = Detect();
  return supported.tables();
}

const MaskKernels& ChooseMaskKernels(std::span<const MaskKernels* const> supported, std::string_view wanted) {
  for (const MaskKernels* kernels : supported) {
    if (kernels->name == wanted) return *kernels;
  }
  return *supported.back();  // kernels.cc says so when the name is unknown
}

const MaskKernels& ActiveMaskKernels() {
  static const MaskKernels& active = [&]() -> const MaskKernels& {
    const char* wanted = std::getenv("COCOZVEC_SIMD");
    return ChooseMaskKernels(SupportedMaskKernels(), wanted ? wanted : "");
  }();
  return active;
}

}  // namespace zvec::inline v0::simd
