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

// Some maps of one size.
struct Maps {
  std::int64_t count;
  std::int64_t height;
  std::int64_t width;
};

PELLUCID_INLINE Maps input_of(const FilteringAttributes& shape) {
  return {.count = shape.in_channels, .height = shape.in_height, .width = shape.in_width};
}
PELLUCID_INLINE Maps output_of(const FilteringAttributes& shape) {
  return {.count = shape.out_channels, .height = shape.out_height, .width = shape.out_width};
}

// The points of a strip, (points, maps, patches, rows), from SIZE cells every OUTPUTS cells: B^T d of the
// padded input, or A delta of the output's gradient.
template <int SIZE, int OUTPUTS>
PELLUCID_INLINE void transform_strip(const Maps& maps, const Strip& strip, const Vector* from,
                                     Vector* points) {
  const std::int64_t stride = maps.count * strip.count * maps.height;
  for (std::int64_t number = 0; number < maps.count; ++number) {
    const Vector* map = from + number * maps.height * maps.width;
    const auto visit = [&](std::int64_t patch, std::int64_t row, std::int64_t place) {
      const std::int64_t column = patch * OUTPUTS;
      Vector cells[SIZE];
      read_cells(map + row * maps.width + column, maps.width - column, cells);
      to_points(cells, points + place, stride);
    };
    for_each_patch(strip, number, maps.height, visit);
  }
}

// Call visit.template operator()<OUTPUTS>() with the outputs that a patch yields.
template <typename Visit>
PELLUCID_INLINE void with_outputs(const FilteringAttributes& shape, const Visit& visit) {
  if (shape.taps == 3) return visit.template operator()<4>();
  visit.template operator()<2>();
}

}  // namespace pellucid::PELLUCID_ISA
