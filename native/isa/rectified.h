// The rectifier: processors have an instruction for it, which the compiler does not find in a comparison.
#pragma once

#ifdef __SSE__
#include <immintrin.h>
#endif

#include "base/simd.h"

namespace pellucid::PELLUCID_ISA {

// Negative values count as 0, and a NaN stays one: of two numbers one of which is a NaN, x86 takes the second
// for the larger one.
PELLUCID_INLINE Vector rectified(Vector value) {
#if PELLUCID_LANES == 16 && defined(__AVX512F__)
  return _mm512_maskz_max_ps(0xFFFF, Vector{}, value);  // the plain one warns in GCC 12
#elif PELLUCID_LANES == 8 && defined(__AVX__)
  return _mm256_max_ps(Vector{}, value);
#elif PELLUCID_LANES == 4 && defined(__SSE__)
  return _mm_max_ps(Vector{}, value);
#else
  return select(value < Vector{}, Vector{}, value);
#endif
}

}  // namespace pellucid::PELLUCID_ISA
