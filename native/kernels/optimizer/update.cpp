// Updates, ranges over weights. Compiled without contraction into fused multiply-adds: each line is one
// rounded operation after another, so that an update can be explained, and repeated in NumPy, to the bit.
#include "base/simd.h"
#include "kernels/declarations.h"

namespace pellucid::PELLUCID_ISA {
namespace {

PELLUCID_INLINE float learning_rate(const Call& call) {
  return static_cast<float>(call.run->learning_rates[call.run->step]);
}

}  // namespace

// descend: weights, gradient. w = w - eta (g + lambda w).
void descend(const Call& call) {
  const auto& rule = call.as<OptimizerAttributes>();
  auto* __restrict weights = call.operand<float>(0);
  const auto* __restrict gradient = call.operand<const float>(1);
  const auto decay = static_cast<float>(rule.weight_decay);
  const float rate = learning_rate(call);
  for (std::int64_t i = call.begin; i < call.end; ++i) {
    const float g = decay != 0.0F ? gradient[i] + decay * weights[i] : gradient[i];
    weights[i] = weights[i] - rate * g;
  }
}

// descend_with_momentum: weights, gradient, velocity. v = mu v + g; w = w - eta v, or - eta (g + mu v).
void descend_with_momentum(const Call& call) {
  const auto& rule = call.as<OptimizerAttributes>();
  auto* __restrict weights = call.operand<float>(0);
  const auto* __restrict gradient = call.operand<const float>(1);
  auto* __restrict velocity = call.operand<float>(2);
  const auto decay = static_cast<float>(rule.weight_decay);
  const auto momentum = static_cast<float>(rule.momentum);
  const bool nesterov = rule.nesterov != 0;
  const float rate = learning_rate(call);
  for (std::int64_t i = call.begin; i < call.end; ++i) {
    const float g = decay != 0.0F ? gradient[i] + decay * weights[i] : gradient[i];
    const float v = momentum * velocity[i] + g;
    velocity[i] = v;
    weights[i] = weights[i] - rate * (nesterov ? g + momentum * v : v);
  }
}

// adam: weights, gradient, mean, variance. With c1 = 1 - beta1^t and c2 = 1 - beta2^t:
// w = w - (eta / c1) m / (sqrt(v) / sqrt(c2) + epsilon).
void adam(const Call& call) {
  const auto& rule = call.as<OptimizerAttributes>();
  auto* __restrict weights = call.operand<float>(0);
  const auto* __restrict gradient = call.operand<const float>(1);
  auto* __restrict mean = call.operand<float>(2);
  auto* __restrict variance = call.operand<float>(3);
  const auto t = static_cast<double>(call.run->first_step + call.run->step + 1);
  const double rate = call.run->learning_rates[call.run->step];
  const auto step = static_cast<float>(rate / (1.0 - __builtin_pow(rule.beta1, t)));
  const auto correction = static_cast<float>(__builtin_sqrt(1.0 - __builtin_pow(rule.beta2, t)));
  const auto epsilon = static_cast<float>(rule.epsilon);
  const auto keep1 = static_cast<float>(rule.beta1);
  const auto keep2 = static_cast<float>(rule.beta2);
  const auto take1 = static_cast<float>(1.0 - rule.beta1);
  const auto take2 = static_cast<float>(1.0 - rule.beta2);
  const bool decoupled = rule.decoupled != 0;
  const auto added = static_cast<float>(decoupled ? 0.0 : rule.weight_decay);
  const auto shrink = static_cast<float>(decoupled ? rate * rule.weight_decay : 0.0);
  for (std::int64_t i = call.begin; i < call.end; ++i) {
    const float w = shrink != 0.0F ? weights[i] - shrink * weights[i] : weights[i];
    const float g = added != 0.0F ? gradient[i] + added * w : gradient[i];
    const float m = keep1 * mean[i] + take1 * g;
    const float v = keep2 * variance[i] + take2 * (g * g);
    mean[i] = m;
    variance[i] = v;
    weights[i] = w - step * m / (__builtin_sqrtf(v) / correction + epsilon);
  }
}

}  // namespace pellucid::PELLUCID_ISA
