// The tables of kernels.h, one per file. Tables of other CPUs than the one built for do not exist.
#pragma once

#include "zvec/simd/kernels.h"

namespace zvec::inline v0::simd {

extern const Kernels kScalarKernels;
extern const Kernels kAvx2Kernels;
extern const Kernels kAvx512Kernels;

}  // namespace zvec::inline v0::simd
