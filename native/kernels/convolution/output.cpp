// convolution_output: input (padded), weights, bias or null, groups, connections -> output, after a ReLU
// where `rectify` is set.
#include "base/simd.h"
#include "isa/rectified.h"
#include "kernels/block.h"
#include "kernels/convolution/passes.h"
#include "kernels/declarations.h"

namespace pellucid::PELLUCID_ISA {
namespace {

struct OutputArguments {
  const Vector* input;  // at the first tap of the first block's first cell
  const float* weights;
  const float* bias;
  const Connection* connections;
  Vector* output;
  int connection_count;
  int weight_stride;
  int plane;  // cells of an input map
  int out_plane;
  int row;  // cells of an input row, times the dilation
  int kernel_height;
  int kernel_width;
  int dilation;
  int stride;
  int pieces;  // blocks to compute, one after another along the row
  bool rectify;
};

// MAPS output maps x CELLS neighbouring output cells, held in registers over all connections and taps. UNIT:
// stride and dilation are 1 along rows.
template <int MAPS, int CELLS, bool UNIT>
struct OutputBlock {
  // Input cells that find a register; the others are multiplied straight from memory.
  static constexpr int FREE = REGISTERS - 1 - MAPS * CELLS;
  static constexpr int HELD = FREE < CELLS ? FREE : CELLS;

  // The loop over taps is not unrolled: the processor overlaps its rounds, and the compiler, given one round,
  // finds registers for all its sums.
  PELLUCID_INLINE static void correlate(const OutputArguments& a, const Vector* input,
                                        Vector (&sum)[MAPS][CELLS]) {
    const std::int64_t stride = UNIT ? 1 : a.stride;
    const std::int64_t dilation = UNIT ? 1 : a.dilation;
    const std::int64_t weight_stride = a.weight_stride;
    const std::int64_t kernel_width = a.kernel_width;
    for (int c = 0; c < a.connection_count; ++c) {
      const Vector* row = input + static_cast<std::int64_t>(a.connections[c].map) * a.plane;
      const float* weight = a.weights + a.connections[c].weight;
      const float* const last = weight + a.kernel_height * kernel_width;
      for (; weight != last; row += a.row) {
        const Vector* tap = row;
        const float* const row_end = weight + kernel_width;
        for (; weight != row_end; tap += dilation, ++weight) {
          tap = reread(tap);  // or a cell is kept for the next tap, in a register that a sum needs
          Vector cells[HELD];
          PELLUCID_UNROLL
          for (int cell = 0; cell < HELD; ++cell) cells[cell] = tap[cell * stride];
          PELLUCID_UNROLL
          for (int map = 0; map < MAPS; ++map) {
            const Vector w = broadcast(weight[map * weight_stride]);
            PELLUCID_UNROLL
            for (int cell = 0; cell < HELD; ++cell) sum[map][cell] += w * cells[cell];
            if (HELD < CELLS) tap = reread(tap);
            PELLUCID_UNROLL
            for (int cell = HELD; cell < CELLS; ++cell) sum[map][cell] += w * tap[cell * stride];
          }
        }
      }
    }
  }

  static void run(const OutputArguments& a) {
    const std::int64_t stride = UNIT ? 1 : a.stride;
    for (int piece = 0; piece < a.pieces; ++piece) {
      Vector sum[MAPS][CELLS];
      PELLUCID_UNROLL
      for (int map = 0; map < MAPS; ++map) {
        const Vector start = a.bias != nullptr ? broadcast(a.bias[map]) : Vector{};
        PELLUCID_UNROLL
        for (int cell = 0; cell < CELLS; ++cell) sum[map][cell] = start;
      }
      correlate(a, a.input + piece * CELLS * stride, sum);
      Vector* output = a.output + piece * CELLS;
      PELLUCID_UNROLL
      for (int map = 0; map < MAPS; ++map) {
        PELLUCID_UNROLL
        for (int cell = 0; cell < CELLS; ++cell) {
          Vector y = sum[map][cell];
          if (a.rectify) y = rectified(y);
          output[map * a.out_plane + cell] = y;
        }
      }
    }
  }
};

template <int MAPS, int CELLS>
using UnitBlock = OutputBlock<MAPS, CELLS, true>;
template <int MAPS, int CELLS>
using AnyBlock = OutputBlock<MAPS, CELLS, false>;

constexpr BlockTable<UnitBlock> unit_blocks;
constexpr BlockTable<AnyBlock> any_blocks;

// All rows of some maps of one group: a.weights, a.bias and a.output are at the first.
void correlate_maps(const ConvolutionAttributes& shape, OutputArguments a, int maps, const Vector* input) {
  const bool unit = a.stride == 1 && a.dilation == 1;
  const auto& sizes = (unit ? unit_blocks.functions : any_blocks.functions)[maps];
  const Cut cells(static_cast<int>(shape.out_width), smaller(ACCUMULATORS / maps, LARGEST));
  for (int y = 0; y < shape.out_height; ++y) {
    a.input = input + y * shape.stride_height * shape.in_width;
    for (const bool longer : {true, false}) {  // the longer pieces of a row, then the others
      const int size = longer ? cells.base + 1 : cells.base;
      a.pieces = longer ? cells.longer : cells.parts - cells.longer;
      if (a.pieces == 0) continue;
      sizes[size](a);
      a.input += static_cast<std::int64_t>(a.pieces) * size * a.stride;
      a.output += static_cast<std::int64_t>(a.pieces) * size;
    }
  }
}

}  // namespace

void convolve(const ConvolutionAttributes& shape, const Vector* input, const float* weights,
              const float* bias, const ConnectionGroup* groups, const Connection* connections,
              Vector* output) {
  const int in_width = static_cast<int>(shape.in_width);
  OutputArguments a = {};
  a.plane = static_cast<int>(shape.in_height) * in_width;
  a.out_plane = static_cast<int>(shape.out_height * shape.out_width);
  a.row = static_cast<int>(shape.dilation_height) * in_width;
  a.kernel_height = static_cast<int>(shape.kernel_height);
  a.kernel_width = static_cast<int>(shape.kernel_width);
  a.dilation = static_cast<int>(shape.dilation_width);
  a.stride = static_cast<int>(shape.stride_width);
  a.rectify = shape.rectify != 0;

  for (int g = 0; g < shape.groups; ++g) {
    const ConnectionGroup group = groups[g];
    a.connections = connections + group.first_connection;
    a.connection_count = group.connections;
    a.weight_stride = group.weight_stride;
    const Cut cells(static_cast<int>(shape.out_width), largest_cells(group.count));
    const int largest = smaller(ACCUMULATORS / cells.longest(), LARGEST);
    int maps = 0;
    for (int map = 0; map < group.count; map += maps) {
      maps = next_maps(group.count - map, largest);
      a.weights = weights + static_cast<std::int64_t>(map) * group.weight_stride;
      a.bias = bias != nullptr ? bias + group.first + map : nullptr;
      a.output = output + static_cast<std::int64_t>(group.first + map) * a.out_plane;
      correlate_maps(shape, a, maps, input);
    }
  }
}

void convolution_output(const Call& call) {
  convolve(call.as<ConvolutionAttributes>(), call.operand<const Vector>(0), call.operand<const float>(1),
           call.operand<const float>(2), call.operand<const ConnectionGroup>(3),
           call.operand<const Connection>(4), call.operand<Vector>(5));
}

}  // namespace pellucid::PELLUCID_ISA
