// Batch normalisation in training. Statistics need the whole batch, so each is a sum over a shard's tiles, in
// double, then a reduction over shards in their order, then a pass over the tiles again.
#include "base/simd.h"
#include "kernels/declarations.h"

namespace pellucid::PELLUCID_ISA {
namespace {

// Number of values, their mean, and the sum of squares of their distances to it.
struct Moments {
  double count;
  double mean;
  double squares;
};

// Chan, Golub & LeVeque 1983: two sets' moments from each one's.
PELLUCID_INLINE Moments merge(Moments a, Moments b) {
  if (b.count == 0) return a;
  const double count = a.count + b.count;
  const double distance = b.mean - a.mean;
  return {count, a.mean + distance * (b.count / count),
          a.squares + b.squares + distance * distance * (a.count * b.count / count)};
}

// A shard operand's instance of one shard.
template <typename Type>
PELLUCID_INLINE const Type* of_shard(const Call& call, int operand, std::int64_t shard) {
  return reinterpret_cast<const Type*>(call.operand<const char>(operand) + shard * call.run->shard_bytes);
}

PELLUCID_INLINE Moments all_shards(const Call& call, std::int64_t channel) {
  Moments all = {};
  for (std::int64_t shard = 0; shard < call.run->shards; ++shard) {
    all = merge(all, of_shard<Moments>(call, 0, shard)[channel]);
  }
  return all;
}

}  // namespace

// batch_moments: x -> the shard's moments (channels), into which it merges this tile's.
void batch_moments(const Call& call) {
  const auto& shape = call.as<ChannelAttributes>();
  const auto* x = call.operand<const Vector>(0);
  auto* moments = call.operand<Moments>(1);
  const Integers valid = valid_lanes(call.images);
  const auto count = static_cast<double>(call.images * shape.positions);
  for (std::int64_t channel = 0; channel < shape.channels; ++channel, x += shape.positions) {
    Vector sum = {};
    for (std::int64_t i = 0; i < shape.positions; ++i) sum += keep_where(valid, x[i]);
    const double mean = static_cast<double>(sum_lanes(sum)) / count;
    const Vector center = broadcast(static_cast<float>(mean));
    Vector squares = {};
    for (std::int64_t i = 0; i < shape.positions; ++i) {
      const Vector distance = keep_where(valid, x[i] - center);
      squares += distance * distance;
    }
    moments[channel] = merge(moments[channel], {count, mean, static_cast<double>(sum_lanes(squares))});
  }
}

// batch_statistics, a range over channels: moments, gamma or null -> mean, scale, inverse deviation.
void batch_statistics(const Call& call) {
  const auto& shape = call.as<NormalizationAttributes>();
  const auto* gamma = call.operand<const float>(1);
  auto* mean = call.operand<float>(2);
  auto* scale = call.operand<float>(3);
  auto* inverse = call.operand<float>(4);
  for (std::int64_t channel = call.begin; channel < call.end; ++channel) {
    const Moments all = all_shards(call, channel);
    const double deviation = __builtin_sqrt(all.squares / all.count + shape.epsilon);
    mean[channel] = static_cast<float>(all.mean);
    inverse[channel] = static_cast<float>(1.0 / deviation);
    scale[channel] = static_cast<float>((gamma != nullptr ? gamma[channel] : 1.0) / deviation);
  }
}

// update_running_statistics, a range over channels: moments, running mean, running variance (unbiased).
void update_running_statistics(const Call& call) {
  const auto& shape = call.as<NormalizationAttributes>();
  auto* running_mean = call.operand<float>(1);
  auto* running_variance = call.operand<float>(2);
  for (std::int64_t channel = call.begin; channel < call.end; ++channel) {
    const Moments all = all_shards(call, channel);
    const double variance = all.squares / (all.count > 1 ? all.count - 1 : 1);
    const double kept = 1.0 - shape.momentum;
    running_mean[channel] = static_cast<float>(kept * running_mean[channel] + shape.momentum * all.mean);
    running_variance[channel] =
        static_cast<float>(kept * running_variance[channel] + shape.momentum * variance);
  }
}

// batch_gradient_sums: x, delta, mean, inverse deviation -> the shard's (channels, 2) sums of delta and of
// delta x^, to which it adds.
void batch_gradient_sums(const Call& call) {
  const auto& shape = call.as<ChannelAttributes>();
  const auto* x = call.operand<const Vector>(0);
  const auto* gradient = call.operand<const Vector>(1);
  const auto* mean = call.operand<const float>(2);
  const auto* inverse = call.operand<const float>(3);
  auto* sums = call.operand<double>(4);
  std::int64_t cell = 0;
  for (std::int64_t channel = 0; channel < shape.channels; ++channel) {
    const Vector center = broadcast(mean[channel]);
    Vector plain = {};
    Vector weighted = {};
    for (std::int64_t i = 0; i < shape.positions; ++i, ++cell) {
      plain += gradient[cell];
      weighted += gradient[cell] * (x[cell] - center);
    }
    sums[2 * channel] += static_cast<double>(sum_lanes(plain));
    sums[2 * channel + 1] += static_cast<double>(sum_lanes(weighted)) * static_cast<double>(inverse[channel]);
  }
}

// batch_gradient_statistics, a range over channels: sums -> dgamma and dbeta (or null), and (channels, 2)
// means.
void batch_gradient_statistics(const Call& call) {
  const auto& shape = call.as<ChannelAttributes>();
  auto* gamma_gradient = call.operand<float>(1);
  auto* beta_gradient = call.operand<float>(2);
  auto* means = call.operand<float>(3);
  const auto count = static_cast<double>(call.run->batch_images * shape.positions);
  for (std::int64_t channel = call.begin; channel < call.end; ++channel) {
    double plain = 0;
    double weighted = 0;
    for (std::int64_t shard = 0; shard < call.run->shards; ++shard) {
      const auto* sums = of_shard<double>(call, 0, shard);
      plain += sums[2 * channel];
      weighted += sums[2 * channel + 1];
    }
    if (gamma_gradient != nullptr) gamma_gradient[channel] = static_cast<float>(weighted);
    if (beta_gradient != nullptr) beta_gradient[channel] = static_cast<float>(plain);
    means[2 * channel] = static_cast<float>(plain / count);
    means[2 * channel + 1] = static_cast<float>(weighted / count);
  }
}

// batch_input_gradient: delta, x, mean, inverse deviation, scale, means ->
// dx = scale (delta - mean(delta) - x^ mean(delta x^)), and 0 in lanes without an image.
void batch_input_gradient(const Call& call) {
  const auto& shape = call.as<ChannelAttributes>();
  const auto* gradient = call.operand<const Vector>(0);
  const auto* x = call.operand<const Vector>(1);
  const auto* mean = call.operand<const float>(2);
  const auto* inverse = call.operand<const float>(3);
  const auto* scale = call.operand<const float>(4);
  const auto* means = call.operand<const float>(5);
  auto* out = call.operand<Vector>(6);
  const Integers valid = valid_lanes(call.images);
  std::int64_t cell = 0;
  for (std::int64_t channel = 0; channel < shape.channels; ++channel) {
    const Vector center = broadcast(mean[channel]);
    const Vector plain = broadcast(means[2 * channel]);
    const Vector weighted = broadcast(means[2 * channel + 1] * inverse[channel]);
    const Vector factor = broadcast(scale[channel]);
    for (std::int64_t i = 0; i < shape.positions; ++i, ++cell) {
      const Vector dx = factor * (gradient[cell] - plain - (x[cell] - center) * weighted);
      out[cell] = keep_where(valid, dx);
    }
  }
}

}  // namespace pellucid::PELLUCID_ISA
