// Dropout. Forward and backward are the same product with the same mask, drawn
// again each time: Philox4x32-10 (Salmon et al. 2011) keyed by seed and counted by (part / 4, image, node,
// step), where a part is one cell or several that share a draw, so that the mask depends on nothing but
// these.
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

// The words that parts of one image draw, each lane another part.
PELLUCID_INLINE Words drawn(const Call& call, std::int64_t node, std::uint32_t image, Words part) {
  const Words zero = {};
  const PhiloxBlock random =
      philox({{part >> 2, zero + image, zero + static_cast<std::uint32_t>(node), zero + step_of(call)}},
             call.run->seed);
  Words word = random.word[0];
  PELLUCID_UNROLL
  for (std::uint32_t number = 1; number < 4; ++number) {
    word = (part & 3) == zero + number ? random.word[number] : word;
  }
  return word;
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
  const std::int64_t parts = shape.cells / shape.part;
  for (std::int64_t part = 0; part < parts; part += 4) {
    const PhiloxBlock counter = {{zero + static_cast<std::uint32_t>(part / 4), image,
                                  zero + static_cast<std::uint32_t>(shape.node), zero + step_of(call)}};
    const PhiloxBlock random = philox(counter, call.run->seed);
    for (int word = 0; word < 4 && part + word < parts; ++word) {
      const std::int64_t first = (part + word) * shape.part;
      for (std::int64_t cell = first; cell < first + shape.part; ++cell) {
        y[cell] = rule.apply(random.word[word], x[cell]);
      }
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
  for (std::int64_t item = call.begin; item < call.end; ++item) {
    const auto image = static_cast<std::uint32_t>(item / blocks);
    const auto channel = static_cast<std::uint32_t>(item % blocks * LANES);
    const Words channels = __builtin_convertvector(lane_numbers(), Words) + channel;
    const Vector* from = x + item * shape.positions;
    Vector* to = y + item * shape.positions;
    if (shape.part == 1) {
      for (std::uint32_t p = 0; p < positions; ++p) {
        to[p] = rule.apply(drawn(call, shape.node, image, channels * positions + p), from[p]);
      }
    } else {
      const Words part = channels / static_cast<std::uint32_t>(shape.part / shape.positions);
      const Words random = drawn(call, shape.node, image, part);
      for (std::uint32_t p = 0; p < positions; ++p) to[p] = rule.apply(random, from[p]);
    }
  }
}

}  // namespace pellucid::PELLUCID_ISA
