// winograd_weight_gradient: planes of kernel gradients, in parts that are added -> the gradient of weights
// (out, in, 3, 3). See winograd.h.
#include "base/transpose.h"
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

// One input channel's taps of a block of output channels.
PELLUCID_INLINE void write_taps(const Vector* taps, std::int64_t lanes, std::int64_t out_stride,
                                float* weights) {
  for (std::int64_t lane = 0; lane < lanes; ++lane) {
    for (int tap = 0; tap < KERNEL; ++tap) weights[lane * out_stride + tap] = taps[tap][lane];
  }
}

// The taps of as many input channels as there are lanes: see read_rows in winograd_weights.cpp.
PELLUCID_INLINE void write_rows(const Vector* taps, std::int64_t out_stride, float* weights) {
  for (int part = 0; part < KERNEL; ++part) {
    Vector rows[LANES];
    PELLUCID_UNROLL
    for (int i = 0; i < LANES; ++i) rows[i] = taps[part * LANES + i];
    transpose(rows);
    PELLUCID_UNROLL
    for (int lane = 0; lane < LANES; ++lane) store(weights + lane * out_stride + part * LANES, rows[lane]);
  }
}

}  // namespace

void transform_gradients(const WinogradGradients& gradients, const WinogradChannels& channels,
                         std::int64_t group, std::int64_t begin, std::int64_t end, float* weights) {
  const std::int64_t members = members_of(group, channels.out);
  const std::int64_t out_stride = channels.in * KERNEL;
  for (std::int64_t channel = begin; channel < end; channel += LANES) {
    const std::int64_t count = smaller_of(end - channel, LANES);
    for (std::int64_t member = 0; member < members; ++member) {
      Vector taps[LANES * KERNEL];
      const Vector* planes = gradients.planes + channel * members + member;
      for (std::int64_t i = 0; i < count; ++i) {
        transform_points(gradients, planes + i * members, taps + i * KERNEL);
      }
      const std::int64_t out = (group * GROUP + member) * LANES;
      const std::int64_t lanes = smaller_of(channels.out - out, LANES);
      float* to = weights + out * out_stride + channel * KERNEL;
      if (lanes == LANES && count == LANES) {
        write_rows(taps, out_stride, to);
      } else {
        for (std::int64_t i = 0; i < count; ++i) {
          write_taps(taps + i * KERNEL, lanes, out_stride, to + i * KERNEL);
        }
      }
    }
  }
}

// Shared: input channels of groups of output blocks.
void winograd_weight_gradient(const Call& call) {
  const auto& shape = call.as<WinogradGradientAttributes>();
  const auto* planes = call.operand<const Vector>(0);
  auto* weights = call.operand<float>(1);
  const WinogradChannels channels{.in = shape.in_channels, .out = shape.out_channels};
  const std::int64_t stride = plane_stride(blocks_of(channels.out) * channels.in);
  WinogradGradients gradients{
      .planes = planes, .stride = stride, .parts = shape.parts, .size = POINTS * stride};
  for (std::int64_t item = call.begin; item < call.end;) {
    const std::int64_t group = item / channels.in;
    const std::int64_t first = group * channels.in;
    const std::int64_t last = smaller_of(call.end, first + channels.in);
    gradients.planes = planes + first * GROUP;
    transform_gradients(gradients, channels, group, item - first, last - first, weights);
    item = last;
  }
}

}  // namespace pellucid::PELLUCID_ISA
