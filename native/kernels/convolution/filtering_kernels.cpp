// Kernels at the points of minimal filtering along rows: (points, out channels, in channels, kernel rows).
#include "base/simd.h"
#include "kernels/convolution/filtering.h"
#include "kernels/declarations.h"

namespace pellucid::PELLUCID_ISA {

// filtering_kernels, a range over kernels: weights (out, in, rows, taps) -> kernels at the points.
void filtering_kernels(const Call& call) {
  const auto& shape = call.as<FilteringAttributes>();
  const auto* weights = call.operand<const float>(0);
  auto* points = call.operand<float>(1);
  const int taps = static_cast<int>(shape.taps);
  const std::int64_t stride = shape.out_channels * shape.in_channels * taps;
  for (std::int64_t row = call.begin * taps; row < call.end * taps; ++row) {
    for (int point = 0; point < PATCH; ++point) {
      float sum = 0;
      for (int tap = 0; tap < taps; ++tap) sum += tap_factor(point, tap, taps) * weights[row * taps + tap];
      points[point * stride + row] = sum;
    }
  }
}

// filtering_kernel_gradient, a range over kernels: every shard's sums of the gradients of kernels at the
// points, (points, kernel rows, lanes) -> gradient of the weights.
void filtering_kernel_gradient(const Call& call) {
  const auto& shape = call.as<FilteringAttributes>();
  const auto* sums = call.operand<const char>(0);
  auto* gradient = call.operand<float>(1);
  const int taps = static_cast<int>(shape.taps);
  const std::int64_t stride = shape.out_channels * shape.in_channels * taps;
  for (std::int64_t row = call.begin * taps; row < call.end * taps; ++row) {
    float totals[PATCH];
    for (int point = 0; point < PATCH; ++point) {
      Vector sum = {};
      for (std::int64_t shard = 0; shard < call.run->shards; ++shard) {
        sum += reinterpret_cast<const Vector*>(sums + shard * call.run->shard_bytes)[point * stride + row];
      }
      totals[point] = sum_lanes(sum);
    }
    for (int tap = 0; tap < taps; ++tap) {
      float sum = 0;
      for (int point = 0; point < PATCH; ++point) sum += tap_factor(point, tap, taps) * totals[point];
      gradient[row * taps + tap] = sum;
    }
  }
}

}  // namespace pellucid::PELLUCID_ISA
