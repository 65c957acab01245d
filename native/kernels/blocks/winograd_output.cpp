// winograd_output: planes of products, bias, addend, mask, sums and signs, each or null -> y.
// winograd_convolution: all three stages, each shard on tiles of its own. See winograd.h.
#include "kernels/blocks/moments.h"
#include "kernels/blocks/winograd.h"
#include "kernels/declarations.h"

namespace pellucid::PELLUCID_ISA {
namespace {

// Of the channels in a block; 0 in lanes without one.
PELLUCID_INLINE Vector bias_of(const float* bias, std::int64_t block, std::int64_t channels) {
  Vector result{};
  if (bias == nullptr) return result;
  const std::int64_t rest = channels - block * LANES;
  for (int lane = 0; lane < LANES && lane < rest; ++lane) result[lane] = bias[block * LANES + lane];
  return result;
}

// Tiles between the one whose cells are asked for and the one whose turn it is.
constexpr int AHEAD = 2;

// Asks for the cells of a tile, before it is their turn to be read or WRITTEN.
template <int WRITTEN>
PELLUCID_INLINE void prefetch_cells(const Vector* cells, std::int64_t rows, std::int64_t width) {
  constexpr int LINE = 64 / (LANES * 4);
  for (std::int64_t row = 0; row < rows; ++row) {
    for (int i = 0; i < TILE; i += LINE) __builtin_prefetch(cells + row * width + i, WRITTEN);
  }
}

// Where in the output, and how much of it, a tile of a channel block is.
struct TileCells {
  std::int64_t first;
  std::int64_t rows;
  std::int64_t columns;

  PELLUCID_INLINE TileCells(const WinogradAttributes& shape, const TilePlace& place, std::int64_t block)
      : first(((place.image * blocks_of(shape.out_channels) + block) * shape.out_height + place.row) *
                  shape.out_width +
              place.column),
        rows(smaller_of(shape.out_height - place.row, TILE)),
        columns(shape.out_width - place.column) {}
};

PELLUCID_INLINE void prefetch_tile(const WinogradAttributes& shape, const WinogradOutput& output,
                                   const TileCells& tile) {
  const OutputPlaces places = output.places.at(tile.first);
  prefetch_cells<1>(places.y, tile.rows, shape.out_width);
  if (places.addend != nullptr) prefetch_cells<0>(places.addend, tile.rows, shape.out_width);
}

// What is done to the results of one channel block.
template <bool MOMENTS>
struct Finish {
  Vector bias;
  bool rectify;
  Moments moments;

