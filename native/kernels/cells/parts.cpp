// Equal runs of cells from one array to another: stacking along an axis behind the channels, and its reverse.
#include "base/simd.h"
#include "kernels/declarations.h"

namespace pellucid::PELLUCID_ISA {
namespace {

// For the runs [begin, end).
PELLUCID_INLINE void copy_runs(const Call& call, std::int64_t begin, std::int64_t end) {
  const auto& part = call.as<CellPartAttributes>();
  for (std::int64_t run = begin; run < end; ++run) {
    const Vector* from = call.operand<const Vector>(0) + part.from + run * part.from_step;
    Vector* to = call.operand<Vector>(1) + part.to + run * part.to_step;
    for (std::int64_t cell = 0; cell < part.cells; ++cell) to[cell] = from[cell];
  }
}

}  // namespace

// copy_parts: runs of a -> runs of b.
void copy_parts(const Call& call) {
  copy_runs(call, 0, call.as<CellPartAttributes>().outer);
}

// blocks_copy_parts: the same. Shared: runs of all images.
void blocks_copy_parts(const Call& call) {
  copy_runs(call, call.begin, call.end);
}

}  // namespace pellucid::PELLUCID_ISA
