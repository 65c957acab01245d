// Local response normalisation, the batch in the lanes: y[c] = x[c] s[c]^-beta with s[c] = k + alpha times
// the sum of the squares of the channels from c - size / 2 to c + (size - 1) / 2.
#include "kernels/normalization/local_response.h"

#include "base/simd.h"
#include "kernels/declarations.h"

namespace pellucid::PELLUCID_ISA {
namespace {

struct Neighbours {
  std::int64_t begin, end;
};

// Channels from `before` ahead of one to `after` behind it, as far as they exist.
PELLUCID_INLINE Neighbours neighbours(std::int64_t channel, std::int64_t before, std::int64_t after,
                                      std::int64_t channels) {
  return {channel > before ? channel - before : 0,
          channel + after + 1 < channels ? channel + after + 1 : channels};
}

}  // namespace

// local_response_output: x -> s unless null, y.
void local_response_output(const Call& call) {
  const auto& shape = call.as<LocalResponseAttributes>();
  const auto* x = call.operand<const Vector>(0);
  auto* sums = call.operand<Vector>(1);
  auto* y = call.operand<Vector>(2);
  const auto alpha = static_cast<float>(shape.alpha);
  const auto beta = static_cast<float>(shape.beta);
  for (std::int64_t channel = 0; channel < shape.channels; ++channel) {
    const Neighbours near = neighbours(channel, shape.size / 2, (shape.size - 1) / 2, shape.channels);
    for (std::int64_t position = 0; position < shape.positions; ++position) {
      Vector squares = {};
      for (std::int64_t other = near.begin; other < near.end; ++other) {
        const Vector value = x[other * shape.positions + position];
        squares += value * value;
      }
      const std::int64_t cell = channel * shape.positions + position;
      const Vector sum = squares * alpha + static_cast<float>(shape.k);
      if (sums != nullptr) sums[cell] = sum;
      y[cell] = x[cell] * response_scale(sum, beta);
    }
  }
}

// local_response_gradient: x, y, s, delta -> scratch (as x), dx = delta s^-beta - 2 alpha beta x times the
// sum of delta y / s of the channels that this one is near to.
void local_response_gradient(const Call& call) {
  const auto& shape = call.as<LocalResponseAttributes>();
  const auto* x = call.operand<const Vector>(0);
  const auto* y = call.operand<const Vector>(1);
  const auto* sums = call.operand<const Vector>(2);
  const auto* gradient = call.operand<const Vector>(3);
  auto* shares = call.operand<Vector>(4);
  auto* out = call.operand<Vector>(5);
  const auto beta = static_cast<float>(shape.beta);
  const auto factor = static_cast<float>(2 * shape.alpha * shape.beta);
  for (std::int64_t cell = 0; cell < shape.channels * shape.positions; ++cell) {
    shares[cell] = gradient[cell] * y[cell] / sums[cell];
  }
  for (std::int64_t channel = 0; channel < shape.channels; ++channel) {
    const Neighbours near = neighbours(channel, (shape.size - 1) / 2, shape.size / 2, shape.channels);
    for (std::int64_t position = 0; position < shape.positions; ++position) {
      Vector total = {};
      for (std::int64_t other = near.begin; other < near.end; ++other) {
        total += shares[other * shape.positions + position];
      }
      const std::int64_t cell = channel * shape.positions + position;
      out[cell] = gradient[cell] * response_scale(sums[cell], beta) - factor * x[cell] * total;
    }
  }
}

}  // namespace pellucid::PELLUCID_ISA
