// Windows of two by two that do not overlap: the largest cell, which it was, and the way back to it.
#pragma once

#include "base/simd.h"

namespace pellucid::PELLUCID_ISA {

// The first maximum wins, and a NaN beats every number; winners are numbered in reading order.
PELLUCID_INLINE void first_maximum(const Vector (&cells)[4], Vector* largest, Integers* winner) {
  Vector best = cells[0];
  Integers number = {};
  PELLUCID_UNROLL
  for (int cell = 1; cell < 4; ++cell) {
    const Integers better = (cells[cell] > best) | (is_nan(cells[cell]) & ~is_nan(best));
    best = select(better, cells[cell], best);
    number = select(better, broadcast_integer(cell), number);
  }
  *largest = best;
  *winner = number;
}

// The same after a ReLU: nothing below zero, and no winner, -1, where nothing is positive or a cell is NaN.
PELLUCID_INLINE void first_positive_maximum(const Vector (&cells)[4], Vector* largest, Integers* winner) {
  // These maxima lose NaNs, which the comparisons find again.
  const Vector upper = select(cells[0] > cells[1], cells[0], cells[1]);
  const Vector lower = select(cells[2] > cells[3], cells[2], cells[3]);
  const Vector best = select(upper > lower, upper, lower);
  const Integers unordered = (is_nan(cells[0]) | is_nan(cells[1])) | (is_nan(cells[2]) | is_nan(cells[3]));
  Integers number = select(cells[2] == best, broadcast_integer(2), broadcast_integer(3));
  number = select(cells[1] == best, broadcast_integer(1), number);
  number = select(cells[0] == best, Integers{}, number);
  *winner = select(best > Vector{}, number, broadcast_integer(-1)) | unordered;
  *largest = vector_of(bits_of(select(best > Vector{}, best, Vector{})) | unordered);
}

// One row of windows: their deltas to the winners among two rows of `width` cells, zero to all others.
// Returns `sum` plus the deltas that had a winner.
PELLUCID_INLINE Vector scatter_to_winners(const Vector* gradient, const Integers* winners, int windows,
                                          int width, Vector* upper, Vector sum) {
  Vector* lower = upper + width;
  for (int window = 0; window < windows; ++window) {
    const Vector delta = gradient[window];
    const Integers winner = winners[window];
    upper[2 * window] = keep_where(winner == broadcast_integer(0), delta);
    upper[2 * window + 1] = keep_where(winner == broadcast_integer(1), delta);
    lower[2 * window] = keep_where(winner == broadcast_integer(2), delta);
    lower[2 * window + 1] = keep_where(winner == broadcast_integer(3), delta);
    sum += keep_where(winner >= broadcast_integer(0), delta);
  }
  for (int x = 2 * windows; x < width; ++x) upper[x] = lower[x] = Vector{};
  return sum;
}

}  // namespace pellucid::PELLUCID_ISA
