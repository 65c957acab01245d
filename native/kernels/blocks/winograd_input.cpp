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

// What rows beyond the image are made of.
constexpr Vector NOTHING[PATCH] = {};

// Whether a number lies in [0, end).
PELLUCID_INLINE bool is_inside(std::int64_t number, std::int64_t end) {
  return static_cast<std::uint64_t>(number) < static_cast<std::uint64_t>(end);
}

// SIZE rows of a channel block's cells as they lie, of which a row of squares is made.
template <int SIZE>
struct PlainRows {
  const Vector* cells[SIZE];  // a square's first column
  std::int64_t step[SIZE];    // to the next square's

  // `top`: the first row; `left`: the first square's first column.
  PELLUCID_INLINE PlainRows(const Field& field, const Vector* block, std::int64_t top, std::int64_t left) {
    PELLUCID_UNROLL
    for (int row = 0; row < SIZE; ++row) {
      const bool inside = is_inside(top + row, field.height);
      cells[row] = inside ? block + (top + row) * field.width + left : NOTHING;
      step[row] = inside ? TILE : 0;
    }
  }
  PELLUCID_INLINE Vector operator()(int row, int column) const { return cells[row][column]; }
  PELLUCID_INLINE void advance() {
    PELLUCID_UNROLL
    for (int row = 0; row < SIZE; ++row) cells[row] += step[row];
  }
};

// The same of cells that are described.
template <int SIZE>
struct DescribedRows {
  const AnyReader& value;
  std::int64_t cells[SIZE];
  Integers kept[SIZE];  // all bits of the rows inside

  // `first`: the channel block's first cell.
  PELLUCID_INLINE DescribedRows(const Field& field, const AnyReader& reader, std::int64_t first,
                                std::int64_t top, std::int64_t left)
      : value(reader) {
    PELLUCID_UNROLL
    for (int row = 0; row < SIZE; ++row) {
      const bool inside = is_inside(top + row, field.height);
      cells[row] = first + (inside ? (top + row) * field.width : 0) + left;
      kept[row] = broadcast_integer(inside ? -1 : 0);
    }
  }
  PELLUCID_INLINE Vector operator()(int row, int column) const {
    return keep_where(kept[row], value(cells[row] + column));
  }
  PELLUCID_INLINE void advance() {
    PELLUCID_UNROLL
    for (int row = 0; row < SIZE; ++row) cells[row] += TILE;
  }
};

// SIZE x SIZE cells from column `left` on into one cell of each plane; columns beyond the image are 0.
template <int SIZE, typename Rows>
PELLUCID_INLINE void transform_square(const Rows& rows, std::int64_t left, std::int64_t width, Vector* planes,
                                      std::int64_t stride) {
  Vector half[PATCH * SIZE];
  PELLUCID_KEEP_LOOP
  for (int column = 0; column < SIZE; ++column) {
    Vector line[SIZE] = {};
    if (is_inside(left + column, width)) {
      PELLUCID_UNROLL
      for (int row = 0; row < SIZE; ++row) line[row] = rows(row, column);
    }
    to_points(line, half + column, SIZE);
  }
  PELLUCID_KEEP_LOOP
  for (int row = 0; row < PATCH; ++row) {
    Vector line[SIZE];
    PELLUCID_UNROLL
    for (int column = 0; column < SIZE; ++column) line[column] = half[row * SIZE + column];
    to_points(line, reread(planes + row * PATCH * stride), stride);
  }
}

// A row of squares.
template <int SIZE, typename Rows>
PELLUCID_INLINE void transform_row(Rows rows, std::int64_t left, std::int64_t width, std::int64_t squares,
                                   Vector* planes, std::int64_t stride) {
  for (std::int64_t i = 0; i < squares; ++i, left += TILE, rows.advance()) {
    transform_square<SIZE>(rows, left, width, planes + i, stride);
  }
}

template <int SIZE, bool PLAIN>
PELLUCID_INLINE void transform_items(const Field& field, const RectifiedDescription& value,
                                     const TileRun& run, Vector* planes, std::int64_t begin,
                                     std::int64_t end) {
  const std::int64_t stride = plane_stride(field.blocks * run.count);
  for (std::int64_t item = begin; item < end;) {
    const std::int64_t block = item / run.count;
    const std::int64_t last = (block + 1) * run.count < end ? (block + 1) * run.count : end;
    const AnyReader reader(value, field.blocks, block);
    for (TilePlace place = run.place(item - block * run.count); item < last; run.advance(place)) {
      const std::int64_t squares = run.in_row(place, last - item);
      const std::int64_t top = place.row - field.top;
      const std::int64_t left = place.column - field.left;
      const std::int64_t first = (place.image * field.blocks + block) * field.height * field.width;
      if constexpr (PLAIN) {
        const PlainRows<SIZE> rows(field, value.linear.x + first, top, left);
        transform_row<SIZE>(rows, left, field.width, squares, planes + item, stride);
      } else {
        const DescribedRows<SIZE> rows(field, reader, first, top, left);
        transform_row<SIZE>(rows, left, field.width, squares, planes + item, stride);
      }
      item += squares;
    }
  }
}

template <int SIZE>
PELLUCID_INLINE void transform_field(const Field& field, const RectifiedDescription& value,
                                     const TileRun& run, Vector* planes, std::int64_t begin,
                                     std::int64_t end) {
  if (value.is_plain()) {
    transform_items<SIZE, true>(field, value, run, planes, begin, end);
  } else {
    transform_items<SIZE, false>(field, value, run, planes, begin, end);
  }
}

}  // namespace

void transform_input(const WinogradAttributes& shape, const RectifiedDescription& input, const TileRun& run,
                     Vector* planes, std::int64_t begin, std::int64_t end) {
  const Field field{.blocks = blocks_of(shape.in_channels),
                    .height = shape.in_height,
                    .width = shape.in_width,
                    .top = shape.top,
                    .left = shape.left};
  transform_field<PATCH>(field, input, run, planes, begin, end);
}

void transform_delta(const WinogradAttributes& shape, const RectifiedDescription& delta, const TileRun& run,
                     Vector* planes, std::int64_t begin, std::int64_t end) {
  const Field field{.blocks = blocks_of(shape.out_channels),
                    .height = shape.out_height,
                    .width = shape.out_width,
                    .top = 0,
                    .left = 0};
  transform_field<TILE>(field, delta, run, planes, begin, end);
}

// Shared: channel blocks of the chunk's tiles.
void winograd_input(const Call& call) {
  const auto& shape = call.as<WinogradAttributes>();
  const RectifiedDescription input(call, 0, shape.rectify_input != 0);
  const TileRun run(shape, call.first_unit, call.units);
  transform_input(shape, input, run, call.operand<Vector>(3), call.begin, call.end);
}

// Shared: output channel blocks of the chunk's tiles.
void winograd_delta(const Call& call) {
  const auto& shape = call.as<WinogradAttributes>();
  const RectifiedDescription delta(call, 0, shape.rectify != 0);
  const TileRun run(shape, call.first_unit, call.units);
  transform_delta(shape, delta, run, call.operand<Vector>(3), call.begin, call.end);
}

}  // namespace pellucid::PELLUCID_ISA
