// The best level of each kind of kernels that this CPU runs.
#include <cstdio>

#include "zvec/simd/code_kernels.h"
#include "zvec/simd/kernels.h"
#include "zvec/simd/mask_kernels.h"

int main() {
  std::printf("%s %s %s\n", zvec::simd::ActiveKernels().name, zvec::simd::ActiveCodeKernels().name,
              zvec::simd::ActiveMaskKernels().name);
}
