// The gradient's norm, and shortening a gradient that is too long. Squares are summed in blocks of fixed
// size, so that the sum does not depend on who formed which.
#include "base/simd.h"
#include "kernels/declarations.h"

namespace pellucid::PELLUCID_ISA {
namespace {

constexpr std::int64_t BLOCK = 1024;  // values; engines/native/updates.py has the same

}  // namespace

// sum_squares, a range over blocks: values -> the sum of squares of each block, in double.
void sum_squares(const Call& call) {
  const std::int64_t cells = call.as<CellsAttributes>().cells;
  const auto* values = call.operand<const float>(0);
  auto* sums = call.operand<double>(1);
  for (std::int64_t block = call.begin; block < call.end; ++block) {
    const std::int64_t end = (block + 1) * BLOCK < cells ? (block + 1) * BLOCK : cells;
    double sum = 0;
    for (std::int64_t i = block * BLOCK; i < end; ++i) {
      sum += static_cast<double>(values[i]) * static_cast<double>(values[i]);
    }
    sums[block] = sum;
  }
}

// clip_norm, a range over values: values, sums of squares -> values times limit / norm where the norm exceeds
// it.
void clip_norm(const Call& call) {
  const auto& rule = call.as<ClipAttributes>();
  auto* values = call.operand<float>(0);
  const auto* sums = call.operand<const double>(1);
  double square = 0;
  for (std::int64_t block = 0; block * BLOCK < rule.cells; ++block) square += sums[block];
  const double norm = __builtin_sqrt(square);
  if (norm <= rule.limit) return;
  const auto factor = static_cast<float>(rule.limit / norm);
  for (std::int64_t i = call.begin; i < call.end; ++i) values[i] = values[i] * factor;
}

}  // namespace pellucid::PELLUCID_ISA
