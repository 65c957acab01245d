// winograd_input: x, other or null, coefficients or null -> planes of inputs.
// winograd_delta: the output's gradient, likewise -> planes of deltas. See winograd.h.
#include "kernels/blocks/winograd.h"
#include "kernels/declarations.h"

namespace pellucid::PELLUCID_ISA {
namespace {

// An array in channel blocks that is cut into squares, the first of which begins at (-top, -left).
struct Field {
  std::int64_t blocks;
  std::int64_t height;
  std::int64_t width;
  std::int64_t top;
  std::int64_t left;
};

// A square of one channel block: its rows, of which those columns that lie in the image are read.
template <int SIZE>
struct Square {
  const Vector* rows[SIZE];
  int first_column;
  int end_column;
};

// Which of a square's rows or columns lie within `size`, when its first is at `start`.
template <int SIZE>
struct Overlap {
  int first;
  int end;

  PELLUCID_INLINE Overlap(std::int64_t start, std::int64_t size)
      : first(static_cast<int>(start < 0 ? -start : 0)),
        end(static_cast<int>(size - start < SIZE ? size - start : SIZE)) {}
};

PELLUCID_INLINE void transform_line(const Vector (&d)[PATCH], Vector* to, std::int64_t stride) {
  transform_patch(d, to, stride);
}
PELLUCID_INLINE void transform_line(const Vector (&delta)[TILE], Vector* to, std::int64_t stride) {
  transform_tile(delta, to, stride);
}

template <int SIZE>
PELLUCID_INLINE void transform_square(const Square<SIZE>& square, Vector* planes, std::int64_t stride) {
  Vector half[PATCH * SIZE];
  for (int column = 0; column < SIZE; ++column) {
    if (column < square.first_column || column >= square.end_column) {
      for (int row = 0; row < PATCH; ++row) half[row * SIZE + column] = Vector{};
      continue;
    }
    Vector cells[SIZE];
    PELLUCID_UNROLL
    for (int row = 0; row < SIZE; ++row) cells[row] = square.rows[row][column];
    transform_line(cells, half + column, SIZE);
  }
  for (int row = 0; row < PATCH; ++row) {
    Vector cells[SIZE];
    PELLUCID_UNROLL
    for (int column = 0; column < SIZE; ++column) cells[column] = half[row * SIZE + column];
    transform_line(cells, planes + row * PATCH * stride, stride);
  }
}

template <int SIZE, bool PLAIN>
PELLUCID_INLINE void transform_items(const Field& field, const BlockValue& value, const TileRun& run,
                                     Vector* planes, std::int64_t begin, std::int64_t end) {
  const std::int64_t stride = plane_stride(field.blocks * run.count);
  const Vector zeros[SIZE] = {};
  Vector values[SIZE * SIZE];
  for (std::int64_t item = begin; item < end; ++item) {
    const std::int64_t block = item / run.count;
    const TilePlace place = run.place(item % run.count);
    const std::int64_t top = place.row - field.top;
    const std::int64_t left = place.column - field.left;
    const Overlap<SIZE> rows(top, field.height);
    const Overlap<SIZE> columns(left, field.width);
    const std::int64_t plane = (place.image * field.blocks + block) * field.height;
    Square<SIZE> square{.rows = {}, .first_column = columns.first, .end_column = columns.end};
    const BlockReader reader(value, block, field.blocks);
    for (int row = 0; row < SIZE; ++row) {
      const std::int64_t first = (plane + top + row) * field.width + left;
      if (row < rows.first || row >= rows.end) {
        square.rows[row] = zeros;
      } else if constexpr (PLAIN) {
        square.rows[row] = value.x + first;
      } else {
        Vector* line = values + row * SIZE;
        for (int column = columns.first; column < columns.end; ++column) {
          line[column] = reader.read(value, first + column);
        }
        square.rows[row] = line;
      }
    }
    transform_square(square, planes + item, stride);
  }
}

template <int SIZE>
PELLUCID_INLINE void transform_field(const Field& field, const BlockValue& value, const TileRun& run,
                                     Vector* planes, std::int64_t begin, std::int64_t end) {
  if (value.is_plain()) {
    transform_items<SIZE, true>(field, value, run, planes, begin, end);
  } else {
    transform_items<SIZE, false>(field, value, run, planes, begin, end);
  }
}

}  // namespace

void transform_input(const WinogradAttributes& shape, const BlockValue& input, const TileRun& run,
                     Vector* planes, std::int64_t begin, std::int64_t end) {
  const Field field{.blocks = blocks_for(shape.in_channels),
                    .height = shape.in_height,
                    .width = shape.in_width,
                    .top = shape.top,
                    .left = shape.left};
  transform_field<PATCH>(field, input, run, planes, begin, end);
}

void transform_delta(const WinogradAttributes& shape, const BlockValue& delta, const TileRun& run,
                     Vector* planes, std::int64_t begin, std::int64_t end) {
  const Field field{.blocks = blocks_for(shape.out_channels),
                    .height = shape.out_height,
                    .width = shape.out_width,
                    .top = 0,
                    .left = 0};
  transform_field<TILE>(field, delta, run, planes, begin, end);
}

// Shared: channel blocks of the chunk's tiles.
void winograd_input(const Call& call) {
  const auto& shape = call.as<WinogradAttributes>();
  const BlockValue input(call, 0, shape.rectify_input != 0);
  const TileRun run(shape, call.first_unit, call.units);
  transform_input(shape, input, run, call.operand<Vector>(3), call.begin, call.end);
}

// Shared: output channel blocks of the chunk's tiles.
void winograd_delta(const Call& call) {
  const auto& shape = call.as<WinogradAttributes>();
  const BlockValue delta(call, 0, shape.rectify != 0);
  const TileRun run(shape, call.first_unit, call.units);
  transform_delta(shape, delta, run, call.operand<Vector>(3), call.begin, call.end);
}

}  // namespace pellucid::PELLUCID_ISA
