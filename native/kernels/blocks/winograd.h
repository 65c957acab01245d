// Winograd's minimal filtering F(4x4, 3x3) in channel blocks (Lavin & Gray 2016, section 4.1).
//
//   Y = A^T [ (G g G^T) * (B^T d B) ] A
//
// The output is cut into tiles of 4x4 cells, each of which sees a patch d of 6x6 inputs. Transformed, a
// kernel g has 36 points that only meet the same point of a patch, so a layer is 36 matrix products over
// channels: 36 multiplications where the definition has 144. What is transformed lies in planes, one a point.
#pragma once

#include "base/simd.h"
#include "kernels/attributes.h"
#include "kernels/block.h"
#include "kernels/blocks/description.h"
#include "kernels/blocks/output_places.h"
#include "kernels/call.h"
#include "kernels/minimal_filtering.h"

namespace pellucid::PELLUCID_ISA {

// Before a loop of few passes: unrolled, it would hold the addresses of 36 planes in registers that there are
// not.
#define PELLUCID_KEEP_LOOP _Pragma("GCC unroll 1")

constexpr int TILE = 4;  // outputs along a tile's side; they see PATCH inputs
constexpr int POINTS = PATCH * PATCH;
constexpr int TAPS = 3;
constexpr int KERNEL = TAPS * TAPS;

// Vectors of output channels in a register block.
constexpr int GROUP = 2;

PELLUCID_INLINE std::int64_t groups_for(std::int64_t channels) {
  return (blocks_of(channels) + GROUP - 1) / GROUP;
}

PELLUCID_INLINE std::int64_t smaller_of(std::int64_t a, std::int64_t b) {
  return a < b ? a : b;
}

// Blocks in a group: all groups but the last are full.
PELLUCID_INLINE std::int64_t members_of(std::int64_t group, std::int64_t channels) {
  return (group + 1) * GROUP <= blocks_of(channels) ? GROUP : 1;
}

// Vectors from one plane of so many to the next: an odd number of cache lines, so that the 36 planes' cells
// of one tile lie in different sets of the cache. Also in lowering/blocks/winograd.py.
PELLUCID_INLINE std::int64_t plane_stride(std::int64_t vectors) {
  constexpr std::int64_t LINE = 64 / (LANES * 4);
  return ((vectors + LINE - 1) / LINE | 1) * LINE;
}

// Vectors from the first plane of products to the first of inputs, in one room: products of a point come to
// lie where inputs of the points before it lay, which nobody needs any more, so that they are still in the
// cache. Also in lowering/blocks/winograd_tiling.py.
PELLUCID_INLINE std::int64_t inputs_offset(std::int64_t in_stride, std::int64_t out_stride) {
  const std::int64_t last = POINTS * out_stride - (POINTS - 1) * in_stride;
  return last > out_stride ? last : out_stride;
}

// The first cell of a tile in the output, and its image.
struct TilePlace {
  std::int64_t image;
  std::int64_t row;
  std::int64_t column;
};

// Consecutive tiles of the batch: images one after another, each image's tiles row after row.
struct TileRun {
  std::int64_t first;
  std::int64_t count;
  std::int64_t rows;  // of tiles in an image
  std::int64_t columns;

  PELLUCID_INLINE TileRun(const WinogradAttributes& shape, std::int64_t first_tile, std::int64_t tiles)
      : first(first_tile),
        count(tiles),
        rows((shape.out_height + TILE - 1) / TILE),
        columns((shape.out_width + TILE - 1) / TILE) {}
  [[nodiscard]] PELLUCID_INLINE TilePlace place(std::int64_t number) const {
    const std::int64_t tile = first + number;
    const std::int64_t row = tile / columns;
    return {row / rows, row % rows * TILE, tile % columns * TILE};
  }
  // Of so many tiles at most, those in the same row of tiles as the one here.
  [[nodiscard]] PELLUCID_INLINE std::int64_t in_row(const TilePlace& place, std::int64_t tiles) const {
    return smaller_of(tiles, columns - place.column / TILE);
  }
  // To the beginning of the next row of tiles.
  PELLUCID_INLINE void advance(TilePlace& place) const {
    place.column = 0;
    place.row += TILE;
    if (place.row < rows * TILE) return;
    place.row = 0;
    ++place.image;
  }
};

// What becomes of the sums: y = rectified(sum + bias + addend), or 0 where the mask has no bit; the moments
// of y are added to `sums`.
struct WinogradOutput {
  const float* bias;  // (channels,) or null
  OutputPlaces places;
  double* sums;  // (2, padded channels) or null

