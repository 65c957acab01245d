// Sums of whole arrays of lanes.
#include "base/simd.h"
#include "kernels/declarations.h"

namespace pellucid::PELLUCID_ISA {

// add: a, b -> a + b.
void add(const Call& call) {
  const std::int64_t cells = call.as<CellsAttributes>().cells;
  const auto* a = call.operand<const Vector>(0);
  const auto* b = call.operand<const Vector>(1);
  auto* out = call.operand<Vector>(2);
  for (std::int64_t cell = 0; cell < cells; ++cell) out[cell] = a[cell] + b[cell];
}

}  // namespace pellucid::PELLUCID_ISA
