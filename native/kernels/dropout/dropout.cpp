// Dropout. Forward and backward are the same product with the same mask, drawn
// again each time: Philox4x32-10 (Salmon et al. 2011) keyed by seed and counted by (cell / 4, image, node,
// step), so that the mask depends on nothing but these.
#include "base/simd.h"
#include "kernels/declarations.h"

namespace pellucid::PELLUCID_ISA {
namespace {

struct PhiloxBlock {
  Words word[4];
};

using WideWords = std::uint64_t __attribute__((vector_size(LANES * 8)));

PELLUCID_INLINE void multiply(Words a, std::uint32_t b, Words& high, Words& low) {
  const WideWords product = __builtin_convertvector(a, WideWords) * static_cast<std::uint64_t>(b);
  high = __builtin_convertvector(product >> 32, Words);
  low = __builtin_convertvector(product, Words);
}

PELLUCID_INLINE PhiloxBlock philox(PhiloxBlock counter, std::uint64_t seed) {
  auto key0 = static_cast<std::uint32_t>(seed);
  auto key1 = static_cast<std::uint32_t>(seed >> 32);
  for (int round = 0; round < 10; ++round) {
    Words high0;
    Words low0;
    Words high1;
    Words low1;
    multiply(counter.word[0], 0xD2511F53U, high0, low0);
    multiply(counter.word[2], 0xCD9E8D57U, high1, low1);
    counter = {{high1 ^ counter.word[1] ^ key0, low1, high0 ^ counter.word[3] ^ key1, low0}};
    key0 += 0x9E3779B9U;
    key1 += 0xBB67AE85U;
  }
  return counter;
}

// What keeps a cell's value, and what it is then multiplied by.
struct Rule {
  Vector rate;
  float scale;

  PELLUCID_INLINE explicit Rule(double rate_of_loss)
      : rate(broadcast(static_cast<float>(rate_of_loss))),
        scale(static_cast<float>(1.0 / (1.0 - rate_of_loss))) {}
  [[nodiscard]] PELLUCID_INLINE Vector apply(Words random, Vector x) const {
    const auto whole = __builtin_convertvector(random >> 8, Integers);
    const Vector uniform = __builtin_convertvector(whole, Vector) * 0x1p-24F;
    return keep_where(uniform >= rate, x * scale);
  }
};

PELLUCID_INLINE std::uint32_t step_of(const Call& call) {
  return static_cast<std::uint32_t>(call.run->first_step + call.run->step);
}

}  // namespace

// dropout, the batch in the lanes: x -> y = x / (1 - rate) where kept, else 0.
void dropout(const Call& call) {
  const auto& shape = call.as<DropoutAttributes>();
  const auto* x = call.operand<const Vector>(0);
  auto* y = call.operand<Vector>(1);
  const Rule rule(shape.rate);
  Words image;
  for (int lane = 0; lane < LANES; ++lane) image[lane] = static_cast<std::uint32_t>(call.first_image + lane);
  const Words zero = {};
  for (std::int64_t cell = 0; cell < shape.cells; cell += 4) {
    const PhiloxBlock counter = {{zero + static_cast<std::uint32_t>(cell / 4), image,
                                  zero + static_cast<std::uint32_t>(shape.node), zero + step_of(call)}};
    const PhiloxBlock random = philox(counter, call.run->seed);
    for (int word = 0; word < 4 && cell + word < shape.cells; ++word) {
      y[cell + word] = rule.apply(random.word[word], x[cell + word]);
    }
  }
}

// blocks_dropout: the same of channel blocks, whose lanes hold cells that lie a map apart. Shared: blocks of
// all images.
void blocks_dropout(const Call& call) {
  const auto& shape = call.as<BlockDropoutAttributes>();
  const auto* x = call.operand<const Vector>(0);
  auto* y = call.operand<Vector>(1);
  const Rule rule(shape.rate);
  const std::int64_t blocks = blocks_of(shape.channels);
  const auto positions = static_cast<std::uint32_t>(shape.positions);
  const Words zero = {};
  for (std::int64_t item = call.begin; item < call.end; ++item) {
    const Words image = zero + static_cast<std::uint32_t>(item / blocks);
    const auto channel = static_cast<std::uint32_t>(item % blocks * LANES);
    const Words first = (__builtin_convertvector(lane_numbers(), Words) + channel) * positions;
    for (std::uint32_t p = 0; p < positions; ++p) {
      const Words cell = first + p;
      const PhiloxBlock random =
          philox({{cell >> 2, image, zero + static_cast<std::uint32_t>(shape.node), zero + step_of(call)}},
                 call.run->seed);
      Words drawn = random.word[0];
      PELLUCID_UNROLL
      for (std::uint32_t word = 1; word < 4; ++word) {
        drawn = (cell & 3) == zero + word ? random.word[word] : drawn;
      }
      const std::int64_t place = item * shape.positions + p;
      y[place] = rule.apply(drawn, x[place]);
    }
  }
}

}  // namespace pellucid::PELLUCID_ISA
