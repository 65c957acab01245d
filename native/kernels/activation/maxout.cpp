// The largest of neighbouring channels, the batch in the lanes.
#include "base/simd.h"
#include "kernels/declarations.h"

namespace pellucid::PELLUCID_ISA {

// maxout_output: x -> y and, unless null, which piece won: the first of the largest, or the first NaN.
void maxout_output(const Call& call) {
  const auto& shape = call.as<MaxoutAttributes>();
  auto* y = call.operand<Vector>(1);
  auto* winners = call.operand<Integers>(2);
  for (std::int64_t channel = 0; channel < shape.channels; ++channel) {
    for (std::int64_t p = 0; p < shape.positions; ++p) {
      const auto* x = call.operand<const Vector>(0) + channel * shape.pieces * shape.positions + p;
      Vector best = x[0];
      Integers winner = {};
      for (std::int32_t k = 1; k < shape.pieces; ++k) {
        const Vector value = x[k * shape.positions];
        const Integers better = ((value > best) | is_nan(value)) & ~is_nan(best);
        best = select(better, value, best);
        winner = select(better, broadcast_integer(k), winner);
      }
      y[channel * shape.positions + p] = best;
      if (winners != nullptr) winners[channel * shape.positions + p] = winner;
    }
  }
}

// maxout_gradient: delta, winners -> dx.
void maxout_gradient(const Call& call) {
  const auto& shape = call.as<MaxoutAttributes>();
  const auto* delta = call.operand<const Vector>(0);
  const auto* winners = call.operand<const Integers>(1);
  auto* dx = call.operand<Vector>(2);
  for (std::int64_t channel = 0; channel < shape.channels; ++channel) {
    const std::int64_t cell = channel * shape.positions;
    for (std::int32_t k = 0; k < shape.pieces; ++k, dx += shape.positions) {
      for (std::int64_t p = 0; p < shape.positions; ++p) {
        dx[p] = keep_where(winners[cell + p] == broadcast_integer(k), delta[cell + p]);
      }
    }
  }
}

}  // namespace pellucid::PELLUCID_ISA
