// Max pooling, the batch in the lanes. The winner of each window is kept as the number of its tap.
#include "base/simd.h"
#include "kernels/declarations.h"
#include "kernels/pooling/window.h"

namespace pellucid::PELLUCID_ISA {

// max_pooling_output: x -> y and, unless null, winners. The first maximum wins, and a NaN beats every number.
// With `rectify` a ReLU comes first: the largest x decides, and a window without a positive one has no
// winner, -1.
void max_pooling_output(const Call& call) {
  const auto& shape = call.as<PoolingAttributes>();
  const auto* x = call.operand<const Vector>(0);
  auto* y = call.operand<Vector>(1);
  auto* winners = call.operand<Integers>(2);
  const bool rectify = shape.rectify != 0;
  for_each_window(shape, [&](std::int64_t, std::int64_t first, Span rows, Span columns, std::int64_t out) {
    const Vector* corner = x + first;
    int tap = rows.begin * static_cast<int>(shape.kernel_width) + columns.begin;
    Vector best = corner[rows.begin * shape.in_width + columns.begin];
    Integers winner = broadcast_integer(tap);
    for (int v = rows.begin; v < rows.end; ++v) {
      for (int u = columns.begin; u < columns.end; ++u) {
        tap = v * static_cast<int>(shape.kernel_width) + u;
        const Vector cell = corner[v * shape.in_width + u];
        const Integers better = (cell > best) | ((cell != cell) & (best == best));
        best = select(better, cell, best);
        winner = select(better, broadcast_integer(tap), winner);
      }
    }
    if (rectify) {
      winner = select(best > Vector{}, winner, broadcast_integer(-1));
      best = select(best < Vector{}, Vector{}, best);
    }
    y[out] = best;
    if (winners != nullptr) winners[out] = winner;
  });
}

// max_pooling_gradient: delta, winners -> dx.
void max_pooling_gradient(const Call& call) {
  const auto& shape = call.as<PoolingAttributes>();
  const auto* gradient = call.operand<const Vector>(0);
  const auto* winners = call.operand<const Integers>(1);
  auto* out = call.operand<Vector>(2);
  clear_input(shape, out);
  for_each_window(shape, [&](std::int64_t, std::int64_t first, Span rows, Span columns, std::int64_t cell) {
    const Vector delta = gradient[cell];
    const Integers winner = winners[cell];
    for (int v = rows.begin; v < rows.end; ++v) {
      for (int u = columns.begin; u < columns.end; ++u) {
        const Integers won = winner == broadcast_integer(v * static_cast<int>(shape.kernel_width) + u);
        out[first + v * shape.in_width + u] += keep_where(won, delta);
      }
    }
  });
}

}  // namespace pellucid::PELLUCID_ISA
