// Where the windows of a pooling lie, and which of their cells are inside the input.
#pragma once

#include "base/simd.h"
#include "kernels/attributes.h"

namespace pellucid::PELLUCID_ISA {

struct Span {
  int begin;
  int end;
};

// A window along one axis: where its first tap lies (perhaps outside), its taps inside the input, and how
// many cells a mean counts.
struct Reach {
  std::int64_t first;
  Span taps;
  std::int64_t counted;
};

// One axis of a pooling. adaptive: output o sees the inputs floor(o in / out) to ceil((o + 1) in / out) - 1.
struct PoolingAxis {
  std::int64_t in, out, kernel, stride, dilation, pad_start, pad_end;
  bool adaptive, include_padding;

  [[nodiscard]] PELLUCID_INLINE Reach at(std::int64_t output) const {
    if (adaptive) {
      const std::int64_t first = output * in / out;
      const std::int64_t cells = ((output + 1) * in + out - 1) / out - first;
      return {first, {0, static_cast<int>(cells)}, cells};
    }
    const std::int64_t first = output * stride - pad_start;
    std::int64_t begin = first < 0 ? -first : 0;
    std::int64_t end = in - first;
    if (dilation != 1) {
      begin = (begin + dilation - 1) / dilation;
      end = (end + dilation - 1) / dilation;
    }
    if (end > kernel) end = kernel;
    // What lies beyond the padding, where the output's length was rounded up, never counts.
    const std::int64_t reached = in + pad_end - first < kernel ? in + pad_end - first : kernel;
    return {first, {static_cast<int>(begin), static_cast<int>(end)}, include_padding ? reached : end - begin};
  }
};

template <typename Shape>
PELLUCID_INLINE PoolingAxis pooling_rows(const Shape& shape) {
  return {shape.in_height,     shape.out_height,      shape.kernel_height,
          shape.stride_height, shape.dilation_height, shape.pad_top,
          shape.pad_bottom,    shape.adaptive != 0,   shape.include_padding != 0};
}

template <typename Shape>
PELLUCID_INLINE PoolingAxis pooling_columns(const Shape& shape) {
  return {shape.in_width,     shape.out_width,      shape.kernel_width,
          shape.stride_width, shape.dilation_width, shape.pad_left,
          shape.pad_right,    shape.adaptive != 0,  shape.include_padding != 0};
}

// One window: the cell of its first tap (perhaps outside), its taps inside, and 1 / cells that a mean counts.
struct Window {
  std::int64_t first;
  Span rows, columns;
  std::int64_t row_step, column_step;
  float share;

  [[nodiscard]] PELLUCID_INLINE std::int64_t cell(int row, int column) const {
    return first + row * row_step + column * column_step;
  }
};

// Call visit(channel, window, output cell) for every window.
template <typename Shape, typename Visit>
PELLUCID_INLINE void for_each_window(const Shape& shape, const Visit& visit) {
  const PoolingAxis rows = pooling_rows(shape);
  const PoolingAxis columns = pooling_columns(shape);
  const std::int64_t row_step = rows.dilation * columns.in;
  std::int64_t out = 0;
  for (std::int64_t channel = 0; channel < shape.channels; ++channel) {
    for (std::int64_t y = 0; y < rows.out; ++y) {
      const Reach down = rows.at(y);
      const std::int64_t row = (channel * rows.in + down.first) * columns.in;
      for (std::int64_t x = 0; x < columns.out; ++x, ++out) {
        const Reach along = columns.at(x);
        const float share = 1.0F / static_cast<float>(down.counted * along.counted);
        const Window window = {row + along.first, down.taps, along.taps, row_step, columns.dilation, share};
        visit(channel, window, out);
      }
    }
  }
}

PELLUCID_INLINE void clear_input(std::int64_t cells, Vector* input) {
  for (std::int64_t cell = 0; cell < cells; ++cell) input[cell] = Vector{};
}

}  // namespace pellucid::PELLUCID_ISA
