// Weight gradients of neighbouring taps of one kernel row, for stride and dilation 1 along rows.
#pragma once

#include "base/simd.h"
#include "kernels/block.h"

namespace pellucid::PELLUCID_ISA {

// Longest run of taps that one block takes.
constexpr int MAX_ROW_TAPS = 7;

struct WeightRowArguments {
  const Vector* input;     // the first tap's cell for the first output cell
  const Vector* gradient;  // the first map's first output cell
  Vector* sums;
  int sum_stride;      // between the sums of two maps
  int gradient_plane;  // between two maps of the gradient
  int gradient_row;    // between two rows of the gradient
  int input_row;       // between two input rows that windows begin on
  int rows;
  int columns;
};

// Adds to MAPS x TAPS sums, held in registers over all positions. Neighbouring output cells share all but
// one of their inputs, which therefore slide through registers. Where registers are few, a cell's last input
// is multiplied straight from memory, and takes a register only afterwards, from the first input, which is
// then done with.
template <int MAPS, int TAPS>
struct WeightRowBlock {
  static constexpr bool SCARCE = MAPS * TAPS + TAPS + 1 + (TAPS > 2 ? 1 : 0) >= REGISTERS;
  static constexpr int SLOTS = SCARCE ? TAPS - 1 : TAPS;

  // The input at `last` is what this cell does not share with the one before; the others begin in slot
  // `first`.
  PELLUCID_INLINE static void add_cell(Vector (&sum)[MAPS][TAPS], Vector (&inputs)[SLOTS], int first,
                                       const Vector* last, const Vector* gradient, int plane) {
    if constexpr (!SCARCE) inputs[(first + TAPS - 1) % SLOTS] = *last;
    // The distances between many maps are to be the same for every cell, or they take too many registers.
    if constexpr (!SCARCE && MAPS * SLOTS >= 12) gradient = reread(gradient);
    PELLUCID_UNROLL
    for (int map = 0; map < MAPS; ++map) {
      const Vector delta = gradient[map * plane];
      PELLUCID_UNROLL
      for (int tap = 0; tap < SLOTS; ++tap) sum[map][tap] += delta * inputs[(first + tap) % SLOTS];
      if constexpr (SCARCE) sum[map][TAPS - 1] += delta * *reread(last);
    }
    if constexpr (SCARCE) inputs[first] = *reread(last);
    if constexpr (!SCARCE) keep_order();
  }

  static void run(const WeightRowArguments& a) {
    Vector sum[MAPS][TAPS] = {};  // added to the others at the end: shorter sums round less
    const int plane = a.gradient_plane;
    for (int y = 0; y < a.rows; ++y) {
      const Vector* input = a.input + static_cast<std::int64_t>(y) * a.input_row;
      const Vector* gradient = a.gradient + static_cast<std::int64_t>(y) * a.gradient_row;
      Vector inputs[SLOTS];
      PELLUCID_UNROLL
      for (int tap = 0; tap < TAPS - 1; ++tap) inputs[tap] = input[tap];
      input += TAPS - 1;
      int x = 0;
      for (; x + SLOTS <= a.columns; x += SLOTS, input += SLOTS, gradient += SLOTS) {
        PELLUCID_UNROLL
        for (int cell = 0; cell < SLOTS; ++cell) {
          add_cell(sum, inputs, cell, input + cell, gradient + cell, plane);
        }
      }
      for (; x < a.columns; ++x, ++input, ++gradient) {
        add_cell(sum, inputs, 0, input, gradient, plane);
        const Vector oldest = inputs[0];
        PELLUCID_UNROLL
        for (int slot = 0; slot < SLOTS - 1; ++slot) inputs[slot] = inputs[slot + 1];
        inputs[SLOTS - 1] = oldest;
      }
    }
    PELLUCID_UNROLL
    for (int map = 0; map < MAPS; ++map) {
      PELLUCID_UNROLL
      for (int tap = 0; tap < TAPS; ++tap) a.sums[map * a.sum_stride + tap] += sum[map][tap];
    }
  }
};

// Maps whose sums fit beside the inputs and one delta.
constexpr int row_maps(int taps) {
  const int fit = (REGISTERS - 1 - taps) / taps;
  return fit < 8 ? fit : 8;
}

// WeightRowBlock<MAPS, TAPS>::run for every pair that fits the registers, TAPS up to LONGEST.
template <int LONGEST>
struct WeightRowTable {
  decltype(&WeightRowBlock<1, 1>::run) functions[8 + 1][LONGEST + 1] = {};

  constexpr WeightRowTable() { fill_taps<1>(); }

  template <int TAPS>
  constexpr void fill_taps() {
    fill_maps<1, TAPS>();
    if constexpr (TAPS < LONGEST) fill_taps<TAPS + 1>();
  }
  template <int MAPS, int TAPS>
  constexpr void fill_maps() {
    functions[MAPS][TAPS] = &WeightRowBlock<MAPS, TAPS>::run;
    if constexpr (MAPS < row_maps(TAPS)) fill_maps<MAPS + 1, TAPS>();
  }
};

}  // namespace pellucid::PELLUCID_ISA
