// The cells of a pooling window that lie inside the input.
#pragma once

#include "base/simd.h"
#include "kernels/attributes.h"

namespace pellucid::PELLUCID_ISA {

struct Span {
  int begin;
  int end;
};

// Kernel taps k with 0 <= output * stride - pad + k < length.
PELLUCID_INLINE Span taps_inside(std::int64_t output, std::int64_t kernel, std::int64_t stride,
                                 std::int64_t pad, std::int64_t length) {
  const std::int64_t start = output * stride - pad;
  const std::int64_t begin = start < 0 ? -start : 0;
  const std::int64_t end = length - start < kernel ? length - start : kernel;
  return {static_cast<int>(begin), static_cast<int>(end)};
}

// Call visit(first cell of the window (may lie outside), rows, columns, output cell) for every window.
template <typename Visit>
PELLUCID_INLINE void for_each_window(const PoolingAttributes& shape, const Visit& visit) {
  const std::int64_t plane = shape.in_height * shape.in_width;
  std::int64_t out = 0;
  for (std::int64_t channel = 0; channel < shape.channels; ++channel) {
    for (std::int64_t y = 0; y < shape.out_height; ++y) {
      const Span rows =
          taps_inside(y, shape.kernel_height, shape.stride_height, shape.pad_top, shape.in_height);
      for (std::int64_t x = 0; x < shape.out_width; ++x, ++out) {
        const Span columns =
            taps_inside(x, shape.kernel_width, shape.stride_width, shape.pad_left, shape.in_width);
        const std::int64_t first = channel * plane +
                                   (y * shape.stride_height - shape.pad_top) * shape.in_width +
                                   x * shape.stride_width - shape.pad_left;
        visit(channel, first, rows, columns, out);
      }
    }
  }
}

PELLUCID_INLINE void clear_input(const PoolingAttributes& shape, Vector* input) {
  const std::int64_t cells = shape.channels * shape.in_height * shape.in_width;
  for (std::int64_t cell = 0; cell < cells; ++cell) input[cell] = Vector{};
}

}  // namespace pellucid::PELLUCID_ISA
