// winograd_weights: weights (out, in, 3, 3), scale or null -> planes of kernels. See winograd.h.
#include "kernels/blocks/winograd.h"
#include "kernels/declarations.h"

namespace pellucid::PELLUCID_ISA {
namespace {

// Where the weights of the layer that is carried out lie in those of the public order.
struct WeightOrder {
  std::int64_t out_stride;
  std::int64_t in_stride;
  bool rotated;

  PELLUCID_INLINE explicit WeightOrder(const WinogradWeights& weights)
      : out_stride(TAPS * TAPS * (weights.transposed ? 1 : weights.in_channels)),
        in_stride(TAPS * TAPS * (weights.transposed ? weights.out_channels : 1)),
        rotated(weights.transposed) {}
};

// One kernel a lane, tap by tap; zeros in lanes without a channel.
PELLUCID_INLINE void read_kernels(const float* weights, const WeightOrder& order, std::int64_t lanes,
                                  Vector* kernels) {
  const std::int64_t first = order.rotated ? TAPS * TAPS - 1 : 0;
  const std::int64_t step = order.rotated ? -1 : 1;
  if (lanes >= LANES) {
    for (int tap = 0; tap < TAPS * TAPS; ++tap) {
      const float* from = weights + first + tap * step;
      PELLUCID_UNROLL
      for (int lane = 0; lane < LANES; ++lane) kernels[tap][lane] = from[lane * order.out_stride];
    }
    return;
  }
  for (int tap = 0; tap < TAPS * TAPS; ++tap) {
    kernels[tap] = Vector{};
    for (int lane = 0; lane < lanes; ++lane) {
      kernels[tap][lane] = weights[lane * order.out_stride + first + tap * step];
    }
  }
}

// G g G^T.
PELLUCID_INLINE void transform_kernels(const Vector* kernels, Vector* planes, std::int64_t stride) {
  Vector half[PATCH * TAPS];
  PELLUCID_KEEP_LOOP
  for (int column = 0; column < TAPS; ++column) {
    const Vector taps[TAPS] = {kernels[column], kernels[TAPS + column], kernels[2 * TAPS + column]};
    transform_taps(taps, half + column, TAPS);
  }
  PELLUCID_KEEP_LOOP
  for (int row = 0; row < PATCH; ++row) {
    const Vector taps[TAPS] = {half[row * TAPS], half[row * TAPS + 1], half[row * TAPS + 2]};
    transform_taps(taps, reread(planes + row * PATCH * stride), stride);
  }
}

}  // namespace

void transform_weights(const WinogradWeights& weights, std::int64_t group, std::int64_t channel,
                       Vector* kernels, std::int64_t stride) {
  const WeightOrder order(weights);
  const std::int64_t members = members_of(group, weights.out_channels);
  for (std::int64_t member = 0; member < members; ++member) {
    const std::int64_t block = group * GROUP + member;
    Vector taps[TAPS * TAPS];
    const float* from = weights.values + block * LANES * order.out_stride + channel * order.in_stride;
    read_kernels(from, order, weights.out_channels - block * LANES, taps);
    if (weights.scale != nullptr) {
      for (Vector& tap : taps) tap *= weights.scale[block];
    }
    transform_kernels(taps, kernels + channel * members + member, stride);
  }
}

// Shared: input channels of groups of output blocks.
void winograd_weights(const Call& call) {
  const auto& shape = call.as<WinogradWeightsAttributes>();
  const WinogradWeights weights{.values = call.operand<const float>(0),
                                .scale = call.operand<const Vector>(1),
                                .in_channels = shape.in_channels,
                                .out_channels = shape.out_channels,
                                .transposed = shape.transposed != 0};
  auto* planes = call.operand<Vector>(2);
  const std::int64_t stride = plane_stride(blocks_for(shape.out_channels) * shape.in_channels);
  for (std::int64_t item = call.begin; item < call.end; ++item) {
    const std::int64_t group = item / shape.in_channels;
    Vector* kernels = planes + group * GROUP * shape.in_channels;
    transform_weights(weights, group, item % shape.in_channels, kernels, stride);
  }
}

}  // namespace pellucid::PELLUCID_ISA
