// Kernels too large for a cache that need not be kept: each shard transforms those of a batch of groups of
// output blocks, uses them at once, and takes the next batch in the same place. See winograd.h.
//
// winograd_multiply_weights: planes of inputs, weights (out, in, 3, 3), scale or null, room for the planes of
// a batch -> planes of products. winograd_correlate_weights: planes of inputs, planes of deltas, room for the
// planes of a batch -> the gradient of weights (out, in, 3, 3), of one chunk.
#include "kernels/blocks/winograd.h"
#include "kernels/declarations.h"

namespace pellucid::PELLUCID_ISA {

namespace {

// Output channels in a batch: few enough for their kernels to stay in a cache, and as many as that allows,
// since every batch reads the planes of inputs again.
constexpr std::int64_t BATCH_CHANNELS = 64;
constexpr std::int64_t BATCH = BATCH_CHANNELS / (GROUP * LANES);

// Where the planes of a batch's groups lie in the room.
struct BatchPlanes {
  Vector* room;
  std::int64_t group_size;
  std::int64_t stride;

  PELLUCID_INLINE BatchPlanes(Vector* planes, std::int64_t in_channels)
      : room(planes), group_size(GROUP * in_channels), stride(plane_stride(BATCH * GROUP * in_channels)) {}
  [[nodiscard]] PELLUCID_INLINE Vector* at(std::int64_t point, std::int64_t member) const {
    return room + point * stride + member * group_size;
  }
};

}  // namespace

// Shared: groups of output blocks.
void winograd_multiply_weights(const Call& call) {
  const auto& shape = call.as<WinogradAttributes>();
  const auto* inputs = call.operand<const Vector>(0);
  const WinogradWeights weights{.values = call.operand<const float>(1),
                                .scale = call.operand<const float>(2),
                                .in_channels = shape.in_channels,
                                .out_channels = shape.out_channels,
                                .transposed = shape.transposed != 0};
  const BatchPlanes kernels(call.operand<Vector>(3), shape.in_channels);
  const ProductPlanes planes(shape, call.units, inputs, call.operand<Vector>(4));
  for (std::int64_t first = call.begin; first < call.end; first += BATCH) {
    const std::int64_t members = smaller_of(call.end - first, BATCH);
    for (std::int64_t member = 0; member < members; ++member) {
      transform_weights(weights, first + member, 0, shape.in_channels, kernels.at(0, member), kernels.stride);
    }
    for (std::int64_t item = 0; item < POINTS * members; ++item) {
      const std::int64_t point = item / members;
      const std::int64_t member = item % members;
      planes.multiply(kernels.at(point, member), point, first + member);
    }
  }
}

// Shared: groups of output blocks.
void winograd_correlate_weights(const Call& call) {
  const auto& shape = call.as<WinogradAttributes>();
  const auto* inputs = call.operand<const Vector>(0);
  const auto* deltas = call.operand<const Vector>(1);
  const BatchPlanes planes(call.operand<Vector>(2), shape.in_channels);
  auto* weights = call.operand<float>(3);
  const WinogradChannels channels{.in = shape.in_channels, .out = shape.out_channels};
  WinogradGradients gradients{.planes = nullptr, .stride = planes.stride, .parts = 1, .size = 0};
  for (std::int64_t first = call.begin; first < call.end; first += BATCH) {
    const std::int64_t members = smaller_of(call.end - first, BATCH);
    for (std::int64_t item = 0; item < POINTS * members; ++item) {
      const std::int64_t point = item / members;
      const std::int64_t member = item % members;
      accumulate_group(shape, call.units, inputs, deltas, planes.at(point, member), true, point,
                       first + member);
    }
    for (std::int64_t member = 0; member < members; ++member) {
      gradients.planes = planes.at(0, member);
      transform_gradients(gradients, channels, first + member, 0, channels.in, weights);
    }
  }
}

}  // namespace pellucid::PELLUCID_ISA
