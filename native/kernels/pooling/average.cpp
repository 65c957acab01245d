// Average pooling and trainable subsampling, the batch in the lanes.
#include "base/simd.h"
#include "kernels/declarations.h"
#include "kernels/pooling/window.h"

namespace pellucid::PELLUCID_ISA {
namespace {

PELLUCID_INLINE Vector window_sum(const Vector* corner, std::int64_t width, Span rows, Span columns) {
  Vector sum = {};
  for (int v = rows.begin; v < rows.end; ++v) {
    for (int u = columns.begin; u < columns.end; ++u) sum += corner[v * width + u];
  }
  return sum;
}

PELLUCID_INLINE void add_to_window(Vector* corner, std::int64_t width, Span rows, Span columns,
                                   Vector value) {
  for (int v = rows.begin; v < rows.end; ++v) {
    for (int u = columns.begin; u < columns.end; ++u) corner[v * width + u] += value;
  }
}

// 1 / number of cells that the mean of this window divides by.
PELLUCID_INLINE float share(const PoolingAttributes& shape, Span rows, Span columns) {
  const std::int64_t cells = shape.include_padding != 0 ? shape.kernel_height * shape.kernel_width
                                                        : static_cast<std::int64_t>(rows.end - rows.begin) *
                                                              (columns.end - columns.begin);
  return 1.0F / static_cast<float>(cells);
}

}  // namespace

// average_pooling_output: x -> y.
void average_pooling_output(const Call& call) {
  const auto& shape = call.as<PoolingAttributes>();
  const auto* x = call.operand<const Vector>(0);
  auto* y = call.operand<Vector>(1);
  for_each_window(shape, [&](std::int64_t, std::int64_t first, Span rows, Span columns, std::int64_t out) {
    y[out] = window_sum(x + first, shape.in_width, rows, columns) * share(shape, rows, columns);
  });
}

// average_pooling_gradient: delta -> dx.
void average_pooling_gradient(const Call& call) {
  const auto& shape = call.as<PoolingAttributes>();
  const auto* gradient = call.operand<const Vector>(0);
  auto* out = call.operand<Vector>(1);
  clear_input(shape, out);
  for_each_window(shape, [&](std::int64_t, std::int64_t first, Span rows, Span columns, std::int64_t cell) {
    add_to_window(out + first, shape.in_width, rows, columns, gradient[cell] * share(shape, rows, columns));
  });
}

// subsample_output: x, coefficients (channels), biases (channels) -> y.
void subsample_output(const Call& call) {
  const auto& shape = call.as<PoolingAttributes>();
  const auto* x = call.operand<const Vector>(0);
  const auto* coefficients = call.operand<const float>(1);
  const auto* biases = call.operand<const float>(2);
  auto* y = call.operand<Vector>(3);
  for_each_window(shape,
                  [&](std::int64_t channel, std::int64_t first, Span rows, Span columns, std::int64_t out) {
                    const Vector sum = window_sum(x + first, shape.in_width, rows, columns);
                    y[out] = sum * broadcast(coefficients[channel]) + broadcast(biases[channel]);
                  });
}

// subsample_input_gradient: delta, coefficients -> dx.
void subsample_input_gradient(const Call& call) {
  const auto& shape = call.as<PoolingAttributes>();
  const auto* gradient = call.operand<const Vector>(0);
  const auto* coefficients = call.operand<const float>(1);
  auto* out = call.operand<Vector>(2);
  clear_input(shape, out);
  for_each_window(shape,
                  [&](std::int64_t channel, std::int64_t first, Span rows, Span columns, std::int64_t cell) {
                    add_to_window(out + first, shape.in_width, rows, columns,
                                  gradient[cell] * broadcast(coefficients[channel]));
                  });
}

// subsample_coefficient_gradient: x, delta -> sums (channels, lanes), to which it adds.
void subsample_coefficient_gradient(const Call& call) {
  const auto& shape = call.as<PoolingAttributes>();
  const auto* x = call.operand<const Vector>(0);
  const auto* gradient = call.operand<const Vector>(1);
  auto* sums = call.operand<Vector>(2);
  for_each_window(shape,
                  [&](std::int64_t channel, std::int64_t first, Span rows, Span columns, std::int64_t cell) {
                    sums[channel] += window_sum(x + first, shape.in_width, rows, columns) * gradient[cell];
                  });
}

}  // namespace pellucid::PELLUCID_ISA
