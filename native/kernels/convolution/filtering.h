// Convolutions by minimal filtering along rows (kernels/minimal_filtering.h), with the batch in the lanes.
//
// A row of an input map is cut into patches, and each patch becomes six points. A point of all patches in one
// column of patches is a column of numbers down the map, along which what is left of the kernel goes: so each
// point is a convolution by itself, of (channels, patches of a row, rows), with kernels of one row and as
// many taps as before. Six points are six groups of one convolution, which passes.h computes. A strip of a
// few columns of patches goes through at a time, so that its points stay in the second-level cache.
#pragma once

#include "base/simd.h"
#include "kernels/attributes.h"
#include "kernels/minimal_filtering.h"

namespace pellucid::PELLUCID_ISA {

// Some columns of patches.
struct Strip {
  std::int64_t first;  // patch of a row
  std::int64_t count;
};

// The groups' convolution over a strip.
PELLUCID_INLINE ConvolutionAttributes points_of(const FilteringAttributes& shape, const Strip& strip) {
  ConvolutionAttributes points = {};
  points.groups = PATCH;
  points.in_height = points.out_height = strip.count;
  points.in_width = points.gradient_width = shape.in_height;
  points.out_width = shape.out_height;
  points.kernel_height = points.stride_height = points.stride_width = 1;
  points.dilation_height = points.dilation_width = 1;
  points.kernel_width = shape.taps;
  return points;
}

// Call visit(strip) for the strips of a row of patches that yield OUTPUTS outputs each.
template <int OUTPUTS, typename Visit>
PELLUCID_INLINE void for_each_strip(const FilteringAttributes& shape, const Visit& visit) {
  const std::int64_t patches = (shape.out_width + OUTPUTS - 1) / OUTPUTS;
  for (std::int64_t first = 0; first < patches; first += shape.strip) {
    const std::int64_t left = patches - first;
    visit(Strip{.first = first, .count = left < shape.strip ? left : shape.strip});
  }
}

// Up to SIZE cells, of which `inside` exist; zeros for the others.
template <int SIZE>
PELLUCID_INLINE void read_cells(const Vector* from, std::int64_t inside, Vector (&cells)[SIZE]) {
  if (inside >= SIZE) {
    PELLUCID_UNROLL
    for (int i = 0; i < SIZE; ++i) cells[i] = from[i];
  } else {
    PELLUCID_UNROLL
    for (int i = 0; i < SIZE; ++i) cells[i] = i < inside ? from[i] : Vector{};
  }
}

// Call visit(patch's number in the strip, row, place among a point's numbers) for every patch of a map.
template <typename Visit>
PELLUCID_INLINE void for_each_patch(const Strip& strip, std::int64_t map, std::int64_t rows,
                                    const Visit& visit) {
  std::int64_t place = map * strip.count * rows;
  for (std::int64_t patch = 0; patch < strip.count; ++patch) {
    for (std::int64_t row = 0; row < rows; ++row, ++place) visit(strip.first + patch, row, place);
  }
}

// B^T d of a strip of the padded input: (points, channels, patches, rows).
template <int OUTPUTS>
PELLUCID_INLINE void transform_input_strip(const FilteringAttributes& shape, const Strip& strip,
                                           const Vector* input, Vector* points) {
  const std::int64_t stride = shape.in_channels * strip.count * shape.in_height;
  for (std::int64_t channel = 0; channel < shape.in_channels; ++channel) {
    const Vector* map = input + channel * shape.in_height * shape.in_width;
    const auto visit = [&](std::int64_t patch, std::int64_t row, std::int64_t place) {
      const std::int64_t column = patch * OUTPUTS;
      Vector cells[PATCH];
      read_cells(map + row * shape.in_width + column, shape.in_width - column, cells);
      transform_patch(cells, points + place, stride);
    };
    for_each_patch(strip, channel, shape.in_height, visit);
  }
}

// A delta of a strip of the output's gradient: (points, maps, patches, rows).
template <int OUTPUTS>
PELLUCID_INLINE void transform_delta_strip(const FilteringAttributes& shape, const Strip& strip,
                                           const Vector* gradient, Vector* points) {
  const std::int64_t stride = shape.out_channels * strip.count * shape.out_height;
  for (std::int64_t channel = 0; channel < shape.out_channels; ++channel) {
    const Vector* map = gradient + channel * shape.out_height * shape.out_width;
    const auto visit = [&](std::int64_t patch, std::int64_t row, std::int64_t place) {
      const std::int64_t column = patch * OUTPUTS;
      Vector cells[OUTPUTS];
      read_cells(map + row * shape.out_width + column, shape.out_width - column, cells);
      transform_tile(cells, points + place, stride);
    };
    for_each_patch(strip, channel, shape.out_height, visit);
  }
}

// Call visit.template operator()<OUTPUTS>() with the outputs that a patch yields.
template <typename Visit>
PELLUCID_INLINE void with_outputs(const FilteringAttributes& shape, const Visit& visit) {
  if (shape.taps == 3) return visit.template operator()<4>();
  visit.template operator()<2>();
}

}  // namespace pellucid::PELLUCID_ISA
