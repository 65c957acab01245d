// Batch normalisation of channel blocks. It is described, not computed: these kernels only make the
// coefficients, forwards (gamma / deviation, 1, beta - mean gamma / deviation), so that another array can be
// added, and backwards those of dx = k1 g + k2 x + k3.
//
// Sums over the batch are as moments.h has them; statistics are (2, padded channels) floats: mean and inverse
// deviation.
#include "base/simd.h"
#include "kernels/blocks/description.h"
#include "kernels/blocks/moments.h"
#include "kernels/declarations.h"

namespace pellucid::PELLUCID_ISA {
namespace {

// Positions whose sums are floats.
constexpr std::int64_t RUN = 256;
// Sums of each kind side by side: none waits for itself.
constexpr int WIDTH = 4;

PELLUCID_INLINE void add_lanes(double* sums, const Vector* parts) {
  Vector total = parts[0];
  for (int i = 1; i < WIDTH; ++i) total += parts[i];
  for (int lane = 0; lane < LANES; ++lane) sums[lane] += static_cast<double>(total[lane]);
}

// Call visit(position, which sum) for positions [begin, end), WIDTH at a time.
template <typename Visit>
PELLUCID_INLINE void side_by_side(std::int64_t begin, std::int64_t end, const Visit& visit) {
  std::int64_t p = begin;
  for (; p + WIDTH <= end; p += WIDTH) {
    PELLUCID_UNROLL
    for (int i = 0; i < WIDTH; ++i) visit(p + i, i);
  }
  for (; p < end; ++p) visit(p, 0);
}

// The sum over the shards of one number of their sums.
PELLUCID_INLINE double over_shards(const Call& call, int operand, std::int64_t number) {
  double total = 0;
  const char* sums = call.operand<const char>(operand);
  for (std::int64_t shard = 0; shard < call.run->shards; ++shard, sums += call.run->shard_bytes) {
    total += reinterpret_cast<const double*>(sums)[number];
  }
  return total;
}

struct Statistics {
  double mean;
  double squares;  // of the distances to the mean, summed
};

PELLUCID_INLINE Statistics statistics_of(const Call& call, std::int64_t padded, std::int64_t channel,
                                         double count) {
  const double sum = over_shards(call, 0, channel);
  const double squares = over_shards(call, 0, padded + channel) - sum * sum / count;
  return {sum / count, squares > 0 ? squares : 0};
}

// Scale and shift of one channel.
struct Affine {
  double scale;
  double shift;
};

PELLUCID_INLINE Affine affine_of(const float* gamma, const float* beta, std::int64_t channel, double mean,
                                 double deviation) {
  const double scale = (gamma != nullptr ? static_cast<double>(gamma[channel]) : 1.0) / deviation;
  const double shift = beta != nullptr ? static_cast<double>(beta[channel]) : 0.0;
  return {scale, shift - mean * scale};
}

PELLUCID_INLINE void put_coefficients(float* coefficients, std::int64_t padded, std::int64_t channel,
                                      double a, double b, double c) {
  coefficients[channel] = static_cast<float>(a);
  coefficients[padded + channel] = static_cast<float>(b);
  coefficients[2 * padded + channel] = static_cast<float>(c);
}

// What forward kernels leave of each channel, from gamma or null and beta or null.
struct Normalization {
  const float* gamma;
  const float* beta;
  float* statistics;
  float* coefficients;
  std::int64_t padded;