  // Operands of a call: bias, addend, mask, sums and signs, each or null -> y.
  PELLUCID_INLINE WinogradOutput(const Call& call, int first)
      : bias(call.operand<const float>(first)),
        places{.addend = call.operand<const Vector>(first + 1),
               .mask = call.operand<const SignBits>(first + 2),
               .signs = call.operand<SignBits>(first + 4),
               .y = call.operand<Vector>(first + 5)},
        sums(call.operand<double>(first + 3)) {}
};

// The three stages of a convolution over a run of tiles; each works on items [begin, end), so that shards can
// share it.

// B^T d B of (channel block, tile) items into planes of (channel blocks, tiles).
void transform_input(const WinogradAttributes& shape, const RectifiedDescription& input, const TileRun& run,
                     Vector* planes, std::int64_t begin, std::int64_t end);

// Planes of inputs and of their products, some tiles each; how they are cut is settled once for all points.
class ProductPlanes {
 public:
  ProductPlanes(const WinogradAttributes& shape, std::int64_t tiles, const Vector* inputs, Vector* products);
  // One point's inputs times its kernels of one group of output blocks, which begin at `kernels`.
  void multiply(const Vector* kernels, std::int64_t point, std::int64_t group) const;

 private:
  std::int64_t in_channels_;
  std::int64_t out_channels_;
  std::int64_t tiles_;
  const Vector* inputs_;
  std::int64_t in_stride_;
  Vector* products_;
  std::int64_t out_stride_;
  Cut pairs_;
  Cut singles_;
};

// The same with planes of all kernels, of (point, group of output blocks) items.
void multiply_planes(const WinogradAttributes& shape, std::int64_t tiles, const Vector* inputs,
                     const Vector* kernels, Vector* products, std::int64_t begin, std::int64_t end);

// A^T m A of (output block, tile) items into the output.
void transform_output(const WinogradAttributes& shape, const Vector* planes, const TileRun& run,
                      const WinogradOutput& output, std::int64_t begin, std::int64_t end);

// A delta A^T of (output block, tile) items into planes of (output blocks, tiles).
void transform_delta(const WinogradAttributes& shape, const RectifiedDescription& delta, const TileRun& run,
                     Vector* planes, std::int64_t begin, std::int64_t end);

// Adds the sums over tiles of one point's inputs times deltas to its kernels' gradients of one group of
// output blocks, which begin at `gradients`; `first`: they are the first, and nothing is there to add to.
void accumulate_group(const WinogradAttributes& shape, std::int64_t tiles, const Vector* inputs,
                      const Vector* deltas, Vector* gradients, bool first, std::int64_t point,
                      std::int64_t group);

// The same with planes of all gradients, of (point, group of output blocks) items.
void accumulate_planes(const WinogradAttributes& shape, std::int64_t tiles, const Vector* inputs,
                       const Vector* deltas, Vector* gradients, bool first, std::int64_t begin,
                       std::int64_t end);

// Weights in the public order, (out, in, 3, 3), and how the layer that is carried out sees them.
// `transposed`: as the input gradient does, its output channels being the weights' input channels, each
// kernel rotated by 180 degrees. `scale`, or null, multiplies the kernels of each of the weights' own output
// channels.
struct WinogradWeights {
  const float* values;
  const float* scale;
  std::int64_t in_channels;
  std::int64_t out_channels;
  bool transposed;
};

// G g G^T of input channels [begin, end) and a group of output blocks; the group's kernels begin at
// `kernels`, points lie `stride` apart.
void transform_weights(const WinogradWeights& weights, std::int64_t group, std::int64_t begin,
                       std::int64_t end, Vector* kernels, std::int64_t stride);

// Of a layer.
struct WinogradChannels {
  std::int64_t in;
  std::int64_t out;
};

// Planes of kernel gradients: `parts` that are added, `size` vectors apart, points `stride` apart.
struct WinogradGradients {
  const Vector* planes;
  std::int64_t stride;
  std::int64_t parts;
  std::int64_t size;
};

// G^T u G of input channels [begin, end) and a group of output blocks, whose gradients begin at
// gradients.planes, into the gradient of the weights in the public order.
void transform_gradients(const WinogradGradients& gradients, const WinogradChannels& channels,
                         std::int64_t group, std::int64_t begin, std::int64_t end, float* weights);

// The transforms along one axis of what minimal_filtering.h does not have; results lie `stride` apart.

// G g.
PELLUCID_INLINE void transform_taps(const Vector (&g)[TAPS], Vector* to, std::int64_t stride) {
  const Vector outer = g[0] + g[2];
  const Vector far = (1.0F / 24) * g[0] + (1.0F / 6) * g[2];
  to[0] = 0.25F * g[0];
  to[stride] = (-1.0F / 6) * (outer + g[1]);
  to[2 * stride] = (-1.0F / 6) * (outer - g[1]);
  to[3 * stride] = far + (1.0F / 12) * g[1];
  to[4 * stride] = far - (1.0F / 12) * g[1];
  to[5 * stride] = g[2];
}

// G^T u.
PELLUCID_INLINE void transform_gradient(const Vector (&u)[PATCH], Vector* to, std::int64_t stride) {
  const Vector sum1 = u[1] + u[2];
  const Vector sum2 = u[3] + u[4];
  const Vector third = (1.0F / 6) * (sum2 - sum1);
  to[0] = 0.25F * u[0] + (1.0F / 24) * sum2 - (1.0F / 6) * sum1;
  to[stride] = (1.0F / 6) * (u[2] - u[1]) + (1.0F / 12) * (u[3] - u[4]);
  to[2 * stride] = third + u[5];
}

}  // namespace pellucid::PELLUCID_ISA
