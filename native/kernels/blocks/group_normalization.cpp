// Normalisation of groups of channels of each image, channels in the lanes. Of each image there are (2,
// padded channels) floats: mean and inverse deviation of each channel's group. A group need not begin with a
// block, so that each channel's sums are put together one by one.
#include "base/simd.h"
#include "kernels/declarations.h"
#include "kernels/normalization/sums.h"

namespace pellucid::PELLUCID_ISA {
namespace {

// parts are groups, runs their channels.
struct Sizes {
  std::int64_t channels, blocks, padded, positions, size;
  double cells;  // of a group

  PELLUCID_INLINE explicit Sizes(const ImageNormalizationAttributes& shape)
      : channels(shape.parts * shape.runs),
        blocks(blocks_of(channels)),
        padded(blocks * LANES),
        positions(shape.positions),
        size(shape.runs),
        cells(static_cast<double>(shape.runs * shape.positions)) {}
};

// Numbers of a block's channels, or `other` where there are none.
PELLUCID_INLINE Vector of_block(const float* values, const Sizes& sizes, std::int64_t block, float other) {
  Vector result = broadcast(other);
  if (values == nullptr) return result;
  const std::int64_t first = block * LANES;
  if (first + LANES <= sizes.channels) return load(values + first);
  for (int lane = 0; first + lane < sizes.channels; ++lane) result[lane] = values[first + lane];
  return result;
}

// Each channel's mean and mean squared distance to it, in two passes.
PELLUCID_INLINE void channel_statistics(const Sizes& sizes, const Vector* x, float* statistics) {
  const float share = 1.0F / static_cast<float>(sizes.positions);
  for (std::int64_t block = 0; block < sizes.blocks; ++block, x += sizes.positions) {
    const Vector center = sum_cells(sizes.positions, [&](std::int64_t i) { return x[i]; }) * share;
    const Vector rest = sum_cells(sizes.positions, [&](std::int64_t i) { return x[i] - center; }) * share;
    const Vector mean = center + rest;
    const Vector squares =
        sum_cells(sizes.positions, [&](std::int64_t i) { return (x[i] - mean) * (x[i] - mean); });
    store(statistics + block * LANES, mean);
    store(statistics + sizes.padded + block * LANES, squares * share);
  }
}

// The channels' statistics into their groups': the mean of the means, and the variance around it.
PELLUCID_INLINE void group_statistics(const Sizes& sizes, double epsilon, float* statistics) {
  float* squares = statistics + sizes.padded;
  const auto count = static_cast<double>(sizes.size);
  for (std::int64_t first = 0; first < sizes.channels; first += sizes.size) {
    double mean = 0;
    for (std::int64_t c = first; c < first + sizes.size; ++c) mean += static_cast<double>(statistics[c]);
    mean /= count;
    double variance = 0;
    for (std::int64_t c = first; c < first + sizes.size; ++c) {
      const double distance = static_cast<double>(statistics[c]) - mean;
      variance += static_cast<double>(squares[c]) + distance * distance;
    }
    const double inverse = 1.0 / __builtin_sqrt(variance / count + epsilon);
    for (std::int64_t c = first; c < first + sizes.size; ++c) {
      statistics[c] = static_cast<float>(mean);
      squares[c] = static_cast<float>(inverse);
    }
  }
  for (std::int64_t c = sizes.channels; c < sizes.padded; ++c) statistics[c] = squares[c] = 0.0F;
}

// Sums over an image: of delta x^ and of delta for each channel, then the means of both, gamma times delta,
// over each channel's group; (4, padded channels) floats.
struct GradientSums {
  float* weighted;
  float* plain;
  float* weighted_means;
  float* plain_means;

