// Average pooling of channel blocks.
#include "base/simd.h"
#include "kernels/blocks/planes.h"
#include "kernels/declarations.h"

namespace pellucid::PELLUCID_ISA {
namespace {

// Whether one window covers all of the input, as in global pooling.
PELLUCID_INLINE bool is_global(const PoolingAttributes& shape) {
  return shape.out_height * shape.out_width == 1 && shape.kernel_height == shape.in_height &&
         shape.kernel_width == shape.in_width && shape.pad_top == 0 && shape.pad_left == 0 &&
         shape.dilation_height * shape.dilation_width == 1;
}

// Four sums side by side: none waits for itself.
template <typename Values>
PELLUCID_INLINE Vector plane_sum(const Values& values, std::int64_t first, std::int64_t cells) {
  Vector sums[4] = {};
  std::int64_t cell = 0;
  for (; cell + 4 <= cells; cell += 4) {
    PELLUCID_UNROLL
    for (int i = 0; i < 4; ++i) sums[i] += values(first + cell + i);
  }
  for (; cell < cells; ++cell) sums[0] += values(first + cell);
  return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

template <int HEIGHT, int WIDTH, typename Values>
void average(const Call& call) {
  const auto& shape = call.as<PoolingAttributes>();
  auto* y = call.operand<Vector>(3);
  const bool global = is_global(shape);
  for_each_plane<Values>(call, [&](const Values& values, std::int64_t in, std::int64_t out) {
    if (global) {
      const std::int64_t cells = shape.in_height * shape.in_width;
      y[out] = plane_sum(values, in, cells) / static_cast<float>(cells);
      return;
    }
    const auto visit = [&](const Window& window, std::int64_t cell) {
      Vector sum = {};
      PELLUCID_UNROLL
      for (int v = window.rows.begin; v < window.rows.end; ++v) {
        PELLUCID_UNROLL
        for (int u = window.columns.begin; u < window.columns.end; ++u) sum += values(in + window.cell(v, u));
      }
      y[out + cell] = sum * window.share;
    };
    for_each_window_of_plane<HEIGHT, WIDTH>(shape, visit);
  });
}

template <int HEIGHT, int WIDTH, typename Values>
void spread(const Call& call) {
  const auto& shape = call.as<PoolingAttributes>();
  auto* x = call.operand<Vector>(3);
  const bool once = tiles_input(shape);
  for_each_plane<Values>(call, [&](const Values& gradient, std::int64_t in, std::int64_t out) {
    Vector* plane = x + in;
    if (!once) clear_plane(shape, plane);
    const auto visit = [&](const Window& window, std::int64_t cell) {
      const Vector delta = gradient(out + cell) * window.share;
      PELLUCID_UNROLL
      for (int v = window.rows.begin; v < window.rows.end; ++v) {
        PELLUCID_UNROLL
        for (int u = window.columns.begin; u < window.columns.end; ++u) {
          Vector& sum = plane[window.cell(v, u)];
          sum = once ? delta : sum + delta;
        }
      }
    };
    for_each_window_of_plane<HEIGHT, WIDTH>(shape, visit);
  });
}

}  // namespace

// blocks_average_pooling_output: x, other or null, coefficients or null -> y. With `rectify` a ReLU comes
// first. Shared: blocks of all images.
void blocks_average_pooling_output(const Call& call) {
  const auto& shape = call.as<PoolingAttributes>();
  with_window(shape, [&]<int HEIGHT, int WIDTH> {
    with_reader(Description(call, 0), [&]<typename Values> {
      if (shape.rectify != 0) return average<HEIGHT, WIDTH, Rectified<Values>>(call);
      average<HEIGHT, WIDTH, Values>(call);
    });
  });
}

// blocks_average_pooling_gradient: delta, other or null, coefficients or null -> dx. Shared: blocks of all
// images.
void blocks_average_pooling_gradient(const Call& call) {
  with_window(call.as<PoolingAttributes>(), [&]<int HEIGHT, int WIDTH> {
    with_reader(Description(call, 0), [&]<typename Values> { spread<HEIGHT, WIDTH, Values>(call); });
  });
}

}  // namespace pellucid::PELLUCID_ISA
