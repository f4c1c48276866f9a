#include "zvec/simd/code_kernels.h"

#include <cstdlib>

#if defined(ZVEC_SIMD_ARM64)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

#include "zvec/simd/levels.h"
#include "zvec/simd/supported.h"

namespace zvec::inline v0::simd {
namespace {

Supported<CodeKernels> Detect() {
  Supported<CodeKernels> found(&kScalarCodes);
#if defined(ZVEC_SIMD_X86)
  __builtin_cpu_init();
  const bool bits =
      __builtin_cpu_supports("popcnt") && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("f16c") && bits) found.push_back(&kAvx2Codes);
  if (bits && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")) {
    found.push_back(&kAvx512Codes);
    if (__builtin_cpu_supports("avx512vnni")) found.push_back(&kAvx512VnniCodes);
  }
#elif defined(ZVEC_SIMD_ARM64)
  found.push_back(&kNeonCodes);
  if ((getauxval(AT_HWCAP) & HWCAP_ASIMDDP) != 0) found.push_back(&kNeonDotCodes);
#endif
  return found;
}

}  // namespace

std::span<const CodeKernels* const> SupportedCodeKernels() {
  static const Supported<CodeKernels> supported = Detect();
  return supported.tables();
}

const CodeKernels& ChooseCodeKernels(std::span<const CodeKernels* const> supported, std::string_view wanted) {
  const CodeKernels* best = nullptr;
  for (const CodeKernels* kernels : supported) {
    if (!wanted.empty() && std::string_view(kernels->name).starts_with(wanted)) best = kernels;
  }
  return best != nullptr ? *best : *supported.back();  // kernels.cc says so when the name is unknown
}

const CodeKernels& ActiveCodeKernels() {
  static const CodeKernels& active = [&]() -> const CodeKernels& {
    const char* wanted = std::getenv("COCOZVEC_SIMD");
    return ChooseCodeKernels(SupportedCodeKernels(), wanted ? wanted : "");
  }();
  return active;
}

}  // namespace zvec::inline v0::simd
