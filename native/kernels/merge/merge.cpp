// Sums and copies of whole arrays of lanes.
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

// copy: cells of a, from one place on -> b, from another place on.
void copy(const Call& call) {
  const auto& part = call.as<CopyAttributes>();
  const Vector* from = call.operand<const Vector>(0) + part.from;
  Vector* to = call.operand<Vector>(1) + part.to;
  for (std::int64_t cell = 0; cell < part.cells; ++cell) to[cell] = from[cell];
}

}  // namespace pellucid::PELLUCID_ISA
