// Summing the lanes of several vectors at once.
#pragma once

#include "base/simd.h"

namespace pellucid::PELLUCID_ISA {

// Where two vectors of groups of SIZE lanes are halved into one of groups of SIZE / 2, the first vector's and
// the second's in turn: the lanes of the lower or the upper halves.
template <int SIZE>
PELLUCID_INLINE Integers halves(bool upper) {
  constexpr int HALF = SIZE / 2;
  Integers lanes;
  PELLUCID_UNROLL
  for (int lane = 0; lane < LANES; ++lane) {
    const int group = lane / HALF;
    lanes[lane] = (group % 2 != 0 ? LANES : 0) + group / 2 * SIZE + lane % HALF + (upper ? HALF : 0);
  }
  return lanes;
}

template <int SIZE>
PELLUCID_INLINE Vector fold_groups(Vector first, Vector second) {
  return __builtin_shuffle(first, second, halves<SIZE>(false)) +
         __builtin_shuffle(first, second, halves<SIZE>(true));
}

template <int COUNT>
PELLUCID_INLINE Vector sum_groups(const Vector* vectors) {
  if constexpr (COUNT == 1) {
    return vectors[0];
  } else {
    Vector folded[COUNT / 2];
    PELLUCID_UNROLL
    for (int i = 0; i < COUNT / 2; ++i) folded[i] = fold_groups<COUNT>(vectors[i], vectors[i + COUNT / 2]);
    return sum_groups<COUNT / 2>(folded);
  }
}

// Lane i is the sum of vector i's lanes.
PELLUCID_INLINE Vector sum_each(const Vector (&vectors)[LANES]) {
  return sum_groups<LANES>(vectors);
}

}  // namespace pellucid::PELLUCID_ISA
