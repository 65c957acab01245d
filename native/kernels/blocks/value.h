// What a kernel reads: an array in channel blocks, or one that is only described, rectified(a x + b other +
// c) with a, b and c of each channel.
#pragma once

#include "base/simd.h"
#include "kernels/call.h"

namespace pellucid::PELLUCID_ISA {

// x, other or null, and the (3, padded channels) coefficients or null for 1, 1 and 0.
struct BlockValue {
  const Vector* x;
  const Vector* other;
  const Vector* coefficients;
  bool rectify;

  // From three neighbouring operands.
  PELLUCID_INLINE BlockValue(const Call& call, int first, bool rectify_it)
      : x(call.operand<const Vector>(first)),
        other(call.operand<const Vector>(first + 1)),
        coefficients(call.operand<const Vector>(first + 2)),
        rectify(rectify_it) {}
  [[nodiscard]] PELLUCID_INLINE bool is_plain() const {
    return other == nullptr && coefficients == nullptr && !rectify;
  }
};

// How the cells of one channel block are read.
struct BlockReader {
  Vector a;
  Vector b;
  Vector c{};
  bool adds;
  bool rectify;

  PELLUCID_INLINE BlockReader(const BlockValue& value, std::int64_t block, std::int64_t blocks)
      : a(broadcast(1.0F)), b(a), adds(value.other != nullptr), rectify(value.rectify) {
    if (value.coefficients != nullptr) {
      a = value.coefficients[block];
      b = value.coefficients[blocks + block];
      c = value.coefficients[2 * blocks + block];
    }
  }
  [[nodiscard]] PELLUCID_INLINE Vector read(const BlockValue& value, std::int64_t cell) const {
    Vector result = a * value.x[cell] + c;
    if (adds) result += b * value.other[cell];
    // Not max(): a NaN stays one.
    return rectify ? select(result < Vector{}, Vector{}, result) : result;
  }
};

}  // namespace pellucid::PELLUCID_ISA