  PELLUCID_INLINE GradientSums(const Sizes& sizes, float* sums, std::int64_t image)
      : weighted(sums + image * 4 * sizes.padded),
        plain(weighted + sizes.padded),
        weighted_means(plain + sizes.padded),
        plain_means(weighted_means + sizes.padded) {}
};

PELLUCID_INLINE void channel_sums_of(const Sizes& sizes, const Vector* x, const Vector* delta,
                                     const float* statistics, const GradientSums& sums) {
  for (std::int64_t block = 0; block < sizes.blocks; ++block) {
    const Vector mean = load(statistics + block * LANES);
    const Vector inverse = load(statistics + sizes.padded + block * LANES);
    const auto product = [&](std::int64_t i) { return delta[i] * (x[i] - mean); };
    store(sums.weighted + block * LANES, sum_cells(sizes.positions, product) * inverse);
    store(sums.plain + block * LANES, sum_cells(sizes.positions, [&](std::int64_t i) { return delta[i]; }));
    x += sizes.positions;
    delta += sizes.positions;
  }
}

PELLUCID_INLINE void group_means(const Sizes& sizes, const float* gamma, const GradientSums& sums) {
  for (std::int64_t first = 0; first < sizes.channels; first += sizes.size) {
    double weighted = 0;
    double plain = 0;
    for (std::int64_t c = first; c < first + sizes.size; ++c) {
      const double scale = gamma != nullptr ? static_cast<double>(gamma[c]) : 1.0;
      weighted += scale * static_cast<double>(sums.weighted[c]);
      plain += scale * static_cast<double>(sums.plain[c]);
    }
    for (std::int64_t c = first; c < first + sizes.size; ++c) {
      sums.weighted_means[c] = static_cast<float>(weighted / sizes.cells);
      sums.plain_means[c] = static_cast<float>(plain / sizes.cells);
    }
  }
  for (std::int64_t c = sizes.channels; c < sizes.padded; ++c) {
    sums.weighted_means[c] = sums.plain_means[c] = 0.0F;
  }
}

}  // namespace

// blocks_group_normalization_output: x, gamma and beta (channels) or null -> statistics, y. Shared: images.
void blocks_group_normalization_output(const Call& call) {
  const auto& shape = call.as<ImageNormalizationAttributes>();
  const Sizes sizes(shape);
  const auto* gamma = call.operand<const float>(1);
  const auto* beta = call.operand<const float>(2);
  for (std::int64_t image = call.begin; image < call.end; ++image) {
    const auto* x = call.operand<const Vector>(0) + image * sizes.blocks * sizes.positions;
    auto* statistics = call.operand<float>(3) + image * 2 * sizes.padded;
    auto* y = call.operand<Vector>(4) + image * sizes.blocks * sizes.positions;
    channel_statistics(sizes, x, statistics);
    group_statistics(sizes, shape.epsilon, statistics);
    for (std::int64_t block = 0; block < sizes.blocks; ++block) {
      const Vector mean = load(statistics + block * LANES);
      const Vector scale =
          load(statistics + sizes.padded + block * LANES) * of_block(gamma, sizes, block, 1.0F);
      const Vector shift = of_block(beta, sizes, block, 0.0F);
      for (std::int64_t i = 0; i < sizes.positions; ++i) *y++ = (*x++ - mean) * scale + shift;
    }
  }
}

// blocks_group_normalization_gradient: x, delta, gamma or null, statistics -> sums of each image,
// dx = (g - mean(g) - x^ mean(g x^)) / deviation with g = gamma delta. Shared: images.
void blocks_group_normalization_gradient(const Call& call) {
  const auto& shape = call.as<ImageNormalizationAttributes>();
  const Sizes sizes(shape);
  const auto* gamma = call.operand<const float>(2);
  for (std::int64_t image = call.begin; image < call.end; ++image) {
    const std::int64_t first = image * sizes.blocks * sizes.positions;
    const auto* x = call.operand<const Vector>(0) + first;
    const auto* delta = call.operand<const Vector>(1) + first;
    const auto* statistics = call.operand<const float>(3) + image * 2 * sizes.padded;
    auto* out = call.operand<Vector>(5) + first;
    const GradientSums sums(sizes, call.operand<float>(4), image);
    channel_sums_of(sizes, x, delta, statistics, sums);
    group_means(sizes, gamma, sums);
    for (std::int64_t block = 0; block < sizes.blocks; ++block) {
      const Vector mean = load(statistics + block * LANES);
      const Vector inverse = load(statistics + sizes.padded + block * LANES);
      const Vector scale = of_block(gamma, sizes, block, 1.0F);
      const Vector plain = load(sums.plain_means + block * LANES);
      const Vector along = load(sums.weighted_means + block * LANES) * inverse;
      for (std::int64_t i = 0; i < sizes.positions; ++i) {
        *out++ = inverse * (*delta++ * scale - plain - (*x++ - mean) * along);
      }
    }
  }
}

// blocks_group_normalization_affine_gradient: the images' sums -> dgamma and dbeta, or null. Shared:
// channels.
void blocks_group_normalization_affine_gradient(const Call& call) {
  const auto& shape = call.as<ImageNormalizationAttributes>();
  const Sizes sizes(shape);
  const auto* sums = call.operand<const float>(0);
  auto* gamma_gradient = call.operand<float>(1);
  auto* beta_gradient = call.operand<float>(2);
  for (std::int64_t channel = call.begin; channel < call.end; ++channel) {
    double weighted = 0;
    double plain = 0;
    for (std::int64_t image = 0; image < call.run->batch_images; ++image) {
      const float* own = sums + image * 4 * sizes.padded + channel;
      weighted += static_cast<double>(own[0]);
      plain += static_cast<double>(own[sizes.padded]);
    }
    if (gamma_gradient != nullptr) gamma_gradient[channel] = static_cast<float>(weighted);
    if (beta_gradient != nullptr) beta_gradient[channel] = static_cast<float>(plain);
  }
}

}  // namespace pellucid::PELLUCID_ISA
