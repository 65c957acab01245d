// Softmax and its logarithm over the channels of each position, the batch in the lanes.
#include "base/simd.h"
#include "base/vector_math.h"
#include "kernels/declarations.h"

namespace pellucid::PELLUCID_ISA {
namespace {

PELLUCID_INLINE Vector highest_channel(const ChannelAttributes& shape, const Vector* x) {
  Vector highest = x[0];
  for (std::int64_t channel = 1; channel < shape.channels; ++channel) {
    const Vector value = x[channel * shape.positions];
    highest = select(value > highest, value, highest);
  }
  return highest;
}

}  // namespace

// softmax_output: x -> y over the channels of each position.
void softmax_output(const Call& call) {
  const auto& shape = call.as<ChannelAttributes>();
  const auto* x = call.operand<const Vector>(0);
  auto* y = call.operand<Vector>(1);
  for (std::int64_t position = 0; position < shape.positions; ++position) {
    const Vector highest = highest_channel(shape, x + position);
    Vector sum = {};
    for (std::int64_t channel = 0; channel < shape.channels; ++channel) {
      const std::int64_t cell = channel * shape.positions + position;
      y[cell] = exponential(x[cell] - highest);
      sum += y[cell];
    }
    for (std::int64_t channel = 0; channel < shape.channels; ++channel) {
      y[channel * shape.positions + position] /= sum;
    }
  }
}

// softmax_gradient: delta, y -> dx[k] = y[k] (delta[k] - sum_j delta[j] y[j]).
void softmax_gradient(const Call& call) {
  const auto& shape = call.as<ChannelAttributes>();
  const auto* gradient = call.operand<const Vector>(0);
  const auto* y = call.operand<const Vector>(1);
  auto* out = call.operand<Vector>(2);
  for (std::int64_t position = 0; position < shape.positions; ++position) {
    Vector sum = {};
    for (std::int64_t channel = 0; channel < shape.channels; ++channel) {
      const std::int64_t cell = channel * shape.positions + position;
      sum += gradient[cell] * y[cell];
    }
    for (std::int64_t channel = 0; channel < shape.channels; ++channel) {
      const std::int64_t cell = channel * shape.positions + position;
      out[cell] = y[cell] * (gradient[cell] - sum);
    }
  }
}

// log_softmax_output: x -> y[k] = x[k] - log sum_j exp(x[j]) over the channels of each position.
void log_softmax_output(const Call& call) {
  const auto& shape = call.as<ChannelAttributes>();
  const auto* x = call.operand<const Vector>(0);
  auto* y = call.operand<Vector>(1);
  for (std::int64_t position = 0; position < shape.positions; ++position) {
    const Vector highest = highest_channel(shape, x + position);
    Vector sum = {};
    for (std::int64_t channel = 0; channel < shape.channels; ++channel) {
      sum += exponential(x[channel * shape.positions + position] - highest);
    }
    const Vector logarithm = natural_logarithm(sum);
    for (std::int64_t channel = 0; channel < shape.channels; ++channel) {
      const std::int64_t cell = channel * shape.positions + position;
      y[cell] = (x[cell] - highest) - logarithm;
    }
  }
}

// log_softmax_gradient: delta, y -> dx[k] = delta[k] - exp(y[k]) sum_j delta[j].
void log_softmax_gradient(const Call& call) {
  const auto& shape = call.as<ChannelAttributes>();
  const auto* gradient = call.operand<const Vector>(0);
  const auto* y = call.operand<const Vector>(1);
  auto* out = call.operand<Vector>(2);
  for (std::int64_t position = 0; position < shape.positions; ++position) {
    Vector sum = {};
    for (std::int64_t channel = 0; channel < shape.channels; ++channel) {
      sum += gradient[channel * shape.positions + position];
    }
    for (std::int64_t channel = 0; channel < shape.channels; ++channel) {
      const std::int64_t cell = channel * shape.positions + position;
      out[cell] = gradient[cell] - exponential(y[cell]) * sum;
    }
  }
}

}  // namespace pellucid::PELLUCID_ISA
