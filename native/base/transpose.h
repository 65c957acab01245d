// Turning a square of floats over inside registers.
#pragma once

#include "base/simd.h"

namespace pellucid::PELLUCID_ISA {

// Lane numbers 0, 1, ... as template arguments.
template <int... NUMBERS>
struct Lanes {};
template <int COUNT, int... NUMBERS>
struct CountLanes : CountLanes<COUNT - 1, COUNT - 1, NUMBERS...> {};
template <int... NUMBERS>
struct CountLanes<0, NUMBERS...> {
  using Type = Lanes<NUMBERS...>;
};

// Of two rows `DISTANCE` apart, exchange the lanes of the first that have this bit with those of the second
// that have not.
template <int DISTANCE, int... LANE>
PELLUCID_INLINE void exchange(Vector& first, Vector& second, Lanes<LANE...>) {
  const Vector upper =
      __builtin_shufflevector(first, second, ((LANE & DISTANCE) != 0 ? LANES + LANE - DISTANCE : LANE)...);
  const Vector lower =
      __builtin_shufflevector(first, second, ((LANE & DISTANCE) != 0 ? LANES + LANE : LANE + DISTANCE)...);
  first = upper;
  second = lower;
}

// rows[i][j] becomes rows[j][i].
template <int DISTANCE = 1>
PELLUCID_INLINE void transpose(Vector (&rows)[LANES]) {
  PELLUCID_UNROLL
  for (int row = 0; row < LANES; ++row) {
    if ((row & DISTANCE) == 0) {
      exchange<DISTANCE>(rows[row], rows[row + DISTANCE], typename CountLanes<LANES>::Type{});
    }
  }
  if constexpr (2 * DISTANCE < LANES) transpose<2 * DISTANCE>(rows);
}

}  // namespace pellucid::PELLUCID_ISA
