// Softmax and its logarithm over the channels of each position, channels in the lanes.
#include "base/simd.h"
#include "base/vector_math.h"
#include "kernels/declarations.h"

namespace pellucid::PELLUCID_ISA {
namespace {

// The first vector of a position; those of the next blocks are `positions` apart.
PELLUCID_INLINE std::int64_t first_cell(const ChannelAttributes& shape, std::int64_t item) {
  const std::int64_t image = item / shape.positions;
  return image * blocks_of(shape.channels) * shape.positions + item % shape.positions;
}

PELLUCID_INLINE Integers lanes_of(const ChannelAttributes& shape, std::int64_t block) {
  const std::int64_t rest = shape.channels - block * LANES;
  return valid_lanes(rest < LANES ? rest : LANES);
}

PELLUCID_INLINE float highest_channel(const ChannelAttributes& shape, const Vector* x) {
  Vector highest = broadcast(-__builtin_inff());
  for (std::int64_t block = 0; block < blocks_of(shape.channels); ++block) {
    const Vector value = x[block * shape.positions];
    highest = select((value > highest) & lanes_of(shape, block), value, highest);
  }
  float result = highest[0];
  for (int lane = 1; lane < LANES; ++lane) result = highest[lane] > result ? highest[lane] : result;
  return result;
}

}  // namespace

// blocks_softmax_output: x -> y. Shared: positions of all images.
void blocks_softmax_output(const Call& call) {
  const auto& shape = call.as<ChannelAttributes>();
  const std::int64_t blocks = blocks_of(shape.channels);
  for (std::int64_t item = call.begin; item < call.end; ++item) {
    const std::int64_t first = first_cell(shape, item);
    const auto* x = call.operand<const Vector>(0) + first;
    auto* y = call.operand<Vector>(1) + first;
    const Vector highest = broadcast(highest_channel(shape, x));
    Vector sums = {};
    for (std::int64_t block = 0; block < blocks; ++block) {
      const std::int64_t cell = block * shape.positions;
      y[cell] = keep_where(lanes_of(shape, block), exponential(x[cell] - highest));
      sums += y[cell];
    }
    const Vector sum = broadcast(sum_lanes(sums));
    for (std::int64_t block = 0; block < blocks; ++block) y[block * shape.positions] /= sum;
  }
}

// blocks_softmax_gradient: delta, y -> dx[k] = y[k] (delta[k] - sum_j delta[j] y[j]). Shared: positions of
// all images.
void blocks_softmax_gradient(const Call& call) {
  const auto& shape = call.as<ChannelAttributes>();
  const std::int64_t blocks = blocks_of(shape.channels);
  for (std::int64_t item = call.begin; item < call.end; ++item) {
    const std::int64_t first = first_cell(shape, item);
    const auto* gradient = call.operand<const Vector>(0) + first;
    const auto* y = call.operand<const Vector>(1) + first;
    auto* out = call.operand<Vector>(2) + first;
    Vector sums = {};
    for (std::int64_t block = 0; block < blocks; ++block) {
      sums += gradient[block * shape.positions] * y[block * shape.positions];
    }
    const Vector sum = broadcast(sum_lanes(sums));
    for (std::int64_t block = 0; block < blocks; ++block) {
      const std::int64_t cell = block * shape.positions;
      out[cell] = y[cell] * (gradient[cell] - sum);
    }
  }
}

// blocks_log_softmax_output: x -> y[k] = x[k] - log sum_j exp(x[j]). Shared: positions of all images.
void blocks_log_softmax_output(const Call& call) {
  const auto& shape = call.as<ChannelAttributes>();
  const std::int64_t blocks = blocks_of(shape.channels);
  for (std::int64_t item = call.begin; item < call.end; ++item) {
    const std::int64_t first = first_cell(shape, item);
    const auto* x = call.operand<const Vector>(0) + first;
    auto* y = call.operand<Vector>(1) + first;
    const Vector highest = broadcast(highest_channel(shape, x));
    Vector sums = {};
    for (std::int64_t block = 0; block < blocks; ++block) {
      sums += keep_where(lanes_of(shape, block), exponential(x[block * shape.positions] - highest));
    }
    const Vector logarithm = natural_logarithm(broadcast(sum_lanes(sums)));
    for (std::int64_t block = 0; block < blocks; ++block) {
      const std::int64_t cell = block * shape.positions;
      y[cell] = keep_where(lanes_of(shape, block), (x[cell] - highest) - logarithm);
    }
  }
}

// blocks_log_softmax_gradient: delta, y -> dx[k] = delta[k] - exp(y[k]) sum_j delta[j]. Shared: positions of
// all images.
void blocks_log_softmax_gradient(const Call& call) {
  const auto& shape = call.as<ChannelAttributes>();
  const std::int64_t blocks = blocks_of(shape.channels);
  for (std::int64_t item = call.begin; item < call.end; ++item) {
    const std::int64_t first = first_cell(shape, item);
    const auto* gradient = call.operand<const Vector>(0) + first;
    const auto* y = call.operand<const Vector>(1) + first;
    auto* out = call.operand<Vector>(2) + first;
    Vector sums = {};
    for (std::int64_t block = 0; block < blocks; ++block) sums += gradient[block * shape.positions];
    const Vector sum = broadcast(sum_lanes(sums));
    for (std::int64_t block = 0; block < blocks; ++block) {
      const std::int64_t cell = block * shape.positions;
      out[cell] = keep_where(lanes_of(shape, block), gradient[cell] - exponential(y[cell]) * sum);
    }
  }
}

}  // namespace pellucid::PELLUCID_ISA
