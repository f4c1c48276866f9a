// base/cpu_level.h: which of the levels that kernels are written for this CPU can run. Threads: any.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace cocozvec::inline v0 {

enum class CpuLevel : std::uint8_t { kScalar, kAvx2, kAvx512 };

/// "scalar", "avx2", "avx512".
std::string_view CpuLevelName(CpuLevel level) noexcept;

/// From plain to best; kScalar is always there. kAvx2 has F16C too, kAvx512 is F, BW, DQ and VL.
std::span<const CpuLevel> SupportedCpuLevels();

/// The best of them, or the one that the environment variable COCOZVEC_SIMD names; read once. A name that
/// this CPU cannot run is ignored.
CpuLevel ActiveCpuLevel();

}  // namespace cocozvec::inline v0
