// What the lanes of a comparison say, gathered into bits: processors have an instruction for it, the
// compiler's vectors have none.
#pragma once

#ifdef __SSE__
#include <immintrin.h>
#endif

#include "base/simd.h"

namespace pellucid::PELLUCID_ISA {

// A bit for every lane that is positive, lane 0's lowest.
PELLUCID_INLINE unsigned positive_lanes(Vector value) {
#if PELLUCID_LANES == 16 && defined(__AVX512F__)
  return _mm512_cmp_ps_mask(value, Vector{}, _CMP_GT_OQ);
#elif PELLUCID_LANES == 8 && defined(__AVX__)
  return static_cast<unsigned>(_mm256_movemask_ps(vector_of(value > Vector{})));
#elif PELLUCID_LANES == 4 && defined(__SSE__)
  return static_cast<unsigned>(_mm_movemask_ps(vector_of(value > Vector{})));
#else
  unsigned bits = 0;
  for (int lane = 0; lane < LANES; ++lane) bits |= static_cast<unsigned>(value[lane] > 0) << lane;
  return bits;
#endif
}

}  // namespace pellucid::PELLUCID_ISA
