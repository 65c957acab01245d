// Reading a described value, a x + b other + c, where no array holds it.
#pragma once

#include "base/simd.h"
#include "isa/rectified.h"
#include "kernels/call.h"

namespace pellucid::PELLUCID_ISA {

// Three operands of a call: x, other or null, coefficients (3, padded channels) or null.
struct Description {
  const Vector* x;
  const Vector* other;
  const Vector* coefficients;

  PELLUCID_INLINE Description(const Call& call, int first)
      : x(call.operand<const Vector>(first)),
        other(call.operand<const Vector>(first + 1)),
        coefficients(call.operand<const Vector>(first + 2)) {}

  [[nodiscard]] PELLUCID_INLINE bool is_plain() const { return other == nullptr && coefficients == nullptr; }
};

// One that a kernel may have to rectify, as it learns when it runs.
struct RectifiedDescription {
  Description linear;
  bool rectify;

  PELLUCID_INLINE RectifiedDescription(const Call& call, int first, bool rectify_it)
      : linear(call, first), rectify(rectify_it) {}

  [[nodiscard]] PELLUCID_INLINE bool is_plain() const { return linear.is_plain() && !rectify; }
};

// a, b and c of one block of channels.
struct Coefficients {
  Vector a, b, c{};

  PELLUCID_INLINE Coefficients(const Description& value, std::int64_t blocks, std::int64_t block)
      : a(broadcast(1.0F)), b(broadcast(1.0F)) {
    if (value.coefficients == nullptr) return;
    a = value.coefficients[block];
    b = value.coefficients[blocks + block];
    c = value.coefficients[2 * blocks + block];
  }
};

// Of one block of channels. OTHER: whether there is another array.
template <bool OTHER>
struct Reader : Coefficients {
  const Vector* x;
  const Vector* other;

  PELLUCID_INLINE Reader(const Description& value, std::int64_t blocks, std::int64_t block)
      : Coefficients(value, blocks, block), x(value.x), other(value.other) {}
  PELLUCID_INLINE Vector operator()(std::int64_t cell) const {
    Vector value = a * x[cell] + c;
    if constexpr (OTHER) value += b * other[cell];
    return value;
  }
};

// Any description: for kernels that do much else with a cell, so that being asked costs nothing.
struct AnyReader {
  Reader<false> linear;
  bool adds;
  bool rectify;

  PELLUCID_INLINE AnyReader(const RectifiedDescription& value, std::int64_t blocks, std::int64_t block)
      : linear(value.linear, blocks, block), adds(value.linear.other != nullptr), rectify(value.rectify) {}
  PELLUCID_INLINE Vector operator()(std::int64_t cell) const {
    Vector value = linear(cell);
    if (adds) value += linear.b * linear.other[cell];
    return rectify ? rectified(value) : value;
  }
};

// A value that is written down.
struct PlainReader {
  const Vector* x;

  PELLUCID_INLINE PlainReader(const Description& value, std::int64_t, std::int64_t) : x(value.x) {}
  PELLUCID_INLINE Vector operator()(std::int64_t cell) const { return x[cell]; }
};

// Negative values count as 0.
template <typename Values>
struct Rectified {
  Values values;

  PELLUCID_INLINE Rectified(const Description& value, std::int64_t blocks, std::int64_t block)
      : values(value, blocks, block) {}
  PELLUCID_INLINE Vector operator()(std::int64_t cell) const { return rectified(values(cell)); }
};

// Call visit.template operator()<Type>() with the reader's type, which is chosen once for all cells.
template <typename Visit>
PELLUCID_INLINE void with_reader(const Description& value, const Visit& visit) {
  if (value.is_plain()) return visit.template operator()<PlainReader>();
  if (value.other != nullptr) return visit.template operator()<Reader<true>>();
  visit.template operator()<Reader<false>>();
}

// Keeps the cells where a described value is positive; a NaN is not.
template <typename Values>
struct Mask {
  Values values;

  PELLUCID_INLINE Mask(const Description& value, std::int64_t blocks, std::int64_t block)
      : values(value, blocks, block) {}
  PELLUCID_INLINE Vector operator()(std::int64_t cell, Vector value) const {
    return keep_where(values(cell) > Vector{}, value);
  }
};

// Keeps every cell.
struct NoMask {
  PELLUCID_INLINE NoMask(const Description&, std::int64_t, std::int64_t) {}
  PELLUCID_INLINE Vector operator()(std::int64_t, Vector value) const { return value; }
};

template <typename Visit>
PELLUCID_INLINE void with_mask(const Description& value, const Visit& visit) {
  if (value.x == nullptr) return visit.template operator()<NoMask>();
  with_reader(value, [&]<typename Values> { visit.template operator()<Mask<Values>>(); });
}

}  // namespace pellucid::PELLUCID_ISA
