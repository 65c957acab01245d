// convolution_pooled_output: input (padded), weights, bias or null, groups, connections -> the maxima of
// windows of two by two output cells, after a ReLU where `rectify` is set, and, unless null, which cell won.
//
// A window's four cells never leave the registers, so the convolution's own output is never written.
#include "base/simd.h"
#include "kernels/block.h"
#include "kernels/convolution/convolution.h"
#include "kernels/declarations.h"
#include "kernels/pooling/maximum.h"

namespace pellucid::PELLUCID_ISA {
namespace {

// Windows of one map, or maps of one window, whose cells fit the accumulators.
constexpr int LARGEST_BLOCK = ACCUMULATORS / 4;

struct PooledArguments {
  const Vector* input;  // at the first tap of the row's first window
  const float* weights;
  const float* bias;
  const Connection* connections;
  Vector* output;
  Integers* winners;
  int connection_count;
  int weight_stride;
  int plane;              // cells of an input map
  int out_plane;          // cells of an output map
  std::int64_t row;       // cells of an input row, times the dilation
  std::int64_t next_row;  // from a window's first cell to the one below
  int next_cell;          // and to its neighbour
  int kernel_height;
  int kernel_width;
  int dilation;
  int windows;
  bool rectify;
};

// MAPS output maps of a row of windows, WINDOWS at a time; more than one only where the stride is 1 along
// rows.
template <int MAPS, int WINDOWS, bool UNIT>
struct PooledBlock {
  static constexpr int COLUMNS = 2 * WINDOWS;
  static constexpr int CELLS = 2 * COLUMNS;  // the upper row's, then the lower's

  // The loop over taps is not unrolled: the processor overlaps its rounds, and the compiler, given one round,
  // finds registers for all its sums.
  PELLUCID_INLINE static void correlate(const PooledArguments& a, const Vector* window,
                                        Vector (&sum)[MAPS][CELLS]) {
    const std::int64_t next_cell = UNIT ? 1 : a.next_cell;
    const std::int64_t dilation = UNIT ? 1 : a.dilation;
    const std::int64_t next_row = a.next_row;
    const std::int64_t weight_stride = a.weight_stride;
    const std::int64_t kernel_width = a.kernel_width;
    for (int c = 0; c < a.connection_count; ++c) {
      const Vector* row = window + static_cast<std::int64_t>(a.connections[c].map) * a.plane;
      const float* weight = a.weights + a.connections[c].weight;
      const float* const last = weight + a.kernel_height * kernel_width;
      for (; weight != last; row += a.row) {
        const Vector* tap = row;
        const float* const row_end = weight + kernel_width;
        for (; weight != row_end; tap += dilation, ++weight) {
          tap = reread(tap);  // or a cell is kept for the next tap, in a register that a sum needs
          const Vector* lower = reread(tap + next_row);
          add_products(
              sum, [&](int map) { return broadcast(weight[map * weight_stride]); },
              [&](int cell) {
                return cell < COLUMNS ? tap[cell * next_cell] : lower[(cell - COLUMNS) * next_cell];
              });
        }
      }
    }
  }

  PELLUCID_INLINE static void pool(const PooledArguments& a, const Vector (&sum)[CELLS], int out) {
    PELLUCID_UNROLL
    for (int window = 0; window < WINDOWS; ++window) {
      const int x = 2 * window;
      const Vector cells[4] = {sum[x], sum[x + 1], sum[COLUMNS + x], sum[COLUMNS + x + 1]};
      Integers winner;
      if (a.rectify) {
        first_positive_maximum(cells, &a.output[out + window], &winner);
      } else {
        first_maximum(cells, &a.output[out + window], &winner);
      }
      if (a.winners != nullptr) a.winners[out + window] = winner;
    }
  }

  static void run(const PooledArguments& a) {
    for (int x = 0; x < a.windows; x += WINDOWS) {
      Vector sum[MAPS][CELLS];
      PELLUCID_UNROLL
      for (int map = 0; map < MAPS; ++map) {
        const Vector start = a.bias != nullptr ? broadcast(a.bias[map]) : Vector{};
        PELLUCID_UNROLL
        for (int cell = 0; cell < CELLS; ++cell) sum[map][cell] = start;
      }
      correlate(a, a.input + static_cast<std::int64_t>(2) * x * a.next_cell, sum);
      PELLUCID_UNROLL
      for (int map = 0; map < MAPS; ++map) pool(a, sum[map], map * a.out_plane + x);
    }
  }
};

using Function = decltype(&PooledBlock<1, 1, true>::run);

// PooledBlock<MAPS, WINDOWS, UNIT>::run for every block that fits the accumulators.
template <bool UNIT>
struct PooledTable {
  Function functions[LARGEST_BLOCK + 1][LARGEST_BLOCK + 1] = {};

