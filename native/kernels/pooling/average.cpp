// Average pooling and trainable subsampling, the batch in the lanes.
#include "base/simd.h"
#include "kernels/declarations.h"
#include "kernels/pooling/window.h"

namespace pellucid::PELLUCID_ISA {
namespace {

PELLUCID_INLINE Vector window_sum(const Vector* x, const Window& window) {
  Vector sum = {};
  for (int v = window.rows.begin; v < window.rows.end; ++v) {
    for (int u = window.columns.begin; u < window.columns.end; ++u) sum += x[window.cell(v, u)];
  }
  return sum;
}

PELLUCID_INLINE void add_to_window(Vector* x, const Window& window, Vector value) {
  for (int v = window.rows.begin; v < window.rows.end; ++v) {
    for (int u = window.columns.begin; u < window.columns.end; ++u) x[window.cell(v, u)] += value;
  }
}

PELLUCID_INLINE std::int64_t input_cells(const PoolingAttributes& shape) {
  return shape.channels * shape.in_height * shape.in_width;
}

}  // namespace

// average_pooling_output: x -> y.
void average_pooling_output(const Call& call) {
  const auto& shape = call.as<PoolingAttributes>();
  const auto* x = call.operand<const Vector>(0);
  auto* y = call.operand<Vector>(1);
  for_each_window(shape, [&](std::int64_t, const Window& window, std::int64_t out) {
    y[out] = window_sum(x, window) * window.share;
  });
}

// average_pooling_gradient: delta -> dx.
void average_pooling_gradient(const Call& call) {
  const auto& shape = call.as<PoolingAttributes>();
  const auto* gradient = call.operand<const Vector>(0);
  auto* out = call.operand<Vector>(1);
  clear_input(input_cells(shape), out);
  for_each_window(shape, [&](std::int64_t, const Window& window, std::int64_t cell) {
    add_to_window(out, window, gradient[cell] * window.share);
  });
}

// subsample_output: x, coefficients (channels), biases (channels) -> y.
void subsample_output(const Call& call) {
  const auto& shape = call.as<PoolingAttributes>();
  const auto* x = call.operand<const Vector>(0);
  const auto* coefficients = call.operand<const float>(1);
  const auto* biases = call.operand<const float>(2);
  auto* y = call.operand<Vector>(3);
  for_each_window(shape, [&](std::int64_t channel, const Window& window, std::int64_t out) {
    y[out] = window_sum(x, window) * broadcast(coefficients[channel]) + broadcast(biases[channel]);
  });
}

// subsample_input_gradient: delta, coefficients -> dx.
void subsample_input_gradient(const Call& call) {
  const auto& shape = call.as<PoolingAttributes>();
  const auto* gradient = call.operand<const Vector>(0);
  const auto* coefficients = call.operand<const float>(1);
  auto* out = call.operand<Vector>(2);
  clear_input(input_cells(shape), out);
  for_each_window(shape, [&](std::int64_t channel, const Window& window, std::int64_t cell) {
    add_to_window(out, window, gradient[cell] * broadcast(coefficients[channel]));
  });
}

// subsample_coefficient_gradient: x, delta -> sums (channels, lanes), to which it adds.
void subsample_coefficient_gradient(const Call& call) {
  const auto& shape = call.as<PoolingAttributes>();
  const auto* x = call.operand<const Vector>(0);
  const auto* gradient = call.operand<const Vector>(1);
  auto* sums = call.operand<Vector>(2);
  for_each_window(shape, [&](std::int64_t channel, const Window& window, std::int64_t cell) {
    sums[channel] += window_sum(x, window) * gradient[cell];
  });
}

}  // namespace pellucid::PELLUCID_ISA
