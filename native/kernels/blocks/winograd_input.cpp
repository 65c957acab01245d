// winograd_input: x, other or null, coefficients or null -> planes. See winograd.h.
#include "kernels/blocks/winograd.h"
#include "kernels/declarations.h"

namespace pellucid::PELLUCID_ISA {
namespace {

// A patch of one channel block: six rows, of which those columns that lie in the image are read.
struct Patch {
  const Vector* rows[PATCH];
  int first_column;
  int end_column;
};

// Which rows or columns of a patch that begins at `start` lie within `size`.
struct Overlap {
  int first;
  int end;

  PELLUCID_INLINE Overlap(std::int64_t start, std::int64_t size)
      : first(static_cast<int>(start < 0 ? -start : 0)),
        end(static_cast<int>(size - start < PATCH ? size - start : PATCH)) {}
};

PELLUCID_INLINE void transform(const Patch& patch, Vector* planes, std::int64_t stride) {
  Vector half[POINTS];
  for (int column = 0; column < PATCH; ++column) {
    if (column < patch.first_column || column >= patch.end_column) {
      for (int row = 0; row < PATCH; ++row) half[row * PATCH + column] = Vector{};
      continue;
    }
    Vector cells[PATCH];
    PELLUCID_UNROLL
    for (int row = 0; row < PATCH; ++row) cells[row] = patch.rows[row][column];
    transform_patch(cells, half + column, PATCH);
  }
  for (int row = 0; row < PATCH; ++row) {
    Vector cells[PATCH];
    PELLUCID_UNROLL
    for (int column = 0; column < PATCH; ++column) cells[column] = half[row * PATCH + column];
    transform_patch(cells, planes + row * PATCH * stride, stride);
  }
}

template <bool PLAIN>
PELLUCID_INLINE void transform_items(const WinogradAttributes& shape, const BlockValue& input,
                                     const TileRun& run, Vector* planes, std::int64_t begin,
                                     std::int64_t end) {
  const std::int64_t blocks = blocks_for(shape.in_channels);
  const std::int64_t stride = plane_stride(blocks * run.count);
  const Vector zeros[PATCH] = {};
  Vector values[POINTS];
  for (std::int64_t item = begin; item < end; ++item) {
    const std::int64_t block = item / run.count;
    const TilePlace place = run.place(item % run.count);
    const std::int64_t top = place.row - shape.top;
    const std::int64_t left = place.column - shape.left;
    const Overlap rows(top, shape.in_height);
    const Overlap columns(left, shape.in_width);
    const std::int64_t corner =
        ((place.image * blocks + block) * shape.in_height + top) * shape.in_width + left;
    Patch patch{.rows = {}, .first_column = columns.first, .end_column = columns.end};
    const BlockReader reader(input, block, blocks);
    for (int row = 0; row < PATCH; ++row) {
      const std::int64_t first = corner + row * shape.in_width;
      if (row < rows.first || row >= rows.end) {
        patch.rows[row] = zeros;
      } else if constexpr (PLAIN) {
        patch.rows[row] = input.x + first;
      } else {
        Vector* line = values + row * PATCH;
        for (int column = columns.first; column < columns.end; ++column) {
          line[column] = reader.read(input, first + column);
        }
        patch.rows[row] = line;
      }
    }
    transform(patch, planes + item, stride);
  }
}

}  // namespace

void transform_input(const WinogradAttributes& shape, const BlockValue& input, const TileRun& run,
                     Vector* planes, std::int64_t begin, std::int64_t end) {
  if (input.is_plain()) {
    transform_items<true>(shape, input, run, planes, begin, end);
  } else {
    transform_items<false>(shape, input, run, planes, begin, end);
  }
}

// Shared: channel blocks of the chunk's tiles.
void winograd_input(const Call& call) {
  const auto& shape = call.as<WinogradAttributes>();
  const BlockValue input{.x = call.operand<const Vector>(0),
                         .other = call.operand<const Vector>(1),
                         .coefficients = call.operand<const Vector>(2),
                         .rectify = shape.rectify_input != 0};
  const TileRun run(shape, call.first_unit, call.units);
  transform_input(shape, input, run, call.operand<Vector>(3), call.begin, call.end);
}

}  // namespace pellucid::PELLUCID_ISA
