// winograd_weight_gradient: planes of kernel gradients, in parts that are added -> the gradient of weights
// (out, in, 3, 3). See winograd.h.
#include "kernels/blocks/winograd.h"
#include "kernels/declarations.h"

namespace pellucid::PELLUCID_ISA {
namespace {

// The parts' planes, `size` vectors from part to part and `stride` from point to point.
struct GradientParts {
  std::int64_t parts;
  std::int64_t size;
  std::int64_t stride;

  [[nodiscard]] PELLUCID_INLINE Vector sum(const Vector* planes, int point) const {
    Vector result = planes[point * stride];
    for (std::int64_t part = 1; part < parts; ++part) result += planes[part * size + point * stride];
    return result;
  }
};

// G^T u G.
PELLUCID_INLINE void transform_gradients(const Vector* planes, const GradientParts& parts, Vector* taps) {
  Vector half[TAPS * PATCH];
  for (int column = 0; column < PATCH; ++column) {
    Vector points[PATCH];
    PELLUCID_UNROLL
    for (int row = 0; row < PATCH; ++row) points[row] = parts.sum(planes, row * PATCH + column);
    transform_gradient(points, half + column, PATCH);
  }
  for (int row = 0; row < TAPS; ++row) {
    Vector points[PATCH];
    PELLUCID_UNROLL
    for (int column = 0; column < PATCH; ++column) points[column] = half[row * PATCH + column];
    transform_gradient(points, taps + row * TAPS, 1);
  }
}

}  // namespace

// Shared: input channels of groups of output blocks.
void winograd_weight_gradient(const Call& call) {
  const auto& shape = call.as<WinogradGradientAttributes>();
  const auto* planes = call.operand<const Vector>(0);
  auto* weights = call.operand<float>(1);
  const std::int64_t blocks = blocks_for(shape.out_channels);
  const std::int64_t stride = plane_stride(blocks * shape.in_channels);
  const GradientParts parts{.parts = shape.parts, .size = POINTS * stride, .stride = stride};
  for (std::int64_t item = call.begin; item < call.end; ++item) {
    const std::int64_t first = item / shape.in_channels * GROUP;
    const std::int64_t channel = item % shape.in_channels;
    const std::int64_t members = first + GROUP <= blocks ? GROUP : 1;
    for (std::int64_t member = 0; member < members; ++member) {
      Vector taps[TAPS * TAPS];
      transform_gradients(planes + first * shape.in_channels + channel * members + member, parts, taps);
      const std::int64_t out = (first + member) * LANES;
      const std::int64_t lanes = shape.out_channels - out < LANES ? shape.out_channels - out : LANES;
      for (std::int64_t lane = 0; lane < lanes; ++lane) {
        float* to = weights + ((out + lane) * shape.in_channels + channel) * TAPS * TAPS;
        for (int tap = 0; tap < TAPS * TAPS; ++tap) to[tap] = taps[tap][lane];
      }
    }
  }
}

}  // namespace pellucid::PELLUCID_ISA
