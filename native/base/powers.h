// Roots, logarithms and powers of vectors, to a few units in the last place.
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

// log(x) of a positive normal number: x = 2^n m with m around 1, and log(m) = 2 atanh((m - 1) / (m + 1)).
PELLUCID_INLINE Vector logarithm(Vector x) {
  const Integers bits = bits_of(x);
  const Integers n = (bits - broadcast_integer(0x3f3504f3)) >> 23;
  const Vector m = vector_of(bits - (n << 23));
  const Vector s = (m - 1.0F) / (m + 1.0F);
  const Vector square = s * s;
  Vector series = broadcast(1.0F / 11);
  series = series * square + 1.0F / 9;
  series = series * square + 1.0F / 7;
  series = series * square + 1.0F / 5;
  series = series * square + 1.0F / 3;
  const Vector whole = __builtin_convertvector(n, Vector);
  // ln 2 in two parts, the first of few bits.
  const Vector rest = 2.0F * (s * square * series) + whole * -2.12194440e-4F;
  return whole * 0.693359375F + (2.0F * s + rest);
}

// x^exponent of a positive normal number; the error grows with |exponent log x|.
PELLUCID_INLINE Vector power(Vector x, float exponent) {
  return exponential(logarithm(x) * exponent);
}

}  // namespace pellucid::PELLUCID_ISA
