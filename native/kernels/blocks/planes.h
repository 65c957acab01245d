// Pooling windows over the planes of channel blocks: (height, width, lanes) each, one a block of an image.
#pragma once

#include "base/simd.h"
#include "kernels/attributes.h"
#include "kernels/blocks/description.h"
#include "kernels/call.h"
#include "kernels/pooling/window.h"

namespace pellucid::PELLUCID_ISA {

// Call visit(reader of operand 0, first cell of the plane in the input, likewise in the output) for every
// block of an image that the call is for.
template <typename Values, typename Visit>
PELLUCID_INLINE void for_each_plane(const Call& call, const Visit& visit) {
  const auto& shape = call.as<PoolingAttributes>();
  const Description value(call, 0);
  const std::int64_t blocks = blocks_of(shape.channels);
  const std::int64_t in_plane = shape.in_height * shape.in_width;
  const std::int64_t out_plane = shape.out_height * shape.out_width;
  for (std::int64_t item = call.begin; item < call.end; ++item) {
    visit(Values(value, blocks, item % blocks), item * in_plane, item * out_plane);
  }
}

// Rows and columns of a window whose size is known when compiled, or, at 0 x 0, only when run.
template <int HEIGHT, int WIDTH>
struct WholeWindow {
  Span rows, columns;

  PELLUCID_INLINE explicit WholeWindow(const PoolingAttributes& shape)
      : rows{0, HEIGHT > 0 ? HEIGHT : static_cast<int>(shape.kernel_height)},
        columns{0, WIDTH > 0 ? WIDTH : static_cast<int>(shape.kernel_width)} {}
};

// Call visit(window, output cell) for every window of a plane; where a window lies inside, its rows and
// columns are constants if HEIGHT and WIDTH are, and neighbouring taps are neighbouring cells.
template <int HEIGHT, int WIDTH, typename Visit>
PELLUCID_INLINE void for_each_window_of_plane(const PoolingAttributes& shape, const Visit& visit) {
  const WholeWindow<HEIGHT, WIDTH> whole(shape);
  const PoolingAxis rows = pooling_rows(shape);
  const PoolingAxis columns = pooling_columns(shape);
  const std::int64_t column_step = WIDTH > 0 ? 1 : columns.dilation;
  const std::int64_t row_step = HEIGHT > 0 ? columns.in : rows.dilation * columns.in;
  const float whole_share = 1.0F / static_cast<float>(rows.kernel * columns.kernel);
  std::int64_t out = 0;
  for (std::int64_t y = 0; y < rows.out; ++y) {
    const Reach down = rows.at(y);
    const bool all_rows = down.taps.begin == 0 && down.taps.end == whole.rows.end;
    for (std::int64_t x = 0; x < columns.out; ++x, ++out) {
      const Reach along = columns.at(x);
      const std::int64_t first = down.first * columns.in + along.first;
      if (all_rows && along.taps.begin == 0 && along.taps.end == whole.columns.end) {
        visit(Window{first, whole.rows, whole.columns, row_step, column_step, whole_share}, out);
      } else {
        const float share = 1.0F / static_cast<float>(down.counted * along.counted);
        visit(Window{first, down.taps, along.taps, row_step, column_step, share}, out);
      }
    }
  }
}

// Call visit.template operator()<HEIGHT, WIDTH>() for the sizes that networks use, <0, 0>() for others.
template <typename Visit>
PELLUCID_INLINE void with_window(const PoolingAttributes& shape, const Visit& visit) {
  if (shape.dilation_height != 1 || shape.dilation_width != 1) return visit.template operator()<0, 0>();
  if (shape.kernel_height == 2 && shape.kernel_width == 2) return visit.template operator()<2, 2>();
  if (shape.kernel_height == 3 && shape.kernel_width == 3) return visit.template operator()<3, 3>();
  visit.template operator()<0, 0>();
}

// Whether every input cell belongs to exactly one window.
PELLUCID_INLINE bool tiles_input(const PoolingAttributes& shape) {
  return shape.kernel_height == shape.stride_height && shape.kernel_width == shape.stride_width &&
         shape.out_height * shape.stride_height == shape.in_height &&
         shape.out_width * shape.stride_width == shape.in_width && shape.pad_top == 0 &&
         shape.pad_left == 0 && shape.adaptive == 0 && shape.dilation_height * shape.dilation_width == 1;
}

PELLUCID_INLINE void clear_plane(const PoolingAttributes& shape, Vector* plane) {
  for (std::int64_t cell = 0; cell < shape.in_height * shape.in_width; ++cell) plane[cell] = Vector{};
}

}  // namespace pellucid::PELLUCID_ISA