  constexpr PooledTable() { fill_maps<1>(); }

  template <int MAPS>
  constexpr void fill_maps() {
    fill_windows<MAPS, 1>();
    if constexpr (MAPS < LARGEST_BLOCK) fill_maps<MAPS + 1>();
  }
  template <int MAPS, int WINDOWS>
  constexpr void fill_windows() {
    functions[MAPS][WINDOWS] = &PooledBlock<MAPS, WINDOWS, UNIT>::run;
    if constexpr (UNIT && MAPS * (WINDOWS + 1) <= LARGEST_BLOCK) fill_windows<MAPS, WINDOWS + 1>();
  }
};

constexpr PooledTable<true> unit_blocks;
constexpr PooledTable<false> any_blocks;

// One row of windows of `maps` maps: a.input, a.output and a.winners are at the first.
void pool_row(PooledArguments a, int maps, int windows, bool unit) {
  const Cut cut(windows, unit ? LARGEST_BLOCK / maps : 1);
  // Equal pieces follow each other: the longer ones, then the others.
  for (const bool longer : {true, false}) {
    const int size = longer ? cut.base + 1 : cut.base;
    a.windows = size * (longer ? cut.longer : cut.parts - cut.longer);
    if (a.windows == 0) continue;
    (unit ? unit_blocks.functions : any_blocks.functions)[maps][size](a);
    a.input += static_cast<std::int64_t>(2) * a.windows * a.next_cell;
    a.output += a.windows;
    if (a.winners != nullptr) a.winners += a.windows;
  }
}

}  // namespace

void convolution_pooled_output(const Call& call) {
  const auto& shape = call.as<ConvolutionAttributes>();
  const auto* input = call.operand<const Vector>(0);
  const auto* weights = call.operand<const float>(1);
  const auto* bias = call.operand<const float>(2);
  const auto* groups = call.operand<const ConnectionGroup>(3);
  const auto* connections = call.operand<const Connection>(4);
  auto* output = call.operand<Vector>(5);
  auto* winners = call.operand<Integers>(6);

  const int in_width = static_cast<int>(shape.in_width);
  const int height = static_cast<int>(shape.out_height) / 2;
  const int width = static_cast<int>(shape.out_width) / 2;
  PooledArguments a = {};
  a.plane = static_cast<int>(shape.in_height) * in_width;
  a.out_plane = height * width;
  a.row = static_cast<int>(shape.dilation_height) * in_width;
  a.next_row = static_cast<int>(shape.stride_height) * in_width;
  a.next_cell = static_cast<int>(shape.stride_width);
  a.kernel_height = static_cast<int>(shape.kernel_height);
  a.kernel_width = static_cast<int>(shape.kernel_width);
  a.dilation = static_cast<int>(shape.dilation_width);
  a.rectify = shape.rectify != 0;

  const bool unit = shape.stride_width == 1 && shape.dilation_width == 1;
  // Row after row, and all maps of a row together: the input rows are read from the nearest cache.
  for (int y = 0; y < height; ++y) {
    a.input = input + static_cast<std::int64_t>(2 * y) * a.next_row;
    for (int g = 0; g < shape.groups; ++g) {
      const ConnectionGroup group = groups[g];
      a.connections = connections + group.first_connection;
      a.connection_count = group.connections;
      a.weight_stride = group.weight_stride;
      int maps = 0;
      for (int map = 0; map < group.count; map += maps) {
        const int left = group.count - map;
        maps = unit ? next_maps(left, LARGEST_BLOCK) : smaller(left, LARGEST_BLOCK);
        const std::int64_t out = static_cast<std::int64_t>(group.first + map) * a.out_plane + y * width;
        a.weights = weights + static_cast<std::int64_t>(map) * group.weight_stride;
        a.bias = bias != nullptr ? bias + group.first + map : nullptr;
        a.output = output + out;
        a.winners = winners != nullptr ? winners + out : nullptr;
        pool_row(a, maps, width, unit);
      }
    }
  }
}

}  // namespace pellucid::PELLUCID_ISA
