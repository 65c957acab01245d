// y = (x - center) scale + shift, a triple a channel: fixed normalisation, and batch normalisation by running
// statistics. The batch is in the lanes.
#include "base/simd.h"
#include "kernels/declarations.h"

namespace pellucid::PELLUCID_ISA {

// normalize_output: x, center, scale, shift (channels each) -> y.
void normalize_output(const Call& call) {
  const auto& shape = call.as<ChannelAttributes>();
  const auto* x = call.operand<const Vector>(0);
  const auto* center = call.operand<const float>(1);
  const auto* scale = call.operand<const float>(2);
  const auto* shift = call.operand<const float>(3);
  auto* y = call.operand<Vector>(4);
  std::int64_t cell = 0;
  for (std::int64_t channel = 0; channel < shape.channels; ++channel) {
    const Vector c = broadcast(center[channel]);
    const Vector s = broadcast(scale[channel]);
    const Vector b = broadcast(shift[channel]);
    for (std::int64_t i = 0; i < shape.positions; ++i, ++cell) y[cell] = (x[cell] - c) * s + b;
  }
}

// normalize_input_gradient: delta, scale -> dx.
void normalize_input_gradient(const Call& call) {
  const auto& shape = call.as<ChannelAttributes>();
  const auto* gradient = call.operand<const Vector>(0);
  const auto* scale = call.operand<const float>(1);
  auto* out = call.operand<Vector>(2);
  std::int64_t cell = 0;
  for (std::int64_t channel = 0; channel < shape.channels; ++channel) {
    const Vector s = broadcast(scale[channel]);
    for (std::int64_t i = 0; i < shape.positions; ++i, ++cell) out[cell] = gradient[cell] * s;
  }
}

// normalize_scale_gradient: x, delta, center, inverse deviation -> sums (channels, lanes), to which it adds.
void normalize_scale_gradient(const Call& call) {
  const auto& shape = call.as<ChannelAttributes>();
  const auto* x = call.operand<const Vector>(0);
  const auto* gradient = call.operand<const Vector>(1);
  const auto* center = call.operand<const float>(2);
  const auto* inverse = call.operand<const float>(3);
  auto* sums = call.operand<Vector>(4);
  std::int64_t cell = 0;
  for (std::int64_t channel = 0; channel < shape.channels; ++channel) {
    const Vector c = broadcast(center[channel]);
    const Vector s = broadcast(inverse[channel]);
    Vector sum = {};
    for (std::int64_t i = 0; i < shape.positions; ++i, ++cell) sum += (x[cell] - c) * s * gradient[cell];
    sums[channel] += sum;
  }
}

// running_statistics, a range over channels: running variance, gamma or null -> scale, inverse deviation.
void running_statistics(const Call& call) {
  const auto& shape = call.as<NormalizationAttributes>();
  const auto* variance = call.operand<const float>(0);
  const auto* gamma = call.operand<const float>(1);
  auto* scale = call.operand<float>(2);
  auto* inverse = call.operand<float>(3);
  for (std::int64_t channel = call.begin; channel < call.end; ++channel) {
    const double deviation = __builtin_sqrt(static_cast<double>(variance[channel]) + shape.epsilon);
    inverse[channel] = static_cast<float>(1.0 / deviation);
    scale[channel] = static_cast<float>((gamma != nullptr ? gamma[channel] : 1.0) / deviation);
  }
}

}  // namespace pellucid::PELLUCID_ISA
