// winograd_weights: weights (out, in, 3, 3), scale or null -> planes of kernels. See winograd.h.
#include "base/transpose.h"
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
      : out_stride(KERNEL * (weights.transposed ? 1 : weights.in_channels)),
        in_stride(KERNEL * (weights.transposed ? weights.out_channels : 1)),
        rotated(weights.transposed) {}
};

// Kernels of a block of output channels and a run of input channels: the taps of one after another, each with
// an output channel a lane; zeros in lanes without a channel.
PELLUCID_INLINE void read_kernels(const float* weights, const WeightOrder& order, std::int64_t lanes,
                                  std::int64_t channels, Vector* taps) {
  const std::int64_t first = order.rotated ? KERNEL - 1 : 0;
  const std::int64_t step = order.rotated ? -1 : 1;
  for (std::int64_t channel = 0; channel < channels; ++channel) {
    for (int tap = 0; tap < KERNEL; ++tap) {
      const float* from = weights + channel * order.in_stride + first + tap * step;
      Vector& kernels = taps[channel * KERNEL + tap];
      if (lanes >= LANES) {
        PELLUCID_UNROLL
        for (int lane = 0; lane < LANES; ++lane) kernels[lane] = from[lane * order.out_stride];
      } else {
        kernels = Vector{};
        for (int lane = 0; lane < lanes; ++lane) kernels[lane] = from[lane * order.out_stride];
      }
    }
  }
}

// The same of as many input channels as there are lanes, where each output channel's lie in a row: reading
// every row but once, since rows may be as far apart as lines that a cache cannot hold together.
PELLUCID_INLINE void read_rows(const float* weights, std::int64_t out_stride, Vector* taps) {
  for (int part = 0; part < KERNEL; ++part) {
    Vector rows[LANES];
    PELLUCID_UNROLL
    for (int lane = 0; lane < LANES; ++lane) rows[lane] = load(weights + lane * out_stride + part * LANES);
    transpose(rows);
    PELLUCID_UNROLL
    for (int i = 0; i < LANES; ++i) taps[part * LANES + i] = rows[i];
  }
}

// What the kernels of a block of output channels and one input channel are multiplied by.
PELLUCID_INLINE Vector scale_of(const WinogradWeights& weights, std::int64_t block, std::int64_t channel) {
  if (weights.scale == nullptr) return broadcast(1.0F);
  return weights.transposed ? broadcast(weights.scale[channel]) : load(weights.scale + block * LANES);
}

// G g G^T, times a number a lane.
PELLUCID_INLINE void transform_kernels(const Vector* taps, Vector scale, Vector* planes,
                                       std::int64_t stride) {
  Vector half[PATCH * TAPS];
  PELLUCID_KEEP_LOOP
  for (int column = 0; column < TAPS; ++column) {
    const Vector line[TAPS] = {taps[column] * scale, taps[TAPS + column] * scale,
                               taps[2 * TAPS + column] * scale};
    transform_taps(line, half + column, TAPS);
  }
  PELLUCID_KEEP_LOOP
  for (int row = 0; row < PATCH; ++row) {
    const Vector line[TAPS] = {half[row * TAPS], half[row * TAPS + 1], half[row * TAPS + 2]};
    transform_taps(line, reread(planes + row * PATCH * stride), stride);
  }
}

}  // namespace

void transform_weights(const WinogradWeights& weights, std::int64_t group, std::int64_t begin,
                       std::int64_t end, Vector* kernels, std::int64_t stride) {
  const WeightOrder order(weights);
  const std::int64_t members = members_of(group, weights.out_channels);
  for (std::int64_t channel = begin; channel < end; channel += LANES) {
    const std::int64_t channels = end - channel < LANES ? end - channel : LANES;
    for (std::int64_t member = 0; member < members; ++member) {
      const std::int64_t block = group * GROUP + member;
      const std::int64_t lanes = weights.out_channels - block * LANES;
      const float* from = weights.values + block * LANES * order.out_stride + channel * order.in_stride;
      Vector taps[LANES * KERNEL];
      if (lanes >= LANES && channels == LANES && !weights.transposed) {
        read_rows(from, order.out_stride, taps);
      } else {
        read_kernels(from, order, lanes, channels, taps);
      }
      Vector* to = kernels + channel * members + member;
      for (std::int64_t i = 0; i < channels; ++i) {
        const Vector scale = scale_of(weights, block, channel + i);
        transform_kernels(taps + i * KERNEL, scale, to + i * members, stride);
      }
    }
  }
}

// Shared: input channels of groups of output blocks.
void winograd_weights(const Call& call) {
  const auto& shape = call.as<WinogradWeightsAttributes>();
  const WinogradWeights weights{.values = call.operand<const float>(0),
                                .scale = call.operand<const float>(1),
                                .in_channels = shape.in_channels,
                                .out_channels = shape.out_channels,
                                .transposed = shape.transposed != 0};
  auto* planes = call.operand<Vector>(2);
  const std::int64_t stride = plane_stride(blocks_of(shape.out_channels) * shape.in_channels);
  for (std::int64_t item = call.begin; item < call.end;) {
    const std::int64_t group = item / shape.in_channels;
    const std::int64_t first = group * shape.in_channels;
    const std::int64_t last = smaller_of(call.end, first + shape.in_channels);
    transform_weights(weights, group, item - first, last - first, planes + first * GROUP, stride);
    item = last;
  }
}

}  // namespace pellucid::PELLUCID_ISA
