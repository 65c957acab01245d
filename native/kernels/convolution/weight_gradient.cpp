// convolution_weight_gradient: input (padded), output gradient, groups, connections -> sums, to which it
// adds: (weights, lanes), one float a lane, reduced over lanes and shards at the end of the step.
//
// dJ/dw[o, c, u] = sum over images and positions i of delta[o, i] x[c, i S + u D].
#include "base/simd.h"
#include "kernels/block.h"
#include "kernels/convolution/convolution.h"
#include "kernels/convolution/passes.h"
#include "kernels/convolution/weight_rows.h"
#include "kernels/declarations.h"

namespace pellucid::PELLUCID_ISA {
namespace {

struct WeightArguments {
  const Vector* input;
  const Vector* gradient;
  Vector* sums;
  const int* taps;     // cell of each tap
  int sum_stride;      // between the sums of two maps
  int gradient_plane;  // between two maps of the gradient
  int rows;
  int columns;
  int row;  // between two input rows that windows begin on
  int stride;
};

// MAPS output maps x TAPS taps of one kernel, held in registers over all positions.
template <int MAPS, int TAPS>
struct WeightBlock {
  static void run(const WeightArguments& a) {
    Vector sum[MAPS][TAPS] = {};  // added to the others at the end: shorter sums round less
    std::int64_t offset[TAPS];
    PELLUCID_UNROLL
    for (int tap = 0; tap < TAPS; ++tap) offset[tap] = a.taps[tap];
    const Vector* input = a.input;
    const Vector* gradient = a.gradient;
    const std::int64_t plane = a.gradient_plane;
    const std::int64_t columns = a.columns;
    const std::int64_t stride = a.stride;
    for (int y = 0; y < a.rows; ++y, input += a.row, gradient += columns) {
      const Vector* cell = input;
      for (std::int64_t x = 0; x < columns; ++x, cell += stride) {
        // Map after map from the one before: their distances would take too many registers.
        const Vector* next = gradient + x;
        add_products(
            sum,
            [&](int) {
              const Vector* delta = reread(next);
              next = delta + plane;
              return *delta;
            },
            [&](int tap) { return cell[offset[tap]]; });
      }
    }
    PELLUCID_UNROLL
    for (int map = 0; map < MAPS; ++map) {
      PELLUCID_UNROLL
      for (int tap = 0; tap < TAPS; ++tap) a.sums[map * a.sum_stride + tap] += sum[map][tap];
    }
  }
};

// More taps' offsets than that do not fit the registers of addresses.
constexpr int MOST_TAPS = 10;

constexpr BlockTable<WeightBlock, MOST_TAPS> blocks;

// Taps to hold at a time: a kernel row, when several maps share its inputs; else as many as fit.
int taps_at_a_time(int maps, int kernel_width, int taps) {
  if (maps == 1) return smaller(taps, MOST_TAPS);
  return smaller(kernel_width, smaller(ACCUMULATORS / 2, MOST_TAPS));
}

constexpr WeightRowTable<MAX_ROW_TAPS> row_blocks;

// The sums of one group, a kernel row at a time, for stride and dilation 1 along rows.
void add_group_rows(const ConvolutionAttributes& shape, const Vector* input, const GradientRows& gradient,
                    const ConnectionGroup& group, const Connection* connections, Vector* sums) {
  const int in_width = static_cast<int>(shape.in_width);
  const int kernel_width = static_cast<int>(shape.kernel_width);
  const Cut taps(kernel_width, MAX_ROW_TAPS);
  const Cut maps(group.count, row_maps(taps.longest()));
  WeightRowArguments a = {};
  a.sum_stride = group.weight_stride;
  a.gradient_row = static_cast<int>(shape.out_width);
  a.gradient_plane = gradient.plane;
  a.input_row = static_cast<int>(shape.stride_height) * in_width;
  a.rows = gradient.rows;
  a.columns = static_cast<int>(shape.out_width);
  for (int part = 0, map = 0; part < maps.parts; map += maps.size(part++)) {
    a.gradient = gradient.first + static_cast<std::int64_t>(group.first + map) * gradient.plane;
    for (int c = 0; c < group.connections; ++c) {
      const Vector* row = input + static_cast<std::int64_t>(connections[c].map) * shape.in_height * in_width;
      Vector* row_sums = sums + connections[c].weight + static_cast<std::int64_t>(map) * group.weight_stride;
      for (int v = 0; v < shape.kernel_height; ++v) {
        for (int piece = 0, tap = 0; piece < taps.parts; tap += taps.size(piece++)) {
          a.input = row + tap;
          a.sums = row_sums + tap;
          row_blocks.functions[maps.size(part)][taps.size(piece)](a);
        }
        row += shape.dilation_height * in_width;
        row_sums += kernel_width;
      }
    }
  }
}

// The sums of one group for any stride and dilation.
void add_group(const ConvolutionAttributes& shape, const Vector* input, const GradientRows& gradient,
               const ConnectionGroup& group, const Connection* connections, Vector* sums) {
  const int kernel_width = static_cast<int>(shape.kernel_width);
  const int in_width = static_cast<int>(shape.in_width);
  const int in_plane = static_cast<int>(shape.in_height) * in_width;
  const int all_taps = static_cast<int>(shape.kernel_height) * kernel_width;
  int offsets[LARGEST];
  WeightArguments a = {};
  a.taps = offsets;
  a.gradient_plane = gradient.plane;
  a.rows = gradient.rows;
  a.columns = static_cast<int>(shape.out_width);
  a.row = static_cast<int>(shape.stride_height) * in_width;
  a.stride = static_cast<int>(shape.stride_width);
  a.sum_stride = group.weight_stride;
  // Blocks of taps: cut a kernel row at a time, or the whole kernel when one map is alone.
  const int span = group.count == 1 ? all_taps : kernel_width;
  const Cut taps(span, taps_at_a_time(group.count, kernel_width, all_taps));
  const Cut maps(group.count, smaller(ACCUMULATORS / taps.longest(), LARGEST));
  for (int part = 0, map = 0; part < maps.parts; map += maps.size(part++)) {
    a.gradient = gradient.first + static_cast<std::int64_t>(group.first + map) * gradient.plane;
    for (int c = 0; c < group.connections; ++c) {
      a.input = input + static_cast<std::int64_t>(connections[c].map) * in_plane;
      Vector* map_sums = sums + connections[c].weight + static_cast<std::int64_t>(map) * group.weight_stride;
      for (int begin = 0; begin < all_taps; begin += span) {
        for (int piece = 0, tap = begin; piece < taps.parts; tap += taps.size(piece++)) {
          for (int t = 0; t < taps.size(piece); ++t) {
            offsets[t] = (tap + t) / kernel_width * static_cast<int>(shape.dilation_height) * in_width +
                         (tap + t) % kernel_width * static_cast<int>(shape.dilation_width);
          }
          a.sums = map_sums + tap;
          blocks.functions[maps.size(part)][taps.size(piece)](a);
        }
      }
    }
  }
}

}  // namespace

void add_weight_gradient(const ConvolutionAttributes& shape, const Vector* input,
                         const GradientRows& gradient, const ConnectionGroup* groups,
                         const Connection* connections, Vector* sums) {
  const bool slides = shape.stride_width == 1 && shape.dilation_width == 1;
  for (int g = 0; g < shape.groups; ++g) {
    const ConnectionGroup group = groups[g];
    // Alone, a map has too few sums in a kernel row to keep the multipliers busy.
    const auto add = slides && group.count > 1 ? add_group_rows : add_group;
    add(shape, input, gradient, group, connections + group.first_connection, sums);
  }
}

void convolution_weight_gradient(const Call& call) {
  const auto& shape = call.as<ConvolutionAttributes>();
  const GradientRows gradient = {.first = call.operand<const Vector>(1),
                                 .rows = static_cast<int>(shape.out_height),
                                 .plane = static_cast<int>(shape.out_height * shape.out_width)};
  add_weight_gradient(shape, call.operand<const Vector>(0), gradient, call.operand<const ConnectionGroup>(2),
                      call.operand<const Connection>(3), call.operand<Vector>(4));
}

// channel_sums: gradient -> sums (channels, lanes), to which it adds each channel's sum over positions: the
// gradient of a bias.
void channel_sums(const Call& call) {
  const auto& shape = call.as<ChannelAttributes>();
  const auto* gradient = call.operand<const Vector>(0);
  auto* sums = call.operand<Vector>(1);
  for (int channel = 0; channel < shape.channels; ++channel) {
    Vector sum = {};
    for (int position = 0; position < shape.positions; ++position) {
      sum += gradient[channel * shape.positions + position];
    }
    sums[channel] += sum;
  }
}

}  // namespace pellucid::PELLUCID_ISA
