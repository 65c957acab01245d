// blocks_combine: x, other or null, coefficients or null, then the same three of a mask or nulls ->
// y = a x + b other + c, rectified if so, 0 where the mask is not positive.
//
// The coefficients are (3, padded channels): a, b and c of each channel; without them y = x + other. It is
// how a value that was described rather than computed is written down: a normalisation, a sum, a rectifier
// or its gradient.
#include "base/simd.h"
#include "isa/rectified.h"
#include "kernels/blocks/description.h"
#include "kernels/declarations.h"

namespace pellucid::PELLUCID_ISA {
namespace {

template <typename Values, typename Kept>
void combine(const Call& call) {
  const auto& shape = call.as<BlockCombineAttributes>();
  auto* y = call.operand<Vector>(6);
  const std::int64_t blocks = blocks_of(shape.channels);
  const bool rectify = shape.rectify != 0;
  for (std::int64_t item = call.begin; item < call.end; ++item) {
    const std::int64_t block = item % blocks;
    const Values values(Description(call, 0), blocks, block);
    const Kept kept(Description(call, 3), blocks, block);
    const std::int64_t first = item * shape.positions;
    for (std::int64_t p = first; p < first + shape.positions; ++p) {
      const Vector value = kept(p, values(p));
      y[p] = rectify ? rectified(value) : value;
    }
  }
}

}  // namespace

// blocks_join_coefficients: those of x and of other, either null -> those of their sum. Shared: blocks.
void blocks_join_coefficients(const Call& call) {
  const std::int64_t blocks = call.as<CellsAttributes>().cells;
  const auto* first = call.operand<const Vector>(0);
  const auto* second = call.operand<const Vector>(1);
  auto* joined = call.operand<Vector>(2);
  const Vector one = broadcast(1.0F);
  for (std::int64_t block = call.begin; block < call.end; ++block) {
    const Vector shift = first != nullptr ? first[2 * blocks + block] : Vector{};
    const Vector other_shift = second != nullptr ? second[2 * blocks + block] : Vector{};
    joined[block] = first != nullptr ? first[block] : one;
    joined[blocks + block] = second != nullptr ? second[block] : one;
    joined[2 * blocks + block] = shift + other_shift;
  }
}

// Shared: blocks of all images.
void blocks_combine(const Call& call) {
  with_reader(Description(call, 0), [&]<typename Values> {
    with_mask(Description(call, 3), [&]<typename Kept> { combine<Values, Kept>(call); });
  });
}

}  // namespace pellucid::PELLUCID_ISA
