// Kernels too large for a cache that need not be kept: each shard transforms a group of output blocks at a
// time, uses it at once, and takes the next in the same place. See winograd.h.
//
// winograd_multiply_weights: planes of inputs, weights (out, in, 3, 3), scale or null, room for the planes of
// a group -> planes of products. winograd_correlate_weights: planes of inputs, planes of deltas, room for the
// planes of a group -> the gradient of weights (out, in, 3, 3), of one chunk.
#include "kernels/blocks/winograd.h"
#include "kernels/declarations.h"

namespace pellucid::PELLUCID_ISA {

// Shared: groups of output blocks.
void winograd_multiply_weights(const Call& call) {
  const auto& shape = call.as<WinogradAttributes>();
  const auto* inputs = call.operand<const Vector>(0);
  const WinogradWeights weights{.values = call.operand<const float>(1),
                                .scale = call.operand<const Vector>(2),
                                .in_channels = shape.in_channels,
                                .out_channels = shape.out_channels,
                                .transposed = shape.transposed != 0};
  auto* kernels = call.operand<Vector>(3);
  auto* products = call.operand<Vector>(4);
  const std::int64_t stride = plane_stride(GROUP * shape.in_channels);
  for (std::int64_t group = call.begin; group < call.end; ++group) {
    for (std::int64_t channel = 0; channel < shape.in_channels; ++channel) {
      transform_weights(weights, group, channel, kernels, stride);
    }
    for (std::int64_t point = 0; point < POINTS; ++point) {
      multiply_group(shape, call.units, inputs, kernels + point * stride, products, point, group);
    }
  }
}

// Shared: groups of output blocks.
void winograd_correlate_weights(const Call& call) {
  const auto& shape = call.as<WinogradAttributes>();
  const auto* inputs = call.operand<const Vector>(0);
  const auto* deltas = call.operand<const Vector>(1);
  auto* planes = call.operand<Vector>(2);
  auto* weights = call.operand<float>(3);
  const std::int64_t stride = plane_stride(GROUP * shape.in_channels);
  const WinogradGradients gradients{.planes = planes, .stride = stride, .parts = 1, .size = 0};
  for (std::int64_t group = call.begin; group < call.end; ++group) {
    for (std::int64_t point = 0; point < POINTS; ++point) {
      accumulate_group(shape, call.units, inputs, deltas, planes + point * stride, true, point, group);
    }
    for (std::int64_t channel = 0; channel < shape.in_channels; ++channel) {
      transform_gradients(gradients, shape.in_channels, shape.out_channels, group, channel, weights);
    }
  }
}

}  // namespace pellucid::PELLUCID_ISA
