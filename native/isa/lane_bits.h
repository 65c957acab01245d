// What the lanes of a comparison say, gathered into bits, and back: processors have instructions for it, the
// compiler's vectors have none.
#pragma once

#ifdef __SSE__
#include <immintrin.h>
#endif

#include <cstdint>

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

// The same of four vectors that follow upon each other, the first one's lowest.
PELLUCID_INLINE std::uint64_t positive_lanes_of_four(const Vector* values) {
#if PELLUCID_LANES == 16 && defined(__AVX512BW__)
  const auto positive = [&](int i) { return _mm512_cmp_ps_mask(values[i], Vector{}, _CMP_GT_OQ); };
  const __mmask32 low = _mm512_kunpackw(positive(1), positive(0));
  const __mmask32 high = _mm512_kunpackw(positive(3), positive(2));
  return _cvtmask64_u64(_mm512_kunpackd(high, low));
#else
  std::uint64_t bits = 0;
  PELLUCID_UNROLL
  for (int i = 0; i < 4; ++i) bits |= static_cast<std::uint64_t>(positive_lanes(values[i])) << (i * LANES);
  return bits;
#endif
}

// A vector whose lanes are 0 where there is no bit.
PELLUCID_INLINE Vector keep_lanes(unsigned bits, Vector value) {
#if PELLUCID_LANES == 16 && defined(__AVX512F__)
  return _mm512_maskz_mov_ps(static_cast<__mmask16>(bits), value);
#else
  const Integers own = 1 << lane_numbers();
  return keep_where((broadcast_integer(static_cast<std::int32_t>(bits)) & own) != 0, value);
#endif
}

}  // namespace pellucid::PELLUCID_ISA
