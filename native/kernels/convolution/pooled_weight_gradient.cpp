// convolution_pooled_weight_gradient: input (padded), gradient of the pooled output, winners, groups,
// connections, scratch -> sums of the weights, to which it adds, and, unless null, sums of the biases.
//
// For convolution_pooled_output where no gradient of the input is wanted: the output gradient is formed a
// strip of rows at a time, in scratch (maps, strip, width) that stays in the nearest cache, and used at once.
#include "base/simd.h"
#include "kernels/block.h"
#include "kernels/convolution/convolution.h"
#include "kernels/convolution/passes.h"
#include "kernels/declarations.h"
#include "kernels/pooling/maximum.h"

namespace pellucid::PELLUCID_ISA {

void convolution_pooled_weight_gradient(const Call& call) {
  const auto& shape = call.as<ConvolutionAttributes>();
  const auto* input = call.operand<const Vector>(0);
  const auto* pooled = call.operand<const Vector>(1);
  const auto* winners = call.operand<const Integers>(2);
  const auto* groups = call.operand<const ConnectionGroup>(3);
  const auto* connections = call.operand<const Connection>(4);
  auto* scratch = call.operand<Vector>(5);
  auto* weight_sums = call.operand<Vector>(6);
  auto* bias_sums = call.operand<Vector>(7);

  const int width = static_cast<int>(shape.out_width);
  const int windows = width / 2;
  const int height = static_cast<int>(shape.out_height) / 2;
  const int pooled_plane = height * windows;
  const int maps = groups[shape.groups - 1].first + groups[shape.groups - 1].count;
  const int strip = larger(1, static_cast<int>(shape.strip) / 2);  // rows of windows
  const int plane = strip * 2 * width;
  for (int y = 0; y < height; y += strip) {
    const int rows = smaller(strip, height - y);
    for (int map = 0; map < maps; ++map) {
      Vector sum = {};
      for (int row = 0; row < rows; ++row) {
        const std::int64_t first = static_cast<std::int64_t>(map) * pooled_plane + (y + row) * windows;
        sum = scatter_to_winners(pooled + first, winners + first, windows, width,
                                 scratch + static_cast<std::int64_t>(map) * plane + row * 2 * width, sum);
      }
      if (bias_sums != nullptr) bias_sums[map] += sum;
    }
    const std::int64_t first_row = 2 * y * shape.stride_height;
    const GradientRows gradient = {.first = scratch, .rows = 2 * rows, .plane = plane};
    add_weight_gradient(shape, input + first_row * shape.in_width, gradient, groups, connections,
                        weight_sums);
  }
}

}  // namespace pellucid::PELLUCID_ISA