  PELLUCID_INLINE void put(std::int64_t channel, double mean, double variance) const {
    const double deviation = __builtin_sqrt(variance);
    statistics[channel] = static_cast<float>(mean);
    statistics[padded + channel] = static_cast<float>(1 / deviation);
    const Affine affine = affine_of(gamma, beta, channel, mean, deviation);
    put_coefficients(coefficients, padded, channel, affine.scale, 1, affine.shift);
  }
  // Of a lane without a channel.
  PELLUCID_INLINE void put_nothing(std::int64_t channel) const {
    statistics[channel] = statistics[padded + channel] = 0;
    put_coefficients(coefficients, padded, channel, 0, 1, 0);
  }
};

template <typename Values, typename Kept>
void gradient_sums(const Call& call) {
  const auto& shape = call.as<ChannelAttributes>();
  const std::int64_t blocks = blocks_of(shape.channels);
  const auto* x = call.operand<const Vector>(6);
  const auto* mean = call.operand<const Vector>(7);
  auto* written = call.operand<Vector>(8);
  auto* sums = call.operand<double>(9);
  for (std::int64_t item = call.begin; item < call.end; ++item) {
    const std::int64_t block = item % blocks;
    const Values values(Description(call, 0), blocks, block);
    const Kept kept(Description(call, 3), blocks, block);
    const Vector center = mean[block];
    const std::int64_t last = (item + 1) * shape.positions;
    for (std::int64_t begin = item * shape.positions; begin < last; begin += RUN) {
      Vector plain[WIDTH] = {};
      Vector weighted[WIDTH] = {};
      const std::int64_t end = begin + RUN < last ? begin + RUN : last;
      const auto add = [&](std::int64_t p, int i) {
        const Vector gradient = kept(p, values(p));
        plain[i] += gradient;
        weighted[i] += gradient * (x[p] - center);
        return gradient;
      };
      if (written != nullptr) {
        side_by_side(begin, end, [&](std::int64_t p, int i) { written[p] = add(p, i); });
      } else {
        side_by_side(begin, end, add);
      }
      add_lanes(sums + block * LANES, plain);
      add_lanes(sums + (blocks + block) * LANES, weighted);
    }
  }
}

}  // namespace

// blocks_moments: x -> sums of x and of its squares, to which it adds. Shared: blocks of all images.
void blocks_moments(const Call& call) {
  const auto& shape = call.as<ChannelAttributes>();
  const std::int64_t blocks = blocks_of(shape.channels);
  const auto* x = call.operand<const Vector>(0);
  auto* sums = call.operand<double>(1);
  for (std::int64_t item = call.begin; item < call.end; ++item) {
    const std::int64_t block = item % blocks;
    const std::int64_t last = (item + 1) * shape.positions;
    for (std::int64_t begin = item * shape.positions; begin < last; begin += RUN) {
      const std::int64_t end = begin + RUN < last ? begin + RUN : last;
      Moments moments;
      std::int64_t p = begin;
      for (; p + WIDTH <= end; p += WIDTH) moments.add<WIDTH>(x + p);
      for (; p < end; ++p) moments.add<1>(x + p);
      moments.flush(sums, block, blocks);
    }
  }
}

// blocks_batch_statistics, a range over padded channels: sums, gamma or null, beta or null -> statistics,
// coefficients.
void blocks_batch_statistics(const Call& call) {
  const auto& shape = call.as<NormalizationAttributes>();
  const std::int64_t padded = blocks_of(shape.channels) * LANES;
  const Normalization normalization{.gamma = call.operand<const float>(1),
                                    .beta = call.operand<const float>(2),
                                    .statistics = call.operand<float>(3),
                                    .coefficients = call.operand<float>(4),
                                    .padded = padded};
  const auto count = static_cast<double>(call.run->batch_images * shape.positions);
  for (std::int64_t channel = call.begin; channel < call.end; ++channel) {
    if (channel >= shape.channels) {
      normalization.put_nothing(channel);
      continue;
    }
    const Statistics found = statistics_of(call, padded, channel, count);
    normalization.put(channel, found.mean, found.squares / count + shape.epsilon);
  }
}

// blocks_update_running_statistics, a range over channels: sums, running mean, running variance (unbiased).
void blocks_update_running_statistics(const Call& call) {
  const auto& shape = call.as<NormalizationAttributes>();
  const std::int64_t padded = blocks_of(shape.channels) * LANES;
  auto* mean = call.operand<float>(1);
  auto* variance = call.operand<float>(2);
  const auto count = static_cast<double>(call.run->batch_images * shape.positions);
  const double kept = 1.0 - shape.momentum;
  for (std::int64_t channel = call.begin; channel < call.end; ++channel) {
    const Statistics found = statistics_of(call, padded, channel, count);
    const double unbiased = found.squares / (count > 1 ? count - 1 : 1);
    mean[channel] = static_cast<float>(kept * mean[channel] + shape.momentum * found.mean);
    variance[channel] = static_cast<float>(kept * variance[channel] + shape.momentum * unbiased);
  }
}

// blocks_running_coefficients: running mean, running variance, gamma or null, beta or null -> statistics,
// coefficients, and unless null those of dx. Shared: padded channels.
void blocks_running_coefficients(const Call& call) {
  const auto& shape = call.as<NormalizationAttributes>();
  const std::int64_t padded = blocks_of(shape.channels) * LANES;
  const auto* mean = call.operand<const float>(0);
  const auto* variance = call.operand<const float>(1);
  const Normalization normalization{.gamma = call.operand<const float>(2),
                                    .beta = call.operand<const float>(3),
                                    .statistics = call.operand<float>(4),
                                    .coefficients = call.operand<float>(5),
                                    .padded = padded};
  auto* gradient_coefficients = call.operand<float>(6);
  for (std::int64_t channel = call.begin; channel < call.end; ++channel) {
    if (channel >= shape.channels) {
      normalization.put_nothing(channel);
      if (gradient_coefficients != nullptr) put_coefficients(gradient_coefficients, padded, channel, 0, 1, 0);
      continue;
    }
    normalization.put(channel, static_cast<double>(mean[channel]),
                      static_cast<double>(variance[channel]) + shape.epsilon);
    if (gradient_coefficients != nullptr) {
      put_coefficients(gradient_coefficients, padded, channel,
                       static_cast<double>(normalization.coefficients[channel]), 1, 0);
    }
  }
}

// blocks_fold_normalization: running mean, running variance, gamma or null, beta or null, the bias before it
// or null -> scale and bias (padded channels) with which a convolution does its normalisation itself.
// Shared: padded channels.
void blocks_fold_normalization(const Call& call) {
  const auto& shape = call.as<NormalizationAttributes>();
  const auto* mean = call.operand<const float>(0);
  const auto* variance = call.operand<const float>(1);
  const auto* bias_before = call.operand<const float>(4);
  auto* scale = call.operand<float>(5);
  auto* bias = call.operand<float>(6);
  for (std::int64_t channel = call.begin; channel < call.end; ++channel) {
    if (channel >= shape.channels) {
      scale[channel] = bias[channel] = 0;
      continue;
    }
    const double deviation = __builtin_sqrt(static_cast<double>(variance[channel]) + shape.epsilon);
    const double before = bias_before != nullptr ? static_cast<double>(bias_before[channel]) : 0.0;
    const Affine affine = affine_of(call.operand<const float>(2), call.operand<const float>(3), channel,
                                    static_cast<double>(mean[channel]) - before, deviation);
    scale[channel] = static_cast<float>(affine.scale);
    bias[channel] = static_cast<float>(affine.shift);
  }
}

// blocks_batch_gradient_sums: delta, other or null, coefficients or null, the same three of its mask or
// nulls, x, mean -> delta written down unless null, sums of delta and of delta (x - mean), to which it adds.
// Shared: blocks of all images.
void blocks_batch_gradient_sums(const Call& call) {
  with_reader(Description(call, 0), [&]<typename Values> {
    with_mask(Description(call, 3), [&]<typename Kept> { gradient_sums<Values, Kept>(call); });
  });
}

// blocks_batch_gradient_statistics, a range over padded channels: sums of delta and of delta (x - mean),
// statistics, coefficients -> dgamma or null, dbeta or null, coefficients of dx or null:
// dx = gamma / deviation (delta - mean(delta) - x^ mean(delta x^)).
void blocks_batch_gradient_statistics(const Call& call) {
  const auto& shape = call.as<ChannelAttributes>();
  const std::int64_t padded = blocks_of(shape.channels) * LANES;
  const auto* statistics = call.operand<const float>(1);
  const auto* coefficients = call.operand<const float>(2);
  auto* gamma_gradient = call.operand<float>(3);
  auto* beta_gradient = call.operand<float>(4);
  auto* result = call.operand<float>(5);
  const auto count = static_cast<double>(call.run->batch_images * shape.positions);
  for (std::int64_t channel = call.begin; channel < call.end; ++channel) {
    if (channel >= shape.channels) {
      if (result != nullptr) put_coefficients(result, padded, channel, 0, 0, 0);
      continue;
    }
    const double plain = over_shards(call, 0, channel);
    const double weighted = over_shards(call, 0, padded + channel);
    const auto inverse = static_cast<double>(statistics[padded + channel]);
    if (gamma_gradient != nullptr) gamma_gradient[channel] = static_cast<float>(weighted * inverse);
    if (beta_gradient != nullptr) beta_gradient[channel] = static_cast<float>(plain);
    if (result == nullptr) continue;
    const auto scale = static_cast<double>(coefficients[channel]);
    const double slope = -scale * inverse * inverse * weighted / count;
    const double shift = -scale * plain / count - slope * static_cast<double>(statistics[channel]);
    put_coefficients(result, padded, channel, scale, slope, shift);
  }
}

}  // namespace pellucid::PELLUCID_ISA