  // A tile's row of COUNT cells, from products that were transformed along the other axis.
  template <int COUNT>
  PELLUCID_INLINE void row(const Vector* half, const OutputPlaces& places) {
    Vector products[PATCH];
    PELLUCID_UNROLL
    for (int column = 0; column < PATCH; ++column) products[column] = half[column];
    Vector cells[TILE];
    to_outputs(products, cells, 1);
    PELLUCID_UNROLL
    for (int i = 0; i < COUNT; ++i) cells[i] += bias;
    if (places.addend != nullptr) {
      PELLUCID_UNROLL
      for (int i = 0; i < COUNT; ++i) cells[i] += places.addend[i];
    }
    if (rectify) {
      PELLUCID_UNROLL
      for (int i = 0; i < COUNT; ++i) cells[i] = rectified(cells[i]);
    }
    if (places.mask != nullptr) {
      const Signs<COUNT> positive(places.mask);
      PELLUCID_UNROLL
      for (int i = 0; i < COUNT; ++i) cells[i] = keep_where(positive[i], cells[i]);
    }
    PELLUCID_UNROLL
    for (int i = 0; i < COUNT; ++i) places.y[i] = cells[i];
    if (places.signs != nullptr) write_signs<COUNT>(cells, places.signs);
    if constexpr (MOMENTS) moments.add<COUNT>(cells);
  }
};

template <bool MOMENTS>
PELLUCID_INLINE void transform_items(const WinogradAttributes& shape, const Vector* planes,
                                     const TileRun& run, const WinogradOutput& output, std::int64_t begin,
                                     std::int64_t end) {
  const std::int64_t blocks = blocks_of(shape.out_channels);
  const std::int64_t stride = plane_stride(blocks * run.count);
  for (std::int64_t block = begin / run.count; block * run.count < end; ++block) {
    Finish<MOMENTS> finish{.bias = bias_of(output.bias, block, shape.out_channels),
                           .rectify = shape.rectify != 0,
                           .moments = {}};
    const std::int64_t first = block * run.count < begin ? begin : block * run.count;
    const std::int64_t last = (block + 1) * run.count < end ? (block + 1) * run.count : end;
    TilePlace place = run.place(first - block * run.count);
    TilePlace ahead = place;
    for (std::int64_t item = first; item < last && item < first + AHEAD; ++item) {
      prefetch_tile(shape, output, TileCells(shape, ahead, block));
      run.advance(ahead);
    }
    for (std::int64_t item = first; item < last; ++item, run.advance(place)) {
      if (item + AHEAD < last) {
        prefetch_tile(shape, output, TileCells(shape, ahead, block));
        run.advance(ahead);
      }
      Vector half[TILE * PATCH];
      PELLUCID_KEEP_LOOP
      for (int column = 0; column < PATCH; ++column) {
        Vector products[PATCH];
        const Vector* from = reread(planes + column * stride + item);
        PELLUCID_UNROLL
        for (int row = 0; row < PATCH; ++row) products[row] = from[row * PATCH * stride];
        to_outputs(products, half + column, PATCH);
      }
      const TileCells tile(shape, place, block);
      std::int64_t cell = tile.first;
      for (int row = 0; row < tile.rows; ++row, cell += shape.out_width) {
        const Vector* line = half + row * PATCH;
        const OutputPlaces places = output.places.at(cell);
        if (tile.columns >= TILE) {
          finish.template row<TILE>(line, places);
        } else if (tile.columns == 3) {
          finish.template row<3>(line, places);
        } else if (tile.columns == 2) {
          finish.template row<2>(line, places);
        } else {
          finish.template row<1>(line, places);
        }
      }
    }
    if constexpr (MOMENTS) finish.moments.flush(output.sums, block, blocks);
  }
}

}  // namespace

void transform_output(const WinogradAttributes& shape, const Vector* planes, const TileRun& run,
                      const WinogradOutput& output, std::int64_t begin, std::int64_t end) {
  if (output.sums != nullptr) {
    transform_items<true>(shape, planes, run, output, begin, end);
  } else {
    transform_items<false>(shape, planes, run, output, begin, end);
  }
}

// Shared: output blocks of the chunk's tiles.
void winograd_output(const Call& call) {
  const auto& shape = call.as<WinogradAttributes>();
  const WinogradOutput output{.bias = call.operand<const float>(1),
                              .places = {.addend = call.operand<const Vector>(2),
                                         .mask = call.operand<const SignBits>(3),
                                         .signs = call.operand<SignBits>(5),
                                         .y = call.operand<Vector>(6)},
                              .sums = call.operand<double>(4)};
  const TileRun run(shape, call.first_unit, call.units);
  transform_output(shape, call.operand<const Vector>(0), run, output, call.begin, call.end);
}

// x, other or null, coefficients or null, planes of kernels, room for planes of `chunk` tiles' inputs and
// products, bias, addend, mask, sums and signs, each or null -> y. Shared: tiles.
void winograd_convolution(const Call& call) {
  const auto& shape = call.as<WinogradAttributes>();
  const RectifiedDescription input(call, 0, shape.rectify_input != 0);
  const auto* kernels = call.operand<const Vector>(3);
  auto* inputs = call.operand<Vector>(4);
  auto* products = call.operand<Vector>(5);
  const WinogradOutput output{.bias = call.operand<const float>(6),
                              .places = {.addend = call.operand<const Vector>(7),
                                         .mask = call.operand<const SignBits>(8),
                                         .signs = call.operand<SignBits>(10),
                                         .y = call.operand<Vector>(11)},
                              .sums = call.operand<double>(9)};
  const std::int64_t in_blocks = blocks_of(shape.in_channels);
  const std::int64_t out_blocks = blocks_of(shape.out_channels);
  const Cut cut(static_cast<int>(call.end - call.begin), static_cast<int>(shape.chunk));
  std::int64_t tile = call.begin;
  for (int part = 0; part < cut.parts; ++part) {
    const int tiles = cut.size(part);
    const TileRun run(shape, tile, tiles);
    transform_input(shape, input, run, inputs, 0, in_blocks * tiles);
    multiply_planes(shape, tiles, inputs, kernels, products, 0, POINTS * groups_for(shape.out_channels));
    transform_output(shape, products, run, output, 0, out_blocks * tiles);
    tile += tiles;
  }
}

}  // namespace pellucid::PELLUCID_ISA
