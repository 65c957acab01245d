// blocks_combine: x, other or null, coefficients or null, -> y = a x + b other + c, rectified if so.
//
// The coefficients are (3, padded channels): a, b and c of each channel; without them y = x + other. It is
// how a value that was described rather than computed is written down: a normalisation, a sum, a rectifier.
#include "base/simd.h"
#include "kernels/declarations.h"

namespace pellucid::PELLUCID_ISA {

// Shared: blocks of all images.
void blocks_combine(const Call& call) {
  const auto& shape = call.as<BlockCombineAttributes>();
  const auto* x = call.operand<const Vector>(0);
  const auto* other = call.operand<const Vector>(1);
  const auto* coefficients = call.operand<const Vector>(2);
  auto* y = call.operand<Vector>(3);
  const std::int64_t blocks = (shape.channels + LANES - 1) / LANES;
  const bool rectify = shape.rectify != 0;
  for (std::int64_t item = call.begin; item < call.end; ++item) {
    const std::int64_t block = item % blocks;
    const Vector one = broadcast(1.0F);
    const Vector a = coefficients != nullptr ? coefficients[block] : one;
    const Vector b = coefficients != nullptr ? coefficients[blocks + block] : one;
    const Vector c = coefficients != nullptr ? coefficients[2 * blocks + block] : Vector{};
    const std::int64_t first = item * shape.positions;
    for (std::int64_t p = first; p < first + shape.positions; ++p) {
      Vector value = a * x[p] + c;
      if (other != nullptr) value += b * other[p];
      // Not max(): a NaN stays one.
      y[p] = rectify ? select(value < Vector{}, Vector{}, value) : value;
    }
  }
}

}  // namespace pellucid::PELLUCID_ISA
