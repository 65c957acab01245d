// Summing the lanes of several vectors at once.
#pragma once

#include <utility>

#include "base/simd.h"

namespace pellucid::PELLUCID_ISA {

// Two vectors of groups of SIZE lanes become one of groups of half the size, the first vector's and the
// second's in turn: each lane of a group's lower half is added to one of its upper half. Where those lie,
// counted over both vectors.
template <int SIZE>
constexpr int half_lane(int lane, int half) {
  constexpr int HALF = SIZE / 2;
  const int group = lane / HALF;
  return group % 2 * LANES + group / 2 * SIZE + lane % HALF + half * HALF;
}

template <int SIZE, int... LANE>
PELLUCID_INLINE Vector fold_groups(Vector first, Vector second, std::integer_sequence<int, LANE...>) {
  return __builtin_shufflevector(first, second, half_lane<SIZE>(LANE, 0)...) +
         __builtin_shufflevector(first, second, half_lane<SIZE>(LANE, 1)...);
}

template <int COUNT>
PELLUCID_INLINE Vector sum_groups(const Vector* vectors) {
  if constexpr (COUNT == 1) {
    return vectors[0];
  } else {
    Vector folded[COUNT / 2];
    PELLUCID_UNROLL
    for (int i = 0; i < COUNT / 2; ++i) {
      folded[i] =
          fold_groups<COUNT>(vectors[i], vectors[i + COUNT / 2], std::make_integer_sequence<int, LANES>{});
    }
    return sum_groups<COUNT / 2>(folded);
  }
}

// Lane i is the sum of vector i's lanes.
PELLUCID_INLINE Vector sum_each(const Vector (&vectors)[LANES]) {
  return sum_groups<LANES>(vectors);
}

}  // namespace pellucid::PELLUCID_ISA
