// Max pooling, the batch in the lanes. The winner of each window is kept as the number of its tap.
#include "base/simd.h"
#include "isa/rectified.h"
#include "kernels/declarations.h"
#include "kernels/pooling/maximum.h"
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
  for_each_window(shape, [&](std::int64_t, const Window& window, std::int64_t out) {
    const int width = static_cast<int>(shape.kernel_width);
    int tap = window.rows.begin * width + window.columns.begin;
    Vector best = x[window.cell(window.rows.begin, window.columns.begin)];
    Integers winner = broadcast_integer(tap);
    for (int v = window.rows.begin; v < window.rows.end; ++v) {
      for (int u = window.columns.begin; u < window.columns.end; ++u) {
        tap = v * width + u;
        const Vector cell = x[window.cell(v, u)];
        const Integers better = (cell > best) | ((cell != cell) & (best == best));
        best = select(better, cell, best);
        winner = select(better, broadcast_integer(tap), winner);
      }
    }
    if (rectify) {
      winner = select(best > Vector{}, winner, broadcast_integer(-1));
      best = rectified(best);
    }
    y[out] = best;
    if (winners != nullptr) winners[out] = winner;
  });
}

namespace {

// Windows that tile the input, so that each cell belongs to one or none.
bool tiles_by_two(const PoolingAttributes& shape) {
  return shape.kernel_height == 2 && shape.kernel_width == 2 && shape.stride_height == 2 &&
         shape.stride_width == 2 && shape.dilation_height == 1 && shape.dilation_width == 1 &&
         shape.pad_top == 0 && shape.pad_left == 0 && shape.adaptive == 0 &&
         shape.out_height == shape.in_height / 2 && shape.out_width == shape.in_width / 2;
}

void tiled_gradient(const PoolingAttributes& shape, const Vector* gradient, const Integers* winners,
                    Vector* out, Vector* sums) {
  const int width = static_cast<int>(shape.in_width);
  const int windows = static_cast<int>(shape.out_width);
  for (std::int64_t channel = 0; channel < shape.channels; ++channel) {
    Vector sum = {};
    for (std::int64_t y = 0; y < shape.out_height; ++y, gradient += windows, winners += windows) {
      sum = scatter_to_winners(gradient, winners, windows, width, out, sum);
      out += static_cast<std::int64_t>(2) * width;
    }
    if (shape.in_height % 2 != 0) {
      for (int x = 0; x < width; ++x) *out++ = Vector{};
    }
    if (sums != nullptr) sums[channel] += sum;
  }
}

}  // namespace

// max_pooling_gradient: delta, winners -> dx and, unless null, the sum of each channel's dx, added to sums:
// the gradient of a bias before the pooling.
void max_pooling_gradient(const Call& call) {
  const auto& shape = call.as<PoolingAttributes>();
  const auto* gradient = call.operand<const Vector>(0);
  const auto* winners = call.operand<const Integers>(1);
  auto* out = call.operand<Vector>(2);
  auto* sums = call.operand<Vector>(3);
  if (tiles_by_two(shape)) return tiled_gradient(shape, gradient, winners, out, sums);
  clear_input(shape.channels * shape.in_height * shape.in_width, out);
  const auto visit = [&](std::int64_t channel, const Window& window, std::int64_t cell) {
    const Vector delta = gradient[cell];
    const Integers winner = winners[cell];
    for (int v = window.rows.begin; v < window.rows.end; ++v) {
      for (int u = window.columns.begin; u < window.columns.end; ++u) {
        const Integers won = winner == broadcast_integer(v * static_cast<int>(shape.kernel_width) + u);
        out[window.cell(v, u)] += keep_where(won, delta);
      }
    }
    if (sums != nullptr) sums[channel] += keep_where(winner >= broadcast_integer(0), delta);
  };
  for_each_window(shape, visit);
}

}  // namespace pellucid::PELLUCID_ISA
