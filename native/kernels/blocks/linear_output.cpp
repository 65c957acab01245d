// Fully connected layers on rows of features, (images, padded features): forward.
//
// The weights stay (out_features, in_features) as they are trained, so a vector holds neighbouring inputs of
// one output, and every sum ends with one across the lanes. They are read once for all images.
#include "base/simd.h"
#include "kernels/block.h"
#include "kernels/blocks/linear.h"
#include "kernels/declarations.h"

namespace pellucid::PELLUCID_ISA {
namespace {

// Vectors along the inputs that are summed before they join the sums before them: a long float sum loses
// digits. Of 16 images they lie in the first cache.
constexpr std::int64_t RUN = 256 / LANES;

// Images held in registers.
constexpr int WIDEST = 4;

// Floats to fetch ahead of a row of weights.
constexpr std::int64_t AHEAD = 256;

struct DotArguments {
  const float* weights;
  const Vector* x;
  Vector* sums;  // (rows, images)
  std::int64_t weight_stride;
  std::int64_t x_stride;
  std::int64_t sum_stride;
  std::int64_t vectors;
  bool first;  // run of these sums
};

// ROWS x IMAGES dot products, lane by lane.
template <int ROWS, int IMAGES>
struct DotBlock {
  static void run(const DotArguments& a) {
    Vector sum[ROWS][IMAGES] = {};
    const float* weights = a.weights;
    const Vector* x = a.x;
    for (std::int64_t v = 0; v < a.vectors; ++v, weights += LANES, ++x) {
      Vector weight[ROWS];
      PELLUCID_UNROLL
      for (int row = 0; row < ROWS; ++row) {
        weight[row] = load(weights + row * a.weight_stride);
        __builtin_prefetch(weights + row * a.weight_stride + AHEAD);
      }
      PELLUCID_UNROLL
      for (int image = 0; image < IMAGES; ++image) {
        const Vector value = x[image * a.x_stride];
        PELLUCID_UNROLL
        for (int row = 0; row < ROWS; ++row) sum[row][image] += weight[row] * value;
      }
    }
    PELLUCID_UNROLL
    for (int row = 0; row < ROWS; ++row) {
      PELLUCID_UNROLL
      for (int image = 0; image < IMAGES; ++image) {
        Vector& total = a.sums[row * a.sum_stride + image];
        total = a.first ? sum[row][image] : total + sum[row][image];
      }
    }
  }
};

constexpr BlockTable<DotBlock, WIDEST> dot_blocks;

struct Layer {
  const float* weights;
  const Vector* x;
  Vector* sums;
  std::int64_t features;
  std::int64_t row;  // vectors in a row of x
  std::int64_t images;
};

// One run of inputs for outputs [output, output + rows) and all images.
PELLUCID_INLINE void multiply_run(const Layer& layer, DotArguments a, int rows, const Cut& row_cut,
                                  const Cut& image_cut) {
  const float* weights = a.weights;
  const Vector* x = a.x;
  for (int part = 0, row = 0; part < row_cut.parts && row < rows; row += row_cut.size(part++)) {
    for (int piece = 0, image = 0; piece < image_cut.parts; image += image_cut.size(piece++)) {
      a.weights = weights + row * a.weight_stride;
      a.x = x + image * layer.row;
      a.sums = layer.sums + row * layer.images + image;
      dot_blocks.functions[row_cut.size(part)][image_cut.size(piece)](a);
    }
  }
}

// sums (rows, images) of outputs [output, output + rows).
void multiply_group(const Layer& layer, std::int64_t output, int rows, int block_rows) {
  const Cut row_cut(rows, block_rows);
  const Cut image_cut(static_cast<int>(layer.images), WIDEST);
  const std::int64_t whole = layer.features / LANES;
  const int rest = static_cast<int>(layer.features % LANES);
  DotArguments a = {};
  a.x_stride = layer.row;
  a.sum_stride = layer.images;
  a.weight_stride = layer.features;
  a.first = true;
  for (std::int64_t v = 0; v < whole; v += RUN, a.first = false) {
    a.weights = layer.weights + output * layer.features + v * LANES;
    a.x = layer.x + v;
    a.vectors = whole - v < RUN ? whole - v : RUN;
    multiply_run(layer, a, rows, row_cut, image_cut);
  }
  if (rest == 0) return;
  // The last inputs, by way of memory of full width: beyond a row lies the next one, or nothing.
  float edge[LINEAR_GROUP * LANES];
  copy_edge(layer.weights + output * layer.features + whole * LANES, layer.features, rows, rest, edge);
  a.weights = edge;
  a.weight_stride = LANES;
  a.x = layer.x + whole;
  a.vectors = 1;
  multiply_run(layer, a, rows, row_cut, image_cut);
}

}  // namespace

// blocks_linear_output: x, weights (out, in), bias or null, scratch -> y, rectified if so. Shared: outputs.
void blocks_linear_output(const Call& call) {
  const auto& shape = call.as<BlockLinearAttributes>();
  const auto* bias = call.operand<const float>(2);
  auto* y = call.operand<float>(4);
  const std::int64_t padded = blocks_of(shape.out_features) * LANES;
  Layer layer = {};
  layer.weights = call.operand<const float>(1);
  layer.x = call.operand<const Vector>(0);
  layer.sums = call.operand<Vector>(3);
  layer.features = shape.in_features;
  layer.row = blocks_of(shape.in_features);
  layer.images = call.run->batch_images;
  const int widest = smaller(static_cast<int>(layer.images), WIDEST);
  // One image: rows are read to their ends, a few at a time. More: x is what should stay in the cache.
  const int block_rows = widest == 1 ? 4 : ACCUMULATORS / widest;
  const int group = widest == 1 ? block_rows : LINEAR_GROUP;
  for (std::int64_t output = call.begin; output < call.end; output += group) {
    const int rows = static_cast<int>(call.end - output < group ? call.end - output : group);
    multiply_group(layer, output, rows, smaller(block_rows, LARGEST));
    for (std::int64_t image = 0; image < layer.images; ++image) {
      for (int row = 0; row < rows; ++row) {
        float value = sum_lanes(layer.sums[row * layer.images + image]);
        if (bias != nullptr) value += bias[output + row];
        y[image * padded + output + row] = shape.rectify != 0 && value < 0 ? 0.0F : value;
      }
    }
  }
  if (call.end < shape.out_features) return;
  for (std::int64_t image = 0; image < layer.images; ++image) {
    for (std::int64_t i = shape.out_features; i < padded; ++i) y[image * padded + i] = 0.0F;
  }
}

}  // namespace pellucid::PELLUCID_ISA
