// Local response normalisation of channel blocks. Channels lie in the lanes, so those of one position are
// written side by side first; their neighbours are then vectors that begin a few channels earlier or later.
#include "kernels/normalization/local_response.h"

#include "base/simd.h"
#include "kernels/declarations.h"

namespace pellucid::PELLUCID_ISA {
namespace {

// Positions that go through the scratch memory at a time: what was written is in the cache, but no longer in
// flight, when it is read; lowering/blocks/normalization.py knows the same number.
constexpr std::int64_t STRIP = 16;

// One strip of positions of an image, and its scratch memory: a row of channels a position, `margin` zeros at
// both ends.
struct Strip {
  std::int64_t first;  // vector of the first block
  std::int64_t positions;
  std::int64_t blocks;
  std::int64_t plane;
  std::int64_t margin;
  std::int64_t row;
  float* channels;

  PELLUCID_INLINE Strip(const LocalResponseAttributes& shape, std::int64_t item, float* scratch)
      : blocks(blocks_of(shape.channels)),
        plane(shape.positions),
        margin(blocks_of(shape.size) * LANES),
        row(blocks * LANES + 2 * margin),
        channels(scratch) {
    const std::int64_t strips = (plane + STRIP - 1) / STRIP;
    const std::int64_t begin = item % strips * STRIP;
    first = item / strips * blocks * plane + begin;
    positions = begin + STRIP < plane ? STRIP : plane - begin;
  }

  // Write value(vector's place), 0 beyond the last channel.
  template <typename Value>
  PELLUCID_INLINE void write(std::int64_t last, const Value& value) const {
    for (std::int64_t position = 0; position < positions; ++position) {
      float* to = channels + position * row;
      for (std::int64_t i = 0; i < margin; i += LANES) {
        store(to + i, Vector{});
        store(to + row - margin + i, Vector{});
      }
      for (std::int64_t block = 0; block < blocks; ++block) {
        const std::int64_t rest = last - block * LANES;
        const Integers kept = valid_lanes(rest < LANES ? rest : LANES);
        store(to + margin + block * LANES, keep_where(kept, value(first + block * plane + position)));
      }
    }
  }

  // The sums over each channel of a block, `before` channels ahead of it and `after` behind it.
  [[nodiscard]] PELLUCID_INLINE Vector sum(std::int64_t position, std::int64_t block, std::int64_t before,
                                           std::int64_t after) const {
    const float* center = channels + position * row + margin + block * LANES;
    Vector total = {};
    for (std::int64_t shift = -before; shift <= after; ++shift) total += load(center + shift);
    return total;
  }

  // Call visit(position, block, vector's place).
  template <typename Visit>
  PELLUCID_INLINE void for_each_vector(const Visit& visit) const {
    for (std::int64_t block = 0; block < blocks; ++block) {
      for (std::int64_t position = 0; position < positions; ++position) {
        visit(position, block, first + block * plane + position);
      }
    }
  }
};

}  // namespace

// blocks_local_response_output: x -> scratch, s unless null, y. Shared: strips of positions of all images.
void blocks_local_response_output(const Call& call) {
  const auto& shape = call.as<LocalResponseAttributes>();
  const auto* x = call.operand<const Vector>(0);
  auto* sums = call.operand<Vector>(2);
  auto* y = call.operand<Vector>(3);
  const auto alpha = static_cast<float>(shape.alpha);
  const auto beta = static_cast<float>(shape.beta);
  for (std::int64_t item = call.begin; item < call.end; ++item) {
    const Strip strip(shape, item, call.operand<float>(1));
    strip.write(shape.channels, [&](std::int64_t cell) { return x[cell] * x[cell]; });
    strip.for_each_vector([&](std::int64_t position, std::int64_t block, std::int64_t cell) {
      const Vector squares = strip.sum(position, block, shape.size / 2, (shape.size - 1) / 2);
      const Vector sum = squares * alpha + static_cast<float>(shape.k);
      if (sums != nullptr) sums[cell] = sum;
      y[cell] = x[cell] * response_scale(sum, beta);
    });
  }
}

// blocks_local_response_gradient: x, s, delta -> scratch, dx; as local_response_gradient. Shared: strips of
// positions of all images.
void blocks_local_response_gradient(const Call& call) {
  const auto& shape = call.as<LocalResponseAttributes>();
  const auto* x = call.operand<const Vector>(0);
  const auto* sums = call.operand<const Vector>(1);
  const auto* gradient = call.operand<const Vector>(2);
  auto* out = call.operand<Vector>(4);
  const auto beta = static_cast<float>(shape.beta);
  const auto factor = static_cast<float>(2 * shape.alpha * shape.beta);
  for (std::int64_t item = call.begin; item < call.end; ++item) {
    const Strip strip(shape, item, call.operand<float>(3));
    strip.write(shape.channels, [&](std::int64_t cell) {
      return gradient[cell] * x[cell] * (response_scale(sums[cell], beta) / sums[cell]);
    });
    strip.for_each_vector([&](std::int64_t position, std::int64_t block, std::int64_t cell) {
      const Vector total = strip.sum(position, block, (shape.size - 1) / 2, shape.size / 2);
      out[cell] = gradient[cell] * response_scale(sums[cell], beta) - factor * x[cell] * total;
    });
  }
}

}  // namespace pellucid::PELLUCID_ISA
