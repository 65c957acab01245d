// Long sums of vectors.
#pragma once

#include "base/simd.h"

namespace pellucid::PELLUCID_ISA {

// Cells that are summed before their sum joins the others, so that long sums stay exact.
constexpr std::int64_t CHUNK = 128;

// The sum of value(cell) over `cells` cells.
template <typename Value>
PELLUCID_INLINE Vector sum_cells(std::int64_t cells, const Value& value) {
  Vector total = {};
  for (std::int64_t first = 0; first < cells; first += CHUNK) {
    const std::int64_t end = first + CHUNK < cells ? first + CHUNK : cells;
    Vector sums[4] = {};
    std::int64_t cell = first;
    for (; cell + 4 <= end; cell += 4) {
      PELLUCID_UNROLL
      for (int i = 0; i < 4; ++i) sums[i] += value(cell + i);
    }
    for (; cell < end; ++cell) sums[0] += value(cell);
    total += (sums[0] + sums[1]) + (sums[2] + sums[3]);
  }
  return total;
}

}  // namespace pellucid::PELLUCID_ISA
