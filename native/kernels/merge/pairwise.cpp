// Two arrays cell by cell, either of them perhaps with one cell for a whole map.
#include "base/simd.h"
#include "kernels/declarations.h"

namespace pellucid::PELLUCID_ISA {
namespace {

// engines/native/lowering/pairs.py has the same.
enum class PairOperation { add, subtract, multiply, divide, negative_product };

// The slices [begin, end); keep(slice) says which lanes hold numbers.
template <typename Operation, typename Keep>
PELLUCID_INLINE void meet(const Call& call, std::int64_t begin, std::int64_t end, Operation operation,
                          Keep keep) {
  const auto& shape = call.as<PairAttributes>();
  const std::int64_t a_slice = shape.first_step != 0 ? shape.inner : 1;
  const std::int64_t b_slice = shape.second_step != 0 ? shape.inner : 1;
  for (std::int64_t slice = begin; slice < end; ++slice) {
    const auto* a = call.operand<const Vector>(0) + slice * a_slice;
    const auto* b = call.operand<const Vector>(1) + slice * b_slice;
    auto* y = call.operand<Vector>(2) + slice * shape.inner;
    for (std::int64_t i = 0; i < shape.inner; ++i) {
      y[i] = keep(slice, operation(a[i * shape.first_step], b[i * shape.second_step]));
    }
  }
}

// keep matters only for quotients: 0 / 0 in a lane that holds nothing must not become a NaN.
template <typename Keep>
PELLUCID_INLINE void meet_by_operation(const Call& call, std::int64_t begin, std::int64_t end, Keep keep) {
  const auto all = [](std::int64_t, Vector value) { return value; };
  switch (static_cast<PairOperation>(call.as<PairAttributes>().operation)) {
    case PairOperation::add:
      return meet(call, begin, end, [](Vector a, Vector b) { return a + b; }, all);
    case PairOperation::subtract:
      return meet(call, begin, end, [](Vector a, Vector b) { return a - b; }, all);
    case PairOperation::multiply:
      return meet(call, begin, end, [](Vector a, Vector b) { return a * b; }, all);
    case PairOperation::divide:
      return meet(call, begin, end, [](Vector a, Vector b) { return a / b; }, keep);
    case PairOperation::negative_product:
      return meet(call, begin, end, [](Vector a, Vector b) { return -(a * b); }, all);
  }
}

PELLUCID_INLINE void sum_products(const Call& call, std::int64_t begin, std::int64_t end) {
  const std::int64_t inner = call.as<PairAttributes>().inner;
  constexpr int PARTS = 4;  // sums that do not wait for one another
  for (std::int64_t slice = begin; slice < end; ++slice) {
    const auto* a = call.operand<const Vector>(0) + slice * inner;
    const auto* b = call.operand<const Vector>(1) + slice * inner;
    Vector sums[PARTS] = {};
    std::int64_t i = 0;
    for (; i + PARTS <= inner; i += PARTS) {
      PELLUCID_UNROLL
      for (int part = 0; part < PARTS; ++part) sums[part] += a[i + part] * b[i + part];
    }
    for (; i < inner; ++i) sums[0] += a[i] * b[i];
    call.operand<Vector>(2)[slice] = (sums[0] + sums[1]) + (sums[2] + sums[3]);
  }
}

}  // namespace

// pairwise: a, b -> y.
void pairwise(const Call& call) {
  const Integers valid = valid_lanes(call.images);
  meet_by_operation(call, 0, call.as<PairAttributes>().outer,
                    [=](std::int64_t, Vector value) { return keep_where(valid, value); });
}

// blocks_pairwise: the same. `outer` is the slices of one image. Shared: slices of all images.
void blocks_pairwise(const Call& call) {
  const auto& shape = call.as<PairAttributes>();
  const std::int64_t blocks = blocks_of(shape.channels);
  const std::int64_t slices = shape.outer / blocks;  // of one block
  const Integers used = valid_lanes(shape.channels - (blocks - 1) * LANES);
  meet_by_operation(call, call.begin, call.end, [=](std::int64_t slice, Vector value) {
    return slice / slices % blocks == blocks - 1 ? keep_where(used, value) : value;
  });
}

// product_sums: a, b -> the sum of a b over each slice.
void product_sums(const Call& call) {
  sum_products(call, 0, call.as<PairAttributes>().outer);
}

// blocks_product_sums: the same. Shared: slices of all images.
void blocks_product_sums(const Call& call) {
  sum_products(call, call.begin, call.end);
}

}  // namespace pellucid::PELLUCID_ISA
