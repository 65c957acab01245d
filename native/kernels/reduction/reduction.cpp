// Shards into one gradient, and the check that it is finite.
#include "base/simd.h"
#include "kernels/declarations.h"

namespace pellucid::PELLUCID_ISA {

// clear: bytes (cells of 8 bytes) of a shard's sums set to zero.
void clear(const Call& call) {
  const std::int64_t cells = call.as<CellsAttributes>().cells;
  auto* to = call.operand<std::int64_t>(0);
  for (std::int64_t cell = 0; cell < cells; ++cell) to[cell] = 0;
}

// reduce_lanes, a range over values: sums (values, lanes) of every shard -> their sum, in the shards' order.
void reduce_lanes(const Call& call) {
  const auto* sums = call.operand<const char>(0);
  auto* to = call.operand<float>(1);
  for (std::int64_t value = call.begin; value < call.end; ++value) {
    Vector sum = {};
    for (std::int64_t shard = 0; shard < call.run->shards; ++shard) {
      sum += reinterpret_cast<const Vector*>(sums + shard * call.run->shard_bytes)[value];
    }
    to[value] = sum_lanes(sum);
  }
}

// clear_values, a range over values: zero.
void clear_values(const Call& call) {
  auto* values = call.operand<float>(0);
  for (std::int64_t value = call.begin; value < call.end; ++value) values[value] = 0.0F;
}

// check_finite, a range over values: marks the run when a value is a NaN or an infinity.
void check_finite(const Call& call) {
  const auto* values = call.operand<const std::uint32_t>(0);
  std::uint32_t wrong = 0;
  for (std::int64_t value = call.begin; value < call.end; ++value) {
    wrong |= (values[value] & 0x7F800000U) == 0x7F800000U ? 1U : 0U;
  }
  if (wrong != 0) call.run->non_finite.store(true);
}

}  // namespace pellucid::PELLUCID_ISA
