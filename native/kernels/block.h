// How loops are cut into register blocks: a table of kernels, one a block size, and even cuts.
#pragma once

#include "base/simd.h"

namespace pellucid::PELLUCID_ISA {

// `total` in as few parts of at most `largest` as possible, all equal or one apart.
struct Cut {
  int parts;
  int base;
  int longer;  // how many parts hold one more than `base`

  PELLUCID_INLINE Cut(int total, int largest)
      : parts((total + largest - 1) / largest),
        base(parts > 0 ? total / parts : 0),
        longer(parts > 0 ? total % parts : 0) {}
  [[nodiscard]] PELLUCID_INLINE int size(int part) const { return part < longer ? base + 1 : base; }
  // Of an empty total too, so that it may divide.
  [[nodiscard]] PELLUCID_INLINE int longest() const {
    const int size = longer > 0 ? base + 1 : base;
    return size > 1 ? size : 1;
  }
};

// Cut `total` into `parts`: where part `number` begins.
PELLUCID_INLINE std::int64_t cut_at(std::int64_t total, std::int64_t number, std::int64_t parts) {
  return total * number / parts;
}

// Longest side of a block.
constexpr int LARGEST = ACCUMULATORS < 16 ? ACCUMULATORS : 16;

// Block<MAPS, CELLS>::run for every MAPS x CELLS that fits the accumulators, CELLS up to WIDEST.
template <template <int, int> typename Block, int WIDEST = LARGEST>
struct BlockTable {
  using Function = decltype(&Block<1, 1>::run);
  Function functions[LARGEST + 1][WIDEST + 1] = {};

  constexpr BlockTable() { fill_maps<1>(); }

  template <int MAPS>
  constexpr void fill_maps() {
    fill_cells<MAPS, 1>();
    if constexpr (MAPS < LARGEST) fill_maps<MAPS + 1>();
  }
  template <int MAPS, int CELLS>
  constexpr void fill_cells() {
    functions[MAPS][CELLS] = &Block<MAPS, CELLS>::run;
    if constexpr (CELLS < WIDEST && MAPS * (CELLS + 1) <= ACCUMULATORS) fill_cells<MAPS, CELLS + 1>();
  }
};

// sum[row][column] += left(row) right(column), each of them read once: the fewer stay in registers, the
// others pass by. What follows is read afterwards, or the compiler runs out of registers.
template <int ROWS, int COLUMNS, typename Left, typename Right>
PELLUCID_INLINE void add_products(Vector (&sum)[ROWS][COLUMNS], const Left& left, const Right& right) {
  if constexpr (ROWS <= COLUMNS) {
    Vector held[ROWS];
    PELLUCID_UNROLL
    for (int row = 0; row < ROWS; ++row) held[row] = left(row);
    PELLUCID_UNROLL
    for (int column = 0; column < COLUMNS; ++column) {
      const Vector passing = right(column);
      PELLUCID_UNROLL
      for (int row = 0; row < ROWS; ++row) sum[row][column] += held[row] * passing;
    }
  } else {
    Vector held[COLUMNS];
    PELLUCID_UNROLL
    for (int column = 0; column < COLUMNS; ++column) held[column] = right(column);
    PELLUCID_UNROLL
    for (int row = 0; row < ROWS; ++row) {
      const Vector passing = left(row);
      PELLUCID_UNROLL
      for (int column = 0; column < COLUMNS; ++column) sum[row][column] += passing * held[column];
    }
  }
  keep_order();
}

// Maps x cells to aim for when both abound: the squarest block loads least.
constexpr int PREFERRED_MAPS = REGISTERS == 32 ? 4 : 3;

PELLUCID_INLINE int smaller(int a, int b) {
  return a < b ? a : b;
}
PELLUCID_INLINE int larger(int a, int b) {
  return a > b ? a : b;
}

// Maps of the next block, of those left. Where few sums fit, whole blocks and single maps, which leave room
// for many cells, keep the multipliers busier than even shares.
PELLUCID_INLINE int next_maps(int left, int largest) {
  if (largest > 3) return Cut(left, largest).longest();
  return left >= largest ? largest : 1;
}

// Cells of a row to hold in one block, when `maps` maps are at hand.
PELLUCID_INLINE int largest_cells(int maps) {
  return smaller(ACCUMULATORS / smaller(maps, PREFERRED_MAPS), LARGEST);
}

}  // namespace pellucid::PELLUCID_ISA
