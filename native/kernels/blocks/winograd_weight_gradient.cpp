// winograd_weight_gradient: planes of kernel gradients, in parts that are added -> the gradient of weights
// (out, in, 3, 3). See winograd.h.
#include "kernels/blocks/winograd.h"
#include "kernels/declarations.h"

namespace pellucid::PELLUCID_ISA {
namespace {

// One point's parts, added.
PELLUCID_INLINE Vector sum_parts(const WinogradGradients& gradients, const Vector* planes, int point) {
  const Vector* first = planes + point * gradients.stride;
  Vector result = *first;
  for (std::int64_t part = 1; part < gradients.parts; ++part) result += first[part * gradients.size];
  return result;
}

// G^T u G.
PELLUCID_INLINE void transform_points(const WinogradGradients& gradients, const Vector* planes,
                                      Vector* taps) {
  Vector half[TAPS * PATCH];
  PELLUCID_KEEP_LOOP
  for (int column = 0; column < PATCH; ++column) {
    Vector points[PATCH];
    PELLUCID_UNROLL
    for (int row = 0; row < PATCH; ++row) points[row] = sum_parts(gradients, planes, row * PATCH + column);
    transform_gradient(points, half + column, PATCH);
  }
  PELLUCID_KEEP_LOOP
  for (int row = 0; row < TAPS; ++row) {
    Vector points[PATCH];
    PELLUCID_UNROLL
    for (int column = 0; column < PATCH; ++column) points[column] = half[row * PATCH + column];
    transform_gradient(points, taps + row * TAPS, 1);
  }
}

}  // namespace

void transform_gradients(const WinogradGradients& gradients, std::int64_t in_channels,
                         std::int64_t out_channels, std::int64_t group, std::int64_t channel,
                         float* weights) {
  const std::int64_t members = members_of(group, out_channels);
  for (std::int64_t member = 0; member < members; ++member) {
    Vector taps[TAPS * TAPS];
    transform_points(gradients, gradients.planes + channel * members + member, taps);
    const std::int64_t out = (group * GROUP + member) * LANES;
    const std::int64_t lanes = out_channels - out < LANES ? out_channels - out : LANES;
    for (std::int64_t lane = 0; lane < lanes; ++lane) {
      float* to = weights + ((out + lane) * in_channels + channel) * TAPS * TAPS;
      for (int tap = 0; tap < TAPS * TAPS; ++tap) to[tap] = taps[tap][lane];
    }
  }
}

// Shared: input channels of groups of output blocks.
void winograd_weight_gradient(const Call& call) {
  const auto& shape = call.as<WinogradGradientAttributes>();
  const auto* planes = call.operand<const Vector>(0);
  auto* weights = call.operand<float>(1);
  const std::int64_t stride = plane_stride(blocks_for(shape.out_channels) * shape.in_channels);
  WinogradGradients gradients{
      .planes = planes, .stride = stride, .parts = shape.parts, .size = POINTS * stride};
  for (std::int64_t item = call.begin; item < call.end; ++item) {
    const std::int64_t group = item / shape.in_channels;
    gradients.planes = planes + group * GROUP * shape.in_channels;
    transform_gradients(gradients, shape.in_channels, shape.out_channels, group, item % shape.in_channels,
                        weights);
  }
}

}  // namespace pellucid::PELLUCID_ISA
