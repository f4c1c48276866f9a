// The tables of kernels.h, code_kernels.h and mask_kernels.h, one per file. Tables of other CPUs than the one
// built for do not exist.
#pragma once

#include "zvec/simd/code_kernels.h"
#include "zvec/simd/kernels.h"
#include "zvec/simd/mask_kernels.h"

namespace zvec::inline v0::simd {

extern const Kernels kScalarKernels;
extern const Kernels kAvx2Kernels;
extern const Kernels kAvx512Kernels;
extern const Kernels kNeonKernels;

extern const CodeKernels kScalarCodes;
extern const CodeKernels kAvx2Codes;
extern const CodeKernels kAvx512Codes;
extern const CodeKernels kAvx512VnniCodes;
extern const CodeKernels kNeonCodes;
extern const CodeKernels kNeonDotCodes;

extern const MaskKernels kScalarMasks;
extern const MaskKernels kAvx2Masks;
extern const MaskKernels kAvx512Masks;
extern const MaskKernels kNeonMasks;

}  // namespace zvec::inline v0::simd
