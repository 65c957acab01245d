// Pooling by p-norms, the batch in the lanes. Cells are divided by the largest of their window, so that no
// power overflows.
#include "base/powers.h"
#include "base/simd.h"
#include "kernels/declarations.h"
#include "kernels/pooling/window.h"

namespace pellucid::PELLUCID_ISA {
namespace {

// r^p of 0 <= r <= 1.
PELLUCID_INLINE Vector ratio_power(Vector ratio, float p) {
  if (p == 0.0F) return broadcast(1.0F);
  if (p == 1.0F) return ratio;
  if (p == 2.0F) return ratio * ratio;
  return select(ratio < broadcast(1e-30F), Vector{}, power(ratio, p));
}

PELLUCID_INLINE Vector root(Vector sum, float p) {
  if (p == 1.0F) return sum;
  if (p == 2.0F) return square_root(sum);
  return power(sum, 1.0F / p);
}

// The largest magnitude of a window; a NaN beats every number.
PELLUCID_INLINE Vector largest(const Vector* x, const Window& window) {
  Vector best = {};
  for (int v = window.rows.begin; v < window.rows.end; ++v) {
    for (int u = window.columns.begin; u < window.columns.end; ++u) {
      const Vector cell = magnitude(x[window.cell(v, u)]);
      best = select(~(cell <= best) & (best == best), cell, best);
    }
  }
  return best;
}

PELLUCID_INLINE Vector window_norm(const Vector* x, const Window& window, float p) {
  const Vector scale = largest(x, window);
  const Integers is_zero = scale == Vector{};
  const Vector divisor = select(is_zero, broadcast(1.0F), scale);
  Vector sum = {};
  for (int v = window.rows.begin; v < window.rows.end; ++v) {
    for (int u = window.columns.begin; u < window.columns.end; ++u) {
      sum += ratio_power(magnitude(x[window.cell(v, u)]) / divisor, p);
    }
  }
  return select(is_zero, Vector{}, scale * root(sum, p));
}

}  // namespace

// norm_pooling_output: x -> y.
void norm_pooling_output(const Call& call) {
  const auto& shape = call.as<NormPoolingAttributes>();
  const auto* x = call.operand<const Vector>(0);
  auto* y = call.operand<Vector>(1);
  const auto p = static_cast<float>(shape.norm);
  for_each_window(shape, [&](std::int64_t, const Window& window, std::int64_t out) {
    y[out] = window_norm(x, window, p);
  });
}

// norm_pooling_gradient: x, y, delta -> dx = sign(x) (|x| / y)^(p - 1) delta, 0 where y is.
void norm_pooling_gradient(const Call& call) {
  const auto& shape = call.as<NormPoolingAttributes>();
  const auto* x = call.operand<const Vector>(0);
  const auto* y = call.operand<const Vector>(1);
  const auto* gradient = call.operand<const Vector>(2);
  auto* out = call.operand<Vector>(3);
  const auto p = static_cast<float>(shape.norm);
  clear_input(shape.channels * shape.in_height * shape.in_width, out);
  for_each_window(shape, [&](std::int64_t, const Window& window, std::int64_t cell) {
    const Integers is_zero = y[cell] == Vector{};
    const Vector divisor = select(is_zero, broadcast(1.0F), y[cell]);
    const Vector delta = select(is_zero, Vector{}, gradient[cell]);
    for (int v = window.rows.begin; v < window.rows.end; ++v) {
      for (int u = window.columns.begin; u < window.columns.end; ++u) {
        const Vector value = x[window.cell(v, u)];
        const Vector share = ratio_power(magnitude(value) / divisor, p - 1.0F) * delta;
        const Vector signed_share = select(value < Vector{}, -share, share);
        out[window.cell(v, u)] += select(value == Vector{}, Vector{}, signed_share);
      }
    }
  });
}

}  // namespace pellucid::PELLUCID_ISA
