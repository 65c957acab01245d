// Roots and powers of vectors, to a few units in the last place.
#pragma once

#include "base/simd.h"
#include "base/vector_math.h"

namespace pellucid::PELLUCID_ISA {

PELLUCID_INLINE Vector square_root(Vector x) {
  Vector root;
  PELLUCID_UNROLL
  for (int lane = 0; lane < LANES; ++lane) root[lane] = __builtin_sqrtf(x[lane]);
  return root;
}

// x^exponent of a positive normal number; the error grows with |exponent log x|.
PELLUCID_INLINE Vector power(Vector x, float exponent) {
  return exponential(natural_logarithm(x) * exponent);
}

}  // namespace pellucid::PELLUCID_ISA
