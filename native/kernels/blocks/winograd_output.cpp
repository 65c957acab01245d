// winograd_output: planes of products, bias, addend, mask, sums and signs, each or null -> y.
// winograd_convolution: all three stages, each shard on tiles of its own. See winograd.h.
#include "isa/rectified.h"
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

// What is done to the results of one channel block.
template <bool MOMENTS>
struct Finish {
  Vector bias;
  bool rectify;
  Moments moments;

  // A tile's row of COUNT cells, from products that were transformed along the other axis.
  template <int COUNT>
  PELLUCID_INLINE void row(const Vector* half, const OutputPlaces& places, std::int64_t at) {
    Vector products[PATCH];
    PELLUCID_UNROLL
    for (int column = 0; column < PATCH; ++column) products[column] = half[column];
    Vector cells[TILE];
    to_outputs(products, cells, 1);
    PELLUCID_UNROLL
    for (int i = 0; i < COUNT; ++i) cells[i] += bias;
    if (places.addend != nullptr) {
      PELLUCID_UNROLL
      for (int i = 0; i < COUNT; ++i) cells[i] += places.addend[at + i];
    }
    if (rectify) {
      PELLUCID_UNROLL
      for (int i = 0; i < COUNT; ++i) cells[i] = rectified(cells[i]);
    }
    if (places.mask != nullptr) {
      const Signs<COUNT> positive(places.mask + at);
      PELLUCID_UNROLL
      for (int i = 0; i < COUNT; ++i) cells[i] = positive.keep(i, cells[i]);
    }
    PELLUCID_UNROLL
    for (int i = 0; i < COUNT; ++i) places.y[at + i] = cells[i];
    if (places.signs != nullptr) write_signs<COUNT>(cells, places.signs + at);
    if constexpr (MOMENTS) moments.add<COUNT>(cells);
  }

  // A tile of `rows` x `columns` cells, the first of them at `at`, or of TILE where there are more.
  PELLUCID_INLINE void tile(const Vector* planes, std::int64_t stride, const OutputPlaces& places,
                            std::int64_t at, std::int64_t width, std::int64_t rows, std::int64_t columns) {
    Vector half[TILE * PATCH];
    PELLUCID_KEEP_LOOP
    for (int column = 0; column < PATCH; ++column) {
      Vector products[PATCH];
      const Vector* from = reread(planes + column * stride);
      PELLUCID_UNROLL
      for (int row = 0; row < PATCH; ++row) products[row] = from[row * PATCH * stride];
      to_outputs(products, half + column, PATCH);
    }
    const Vector* line = half;
    for (std::int64_t i = 0; i < rows && i < TILE; ++i, line += PATCH, at += width) {
      if (columns >= TILE) {
        row<TILE>(line, places, at);
      } else if (columns == 3) {
        row<3>(line, places, at);
      } else if (columns == 2) {
        row<2>(line, places, at);
      } else {
        row<1>(line, places, at);
      }
    }
  }
};

template <bool MOMENTS>
PELLUCID_INLINE void transform_items(const WinogradAttributes& shape, const Vector* planes,
                                     const TileRun& run, const WinogradOutput& output, std::int64_t begin,
                                     std::int64_t end) {
  const std::int64_t blocks = blocks_of(shape.out_channels);
  const std::int64_t stride = plane_stride(blocks * run.count);
  for (std::int64_t item = begin; item < end;) {
    const std::int64_t block = item / run.count;
    Finish<MOMENTS> finish{.bias = bias_of(output.bias, block, shape.out_channels),
                           .rectify = shape.rectify != 0,
                           .moments = {}};
    const std::int64_t last = (block + 1) * run.count < end ? (block + 1) * run.count : end;
    for (TilePlace place = run.place(item - block * run.count); item < last; run.advance(place)) {
      std::int64_t at =
          ((place.image * blocks + block) * shape.out_height + place.row) * shape.out_width + place.column;
      std::int64_t columns = shape.out_width - place.column;
      for (std::int64_t tiles = run.in_row(place, last - item); tiles > 0; --tiles, ++item) {
        finish.tile(planes + item, stride, output.places, at, shape.out_width, shape.out_height - place.row,
                    columns);
        at += TILE;
        columns -= TILE;
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
  const WinogradOutput output(call, 1);
  const TileRun run(shape, call.first_unit, call.units);
  transform_output(shape, call.operand<const Vector>(0), run, output, call.begin, call.end);
}

// x, other or null, coefficients or null, planes of kernels, a room for planes of `chunk` tiles' inputs and
// products, bias, addend, mask, sums and signs, each or null -> y. Shared: tiles.
void winograd_convolution(const Call& call) {
  const auto& shape = call.as<WinogradAttributes>();
  const RectifiedDescription input(call, 0, shape.rectify_input != 0);
  const auto* kernels = call.operand<const Vector>(3);
  auto* products = call.operand<Vector>(4);
  const WinogradOutput output(call, 5);
  const std::int64_t in_blocks = blocks_of(shape.in_channels);
  const std::int64_t out_blocks = blocks_of(shape.out_channels);
  const Cut cut(static_cast<int>(call.end - call.begin), static_cast<int>(shape.chunk));
  std::int64_t tile = call.begin;
  for (int part = 0; part < cut.parts; ++part) {
    const int tiles = cut.size(part);
    const TileRun run(shape, tile, tiles);
    Vector* inputs =
        products + inputs_offset(plane_stride(in_blocks * tiles), plane_stride(out_blocks * tiles));
    transform_input(shape, input, run, inputs, 0, in_blocks * tiles);
    multiply_planes(shape, tiles, inputs, kernels, products, 0, POINTS * groups_for(shape.out_channels));
    transform_output(shape, products, run, output, 0, out_blocks * tiles);
    tile += tiles;
  }
}

}  // namespace pellucid::PELLUCID_ISA
