// convolution_output: input (padded), weights, bias or null, groups, connections -> output, after a ReLU
// where `rectify` is set.
#include "base/simd.h"
#include "kernels/block.h"
#include "kernels/convolution/convolution.h"
#include "kernels/declarations.h"

namespace pellucid::PELLUCID_ISA {
namespace {

struct OutputArguments {
  const Vector* input;  // at the first tap of the block's first cell
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
  bool rectify;
};

// MAPS output maps x CELLS neighbouring output cells, held in registers over all connections and taps.
template <int MAPS, int CELLS>
struct OutputBlock {
  static void run(const OutputArguments& a) {
    Vector sum[MAPS][CELLS];
    PELLUCID_UNROLL
    for (int map = 0; map < MAPS; ++map) {
      const Vector start = a.bias != nullptr ? broadcast(a.bias[map]) : Vector{};
      PELLUCID_UNROLL
      for (int cell = 0; cell < CELLS; ++cell) sum[map][cell] = start;
    }
    const int stride = a.stride;
    for (int c = 0; c < a.connection_count; ++c) {
      const Connection connection = a.connections[c];
      const Vector* row = a.input + static_cast<std::int64_t>(connection.map) * a.plane;
      const float* weight = a.weights + connection.weight;
      for (int v = 0; v < a.kernel_height; ++v, row += a.row) {
        const Vector* tap = row;
        for (int u = 0; u < a.kernel_width; ++u, tap += a.dilation, ++weight) {
          Vector cells[CELLS];
          PELLUCID_UNROLL
          for (int cell = 0; cell < CELLS; ++cell) cells[cell] = tap[cell * stride];
          PELLUCID_UNROLL
          for (int map = 0; map < MAPS; ++map) {
            const Vector w = broadcast(weight[map * a.weight_stride]);
            PELLUCID_UNROLL
            for (int cell = 0; cell < CELLS; ++cell) sum[map][cell] += w * cells[cell];
          }
        }
      }
    }
    if (a.rectify) {
      PELLUCID_UNROLL
      for (int map = 0; map < MAPS; ++map) {
        PELLUCID_UNROLL
        for (int cell = 0; cell < CELLS; ++cell) {  // written so that a NaN stays one
          sum[map][cell] = select(sum[map][cell] < Vector{}, Vector{}, sum[map][cell]);
        }
      }
    }
    PELLUCID_UNROLL
    for (int map = 0; map < MAPS; ++map) {
      PELLUCID_UNROLL
      for (int cell = 0; cell < CELLS; ++cell) a.output[map * a.out_plane + cell] = sum[map][cell];
    }
  }
};

constexpr BlockTable<OutputBlock> blocks;

}  // namespace

void convolution_output(const Call& call) {
  const auto& shape = call.as<ConvolutionAttributes>();
  const auto* input = call.operand<const Vector>(0);
  const auto* weights = call.operand<const float>(1);
  const auto* bias = call.operand<const float>(2);
  const auto* groups = call.operand<const ConnectionGroup>(3);
  const auto* connections = call.operand<const Connection>(4);
  auto* output = call.operand<Vector>(5);

  const int in_width = static_cast<int>(shape.in_width);
  const int out_width = static_cast<int>(shape.out_width);
  OutputArguments a = {};
  a.plane = static_cast<int>(shape.in_height) * in_width;
  a.out_plane = static_cast<int>(shape.out_height) * out_width;
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
    const Cut cells(out_width, largest_cells(group.count));
    const Cut maps(group.count, smaller(ACCUMULATORS / cells.longest(), LARGEST));
    for (int part = 0, map = 0; part < maps.parts; map += maps.size(part++)) {
      a.weights = weights + static_cast<std::int64_t>(map) * group.weight_stride;
      a.bias = bias != nullptr ? bias + group.first + map : nullptr;
      const auto& sizes = blocks.functions[maps.size(part)];
      for (int y = 0; y < shape.out_height; ++y) {
        const Vector* row = input + y * shape.stride_height * in_width;
        Vector* out = output + static_cast<std::int64_t>(group.first + map) * a.out_plane + y * out_width;
        for (int piece = 0, x = 0; piece < cells.parts; x += cells.size(piece++)) {
          a.input = row + x * shape.stride_width;
          a.output = out + x;
          sizes[cells.size(piece)](a);
        }
      }
    }
  }
}

}  // namespace pellucid::PELLUCID_ISA
