// winograd_weights: weights (out, in, 3, 3), scale or null -> planes of kernels. See winograd.h.
//
// scale multiplies the kernels of each output channel. `transposed` makes the kernels of the input gradient:
// the weights' input channels become the output, and every kernel is rotated by 180 degrees.
#include "kernels/blocks/winograd.h"
#include "kernels/declarations.h"

namespace pellucid::PELLUCID_ISA {
namespace {

// Where the weights of the layer that is carried out lie in those of the public order.
struct WeightOrder {
  std::int64_t out_stride;
  std::int64_t in_stride;
  bool rotated;

  PELLUCID_INLINE explicit WeightOrder(const WinogradWeightsAttributes& shape)
      : out_stride(TAPS * TAPS * (shape.transposed != 0 ? 1 : shape.in_channels)),
        in_stride(TAPS * TAPS * (shape.transposed != 0 ? shape.out_channels : 1)),
        rotated(shape.transposed != 0) {}
};

// One kernel a lane, tap by tap; zeros in lanes without a channel.
PELLUCID_INLINE void read_kernels(const float* weights, const WeightOrder& order, std::int64_t lanes,
                                  Vector* kernels) {
  for (int tap = 0; tap < TAPS * TAPS; ++tap) {
    const float* from = weights + (order.rotated ? TAPS * TAPS - 1 - tap : tap);
    Vector values{};
    for (int lane = 0; lane < LANES; ++lane) {
      if (lane < lanes) values[lane] = from[lane * order.out_stride];
    }
    kernels[tap] = values;
  }
}

// G g G^T.
PELLUCID_INLINE void transform_kernels(const Vector* kernels, Vector* planes, std::int64_t stride) {
  Vector half[PATCH * TAPS];
  for (int column = 0; column < TAPS; ++column) {
    const Vector taps[TAPS] = {kernels[column], kernels[TAPS + column], kernels[2 * TAPS + column]};
    transform_taps(taps, half + column, TAPS);
  }
  for (int row = 0; row < PATCH; ++row) {
    const Vector taps[TAPS] = {half[row * TAPS], half[row * TAPS + 1], half[row * TAPS + 2]};
    transform_taps(taps, planes + row * PATCH * stride, stride);
  }
}

}  // namespace

// Shared: input channels of groups of output blocks.
void winograd_weights(const Call& call) {
  const auto& shape = call.as<WinogradWeightsAttributes>();
  const auto* weights = call.operand<const float>(0);
  const auto* scale = call.operand<const Vector>(1);
  auto* planes = call.operand<Vector>(2);
  const WeightOrder order(shape);
  const std::int64_t blocks = blocks_for(shape.out_channels);
  const std::int64_t stride = plane_stride(blocks * shape.in_channels);
  for (std::int64_t item = call.begin; item < call.end; ++item) {
    const std::int64_t first = item / shape.in_channels * GROUP;
    const std::int64_t channel = item % shape.in_channels;
    const std::int64_t members = first + GROUP <= blocks ? GROUP : 1;
    for (std::int64_t member = 0; member < members; ++member) {
      const std::int64_t block = first + member;
      Vector kernels[TAPS * TAPS];
      const float* from = weights + block * LANES * order.out_stride + channel * order.in_stride;
      read_kernels(from, order, shape.out_channels - block * LANES, kernels);
      if (scale != nullptr) {
        for (Vector& tap : kernels) tap *= scale[block];
      }
      Vector* to = planes + first * shape.in_channels + channel * members + member;
      transform_kernels(kernels, to, stride);
    }
  }
}

}  // namespace pellucid::PELLUCID_ISA
