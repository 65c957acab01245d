// What the passes of fully connected layers share: rows of features, (images, padded features).
#pragma once

#include "base/simd.h"

namespace pellucid::PELLUCID_ISA {

// Outputs that a forward step has sums of at a time: their weights of one run stay in the first cache while
// all images pass; lowering/blocks/dense.py knows the same number.
constexpr int LINEAR_GROUP = 24;

// `columns` of each of some rows of weights -> (rows, LANES), zeros behind them.
PELLUCID_INLINE void copy_edge(const float* from, std::int64_t stride, int rows, int columns, float* to) {
  for (int row = 0; row < rows; ++row, from += stride, to += LANES) {
    for (int column = 0; column < LANES; ++column) to[column] = column < columns ? from[column] : 0.0F;
  }
}

}  // namespace pellucid::PELLUCID_ISA
