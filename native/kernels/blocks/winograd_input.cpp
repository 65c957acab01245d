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

// Where a square lies in its channel block.
struct Corner {
  std::int64_t top;
  std::int64_t left;

  // Whether the square's row or column lies in the image.
  [[nodiscard]] PELLUCID_INLINE bool has_row(const Field& field, int row) const {
    return top + row >= 0 && top + row < field.height;
  }
  [[nodiscard]] PELLUCID_INLINE bool has_column(const Field& field, int column) const {
    return left + column >= 0 && left + column < field.width;
  }
};

// SIZE x SIZE cells, read(row, column), into one cell of each plane; columns beyond the image are 0.
template <int SIZE, typename Read>
PELLUCID_INLINE void transform_square(const Field& field, Corner corner, const Read& read, Vector* planes,
                                      std::int64_t stride) {
  Vector half[PATCH * SIZE];
  PELLUCID_KEEP_LOOP
  for (int column = 0; column < SIZE; ++column) {
    Vector line[SIZE] = {};
    if (corner.has_column(field, column)) {
      PELLUCID_UNROLL
      for (int row = 0; row < SIZE; ++row) line[row] = read(row, column);
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

// What rows beyond the image are made of.
constexpr Vector NOTHING[PATCH] = {};

// Of a channel block's cells as they lie.
template <int SIZE>
PELLUCID_INLINE void transform_plain(const Field& field, Corner corner, const Vector* cells, Vector* planes,
                                     std::int64_t stride) {
  const Vector* rows[SIZE];
  PELLUCID_UNROLL
  for (int row = 0; row < SIZE; ++row) {
    const Vector* inside = cells + (corner.top + row) * field.width + corner.left;
    rows[row] = corner.has_row(field, row) ? inside : NOTHING;
  }
  const auto read = [&](int row, int column) { return rows[row][column]; };
  transform_square<SIZE>(field, corner, read, planes, stride);
}

// Of cells that are described, the channel block's first one being `first`.
template <int SIZE>
PELLUCID_INLINE void transform_described(const Field& field, Corner corner, const AnyReader& value,
                                         std::int64_t first, Vector* planes, std::int64_t stride) {
  std::int64_t cells[SIZE];  // the first of each row
  Integers kept[SIZE];       // all bits of the rows inside
  PELLUCID_UNROLL
  for (int row = 0; row < SIZE; ++row) {
    const bool inside = corner.has_row(field, row);
    cells[row] = first + (inside ? (corner.top + row) * field.width : 0) + corner.left;
    kept[row] = broadcast_integer(inside ? -1 : 0);
  }
  const auto read = [&](int row, int column) { return keep_where(kept[row], value(cells[row] + column)); };
  transform_square<SIZE>(field, corner, read, planes, stride);
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
    for (TilePlace place = run.place(item - block * run.count); item < last; ++item, run.advance(place)) {
      const Corner corner{.top = place.row - field.top, .left = place.column - field.left};
      const std::int64_t first = (place.image * field.blocks + block) * field.height * field.width;
      if constexpr (PLAIN) {
        transform_plain<SIZE>(field, corner, value.linear.x + first, planes + item, stride);
      } else {
        transform_described<SIZE>(field, corner, reader, first, planes + item, stride);
      }
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
