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

constexpr int WINDOW = 4;
constexpr int MAX_MAPS = ACCUMULATORS / WINDOW;

struct PooledArguments {
  const Vector* input;  // at the first tap of the row's first window
  const float* weights;
  const float* bias;
  const Connection* connections;
  Vector* output;
  Integers* winners;
  int connection_count;
  int weight_stride;
  int plane;      // cells of an input map
  int out_plane;  // cells of an output map
  int row;        // cells of an input row, times the dilation
  int next_row;   // from a window's first cell to the one below
  int next_cell;  // and to its neighbour
  int kernel_height;
  int kernel_width;
  int dilation;
  int windows;
  bool rectify;
};

// MAPS output maps of a row of windows.
template <int MAPS>
struct PooledBlock {
  // The loop over taps is not unrolled: the processor overlaps its rounds, and the compiler, given one round,
  // finds registers for all its sums.
  PELLUCID_INLINE static void correlate(const PooledArguments& a, const Vector* window,
                                        Vector (&sum)[MAPS][WINDOW]) {
    for (int c = 0; c < a.connection_count; ++c) {
      const Vector* row = window + static_cast<std::int64_t>(a.connections[c].map) * a.plane;
      const float* weight = a.weights + a.connections[c].weight;
      for (int v = 0; v < a.kernel_height; ++v, row += a.row) {
        const Vector* tap = row;
        for (int u = 0; u < a.kernel_width; ++u, tap += a.dilation, ++weight) {
          const Vector cells[WINDOW] = {tap[0], tap[a.next_cell], tap[a.next_row],
                                        tap[a.next_row + a.next_cell]};
          PELLUCID_UNROLL
          for (int map = 0; map < MAPS; ++map) {
            const Vector w = broadcast(weight[map * a.weight_stride]);
            PELLUCID_UNROLL
            for (int cell = 0; cell < WINDOW; ++cell) sum[map][cell] += w * cells[cell];
          }
        }
      }
    }
  }

  static void run(const PooledArguments& a) {
    for (int x = 0; x < a.windows; ++x) {
      Vector sum[MAPS][WINDOW];
      PELLUCID_UNROLL
      for (int map = 0; map < MAPS; ++map) {
        const Vector start = a.bias != nullptr ? broadcast(a.bias[map]) : Vector{};
        PELLUCID_UNROLL
        for (int cell = 0; cell < WINDOW; ++cell) sum[map][cell] = start;
      }
      correlate(a, a.input + static_cast<std::int64_t>(2) * x * a.next_cell, sum);
      PELLUCID_UNROLL
      for (int map = 0; map < MAPS; ++map) {
        const int out = map * a.out_plane + x;
        Integers winner;
        if (a.rectify) {
          first_positive_maximum(sum[map], &a.output[out], &winner);
        } else {
          first_maximum(sum[map], &a.output[out], &winner);
        }
        if (a.winners != nullptr) a.winners[out] = winner;
      }
    }
  }
};

// PooledBlock<MAPS>::run for every MAPS that fits the accumulators.
struct PooledTable {
  decltype(&PooledBlock<1>::run) functions[MAX_MAPS + 1] = {};

  constexpr PooledTable() { fill<1>(); }

  template <int MAPS>
  constexpr void fill() {
    functions[MAPS] = &PooledBlock<MAPS>::run;
    if constexpr (MAPS < MAX_MAPS) fill<MAPS + 1>();
  }
};

constexpr PooledTable blocks;

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
  a.windows = width;
  a.rectify = shape.rectify != 0;

  // Row after row, and all maps of a row together: the input rows are read from the nearest cache.
  for (int y = 0; y < height; ++y) {
    a.input = input + static_cast<std::int64_t>(2 * y) * a.next_row;
    for (int g = 0; g < shape.groups; ++g) {
      const ConnectionGroup group = groups[g];
      a.connections = connections + group.first_connection;
      a.connection_count = group.connections;
      a.weight_stride = group.weight_stride;
      const Cut maps(group.count, MAX_MAPS);
      for (int part = 0, map = 0; part < maps.parts; map += maps.size(part++)) {
        const std::int64_t out = static_cast<std::int64_t>(group.first + map) * a.out_plane + y * width;
        a.weights = weights + static_cast<std::int64_t>(map) * group.weight_stride;
        a.bias = bias != nullptr ? bias + group.first + map : nullptr;
        a.output = output + out;
        a.winners = winners != nullptr ? winners + out : nullptr;
        blocks.functions[maps.size(part)](a);
      }
    }
  }
}

}  // namespace pellucid::PELLUCID_ISA
