// convolution_input_gradient: output gradient (rows padded by gradient_pad on both sides to gradient_width),
// weights, groups and connections with the roles of the maps exchanged -> gradient of the padded input.
//
// dJ/dx[c, i] = sum over outputs o and taps u with (i - u D) divisible by S of w[o, c, u] delta[o, (i - u D)
// / S]. Cells of a row with the same remainder by the stride use the same taps, so each remainder is a
// correlation of its own and no zeros are inserted.
#include "base/simd.h"
#include "kernels/block.h"
#include "kernels/convolution/convolution.h"
#include "kernels/convolution/taps.h"
#include "kernels/declarations.h"

namespace pellucid::PELLUCID_ISA {
namespace {

struct GradientArguments {
  const Vector* gradient;  // at output row 0, at the cell that tap offset 0 reads
  const float* weights;
  const Connection* connections;
  Vector* output;
  int connection_count;
  int weight_stride;
  int plane;  // cells of a gradient map
  int out_plane;
  int step;  // between computed cells of a row: the stride
  const Tap* rows;
  int row_count;
  const Tap* columns;
  int column_count;
};

template <int MAPS, int CELLS>
struct GradientBlock {
  static void run(const GradientArguments& a) {
    Vector sum[MAPS][CELLS] = {};
    const std::int64_t weight_stride = a.weight_stride;
    const Tap* const columns_end = a.columns + a.column_count;
    for (int c = 0; c < a.connection_count; ++c) {
      const Connection connection = a.connections[c];
      const Vector* plane = a.gradient + static_cast<std::int64_t>(connection.map) * a.plane;
      for (int v = 0; v < a.row_count; ++v) {
        const Vector* row = plane + a.rows[v].cell;
        const float* weights = a.weights + connection.weight + a.rows[v].weight;
        for (const Tap* column = a.columns; column != columns_end; ++column) {
          const Vector* tap = row + column->cell;
          const float* weight = weights + column->weight;
          add_products(
              sum, [&](int map) { return broadcast(weight[map * weight_stride]); },
              [&](int cell) { return tap[cell]; });
        }
      }
    }
    PELLUCID_UNROLL
    for (int map = 0; map < MAPS; ++map) {
      PELLUCID_UNROLL
      for (int cell = 0; cell < CELLS; ++cell) a.output[map * a.out_plane + cell * a.step] = sum[map][cell];
    }
  }
};

constexpr BlockTable<GradientBlock> blocks;

// One row of the input gradient for one block of maps.
void gradient_row(const ConvolutionAttributes& shape, GradientArguments a, Tap* columns, Vector* out,
                  int largest, const BlockTable<GradientBlock>::Function* sizes) {
  const int stride = static_cast<int>(shape.stride_width);
  const Vector* const gradient = a.gradient;
  for (int remainder = 0; remainder < smaller(stride, static_cast<int>(shape.in_width)); ++remainder) {
    a.column_count = list_taps(remainder, static_cast<int>(shape.kernel_width),
                               static_cast<int>(shape.dilation_width), stride, 0, 1, 1, columns);
    const int length = (static_cast<int>(shape.in_width) - remainder + stride - 1) / stride;
    const Cut cells(length, largest);
    for (int piece = 0, x = 0; piece < cells.parts; x += cells.size(piece++)) {
      a.gradient = gradient + x;
      a.output = out + remainder + x * stride;
      sizes[cells.size(piece)](a);
    }
  }
}

}  // namespace

void convolution_input_gradient(const Call& call) {
  const auto& shape = call.as<ConvolutionAttributes>();
  const auto* gradient = call.operand<const Vector>(0);
  const auto* weights = call.operand<const float>(1);
  const auto* groups = call.operand<const ConnectionGroup>(2);
  const auto* connections = call.operand<const Connection>(3);
  auto* output = call.operand<Vector>(4);

  const int in_width = static_cast<int>(shape.in_width);
  const int gradient_width = static_cast<int>(shape.gradient_width);
  GradientArguments a = {};
  a.plane = static_cast<int>(shape.out_height) * gradient_width;
  a.out_plane = static_cast<int>(shape.in_height) * in_width;
  a.step = static_cast<int>(shape.stride_width);
  a.gradient = gradient + shape.gradient_pad;
  Tap rows[MAX_KERNEL];
  Tap columns[MAX_KERNEL];
  a.rows = rows;
  a.columns = columns;

  const int row_length = (in_width + a.step - 1) / a.step;
  for (int g = 0; g < shape.groups; ++g) {
    const ConnectionGroup group = groups[g];
    a.connections = connections + group.first_connection;
    a.connection_count = group.connections;
    a.weight_stride = group.weight_stride;
    const int largest = Cut(row_length, largest_cells(group.count)).longest();
    const Cut maps(group.count, smaller(ACCUMULATORS / largest, LARGEST));
    for (int part = 0, map = 0; part < maps.parts; map += maps.size(part++)) {
      a.weights = weights + static_cast<std::int64_t>(map) * group.weight_stride;
      for (int y = 0; y < shape.in_height; ++y) {
        a.row_count =
            list_taps(y, static_cast<int>(shape.kernel_height), static_cast<int>(shape.dilation_height),
                      static_cast<int>(shape.stride_height), static_cast<int>(shape.out_height),
                      static_cast<int>(shape.kernel_width), gradient_width, rows);
        Vector* out = output + static_cast<std::int64_t>(group.first + map) * a.out_plane + y * in_width;
        gradient_row(shape, a, columns, out, largest, blocks.functions[maps.size(part)]);
      }
    }
  }
}

// add_bias: biases (channels) -> y, to which it adds them: a transposed convolution's come last.
void add_bias(const Call& call) {
  const auto& shape = call.as<ChannelAttributes>();
  const auto* biases = call.operand<const float>(0);
  auto* y = call.operand<Vector>(1);
  for (std::int64_t channel = 0; channel < shape.channels; ++channel, y += shape.positions) {
    for (std::int64_t position = 0; position < shape.positions; ++position) y[position] += biases[channel];
  }
}

}  // namespace pellucid::PELLUCID_ISA
