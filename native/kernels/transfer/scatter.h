// From an array whose lanes are apart to one plane a lane.
#pragma once

#include "base/simd.h"
#include "base/transpose.h"

namespace pellucid::PELLUCID_ISA {

// (count, lanes) -> the first `used` lanes, each a row of `count` numbers; rows are `stride` apart. A square
// of as many cells as lanes at a time.
PELLUCID_INLINE void scatter_lanes(const float* from, std::int64_t count, std::int64_t used, float* to,
                                   std::int64_t stride) {
  if (count < LANES) {
    for (std::int64_t lane = 0; lane < used; ++lane) {
      for (std::int64_t cell = 0; cell < count; ++cell) to[lane * stride + cell] = from[cell * LANES + lane];
    }
    return;
  }
  for (std::int64_t cell = 0; cell < count; cell += LANES) {
    if (cell + LANES > count) cell = count - LANES;  // the last square overlaps the one before
    Vector rows[LANES];
    for (int row = 0; row < LANES; ++row) rows[row] = load(from + (cell + row) * LANES);
    transpose(rows);
    for (std::int64_t lane = 0; lane < used; ++lane) store(to + lane * stride + cell, rows[lane]);
  }
}

}  // namespace pellucid::PELLUCID_ISA
