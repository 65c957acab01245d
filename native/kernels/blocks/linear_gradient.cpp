// Fully connected layers on rows of features, (images, padded features): backward.
#include "base/simd.h"
#include "kernels/block.h"
#include "kernels/blocks/linear.h"
#include "kernels/declarations.h"

namespace pellucid::PELLUCID_ISA {
namespace {

// ---- dx = W^T delta

// Outputs whose weights are summed before they join the sums before them.
constexpr int RUN = 64;
// Vectors of inputs that a shard goes through at a time, for all images and a run of outputs.
constexpr int PANEL = 24;
constexpr int WIDEST = REGISTERS == 32 ? 6 : 3;

struct InputArguments {
  const float* weights;   // at the first output and input of the block
  const float* gradient;  // at the first image and output
  float* out;             // at the first image and input
  std::int64_t weight_stride;
  std::int64_t gradient_stride;
  std::int64_t out_stride;
  std::int64_t outputs;
  bool first;  // run of these sums
};

// IMAGES x VECTORS sums over outputs of delta[image][o] W[o].
template <int IMAGES, int VECTORS>
struct InputBlock {
  static void run(const InputArguments& a) {
    Vector sum[IMAGES][VECTORS] = {};
    const float* weights = a.weights;
    const float* gradient = a.gradient;
    for (std::int64_t o = 0; o < a.outputs; ++o, weights += a.weight_stride, ++gradient) {
      Vector weight[VECTORS];
      PELLUCID_UNROLL
      for (int v = 0; v < VECTORS; ++v) weight[v] = load(weights + v * LANES);
      PELLUCID_UNROLL
      for (int image = 0; image < IMAGES; ++image) {
        const Vector delta = broadcast(gradient[image * a.gradient_stride]);
        PELLUCID_UNROLL
        for (int v = 0; v < VECTORS; ++v) sum[image][v] += delta * weight[v];
      }
    }
    PELLUCID_UNROLL
    for (int image = 0; image < IMAGES; ++image) {
      PELLUCID_UNROLL
      for (int v = 0; v < VECTORS; ++v) {
        float* to = a.out + image * a.out_stride + v * LANES;
        store(to, a.first ? sum[image][v] : load(to) + sum[image][v]);
      }
    }
  }
};

constexpr BlockTable<InputBlock, WIDEST> input_blocks;

// One run of outputs for some vectors of inputs and all images.
PELLUCID_INLINE void spread_run(InputArguments a, int vectors, std::int64_t images) {
  const Cut vector_cut(vectors, WIDEST);
  const Cut image_cut(static_cast<int>(images), ACCUMULATORS / WIDEST);
  const InputArguments start = a;
  for (int part = 0, v = 0; part < vector_cut.parts; v += vector_cut.size(part++)) {
    a.weights = start.weights + v * LANES;
    for (int piece = 0, image = 0; piece < image_cut.parts; image += image_cut.size(piece++)) {
      a.gradient = start.gradient + image * a.gradient_stride;
      a.out = start.out + image * a.out_stride + v * LANES;
      input_blocks.functions[image_cut.size(piece)][vector_cut.size(part)](a);
    }
  }
}

// ---- dW = delta x^T

constexpr int WEIGHT_WIDEST = 4;
// Bytes of x that may lie in the second cache while all outputs pass.
constexpr std::int64_t PANEL_BYTES = 128 * 1024;

struct WeightArguments {
  const float* gradient;  // at the first output
  const Vector* x;        // at the first input
  float* out;
  std::int64_t gradient_stride;
  std::int64_t x_stride;
  std::int64_t out_stride;
  std::int64_t images;
};

// OUTPUTS x VECTORS sums over images of delta[o] x.
template <int OUTPUTS, int VECTORS>
struct WeightBlock {
  static void run(const WeightArguments& a) {
    Vector sum[OUTPUTS][VECTORS] = {};
    const float* gradient = a.gradient;
    const Vector* from = a.x;
    for (std::int64_t image = 0; image < a.images;
         ++image, gradient += a.gradient_stride, from += a.x_stride) {
      add_products(sum, [&](int o) { return broadcast(gradient[o]); }, [&](int v) { return from[v]; });
    }
    PELLUCID_UNROLL
    for (int o = 0; o < OUTPUTS; ++o) {
      PELLUCID_UNROLL
      for (int v = 0; v < VECTORS; ++v) store(a.out + o * a.out_stride + v * LANES, sum[o][v]);
    }
  }
};

constexpr BlockTable<WeightBlock, WEIGHT_WIDEST> weight_blocks;

// The last inputs of some rows, by way of memory of full width.
PELLUCID_INLINE void write_edge(WeightArguments a, int outputs, int columns) {
  float edge[LARGEST * LANES];
  float* out = a.out;
  const std::int64_t stride = a.out_stride;
  a.out = edge;
  a.out_stride = LANES;
  weight_blocks.functions[outputs][1](a);
  for (int o = 0; o < outputs; ++o) {
    for (int i = 0; i < columns; ++i) out[o * stride + i] = edge[o * LANES + i];
  }
}

}  // namespace

// blocks_linear_input_gradient: delta, weights (out, in) -> dx. Shared: vectors of inputs.
void blocks_linear_input_gradient(const Call& call) {
  const auto& shape = call.as<BlockLinearAttributes>();
  const auto* weights = call.operand<const float>(1);
  auto* out = call.operand<float>(2);
  const std::int64_t whole = shape.in_features / LANES;
  const int rest = static_cast<int>(shape.in_features % LANES);
  float edge[RUN * LANES];
  InputArguments a = {};
  a.gradient_stride = blocks_of(shape.out_features) * LANES;
  a.out_stride = blocks_of(shape.in_features) * LANES;
  for (std::int64_t v = call.begin; v < call.end; v += PANEL) {
    const std::int64_t end = call.end - v < PANEL ? call.end : v + PANEL;
    const int full = static_cast<int>((end < whole ? end : whole) - v);
    for (std::int64_t o = 0; o < shape.out_features; o += RUN) {
      a.outputs = shape.out_features - o < RUN ? shape.out_features - o : RUN;
      a.gradient = call.operand<const float>(0) + o;
      a.weights = weights + o * shape.in_features + v * LANES;
      a.weight_stride = shape.in_features;
      a.out = out + v * LANES;
      a.first = o == 0;
      if (full > 0) spread_run(a, full, call.run->batch_images);
      if (end <= whole || rest == 0) continue;
      copy_edge(a.weights + full * LANES, a.weight_stride, static_cast<int>(a.outputs), rest, edge);
      a.weights = edge;
      a.weight_stride = LANES;
      a.out += full * LANES;
      spread_run(a, 1, call.run->batch_images);
    }
  }
}

// blocks_linear_weight_gradient: delta, x -> dW (out, in). Shared: outputs.
void blocks_linear_weight_gradient(const Call& call) {
  const auto& shape = call.as<BlockLinearAttributes>();
  const int whole = static_cast<int>(shape.in_features / LANES);
  const int rest = static_cast<int>(shape.in_features % LANES);
  WeightArguments a = {};
  a.gradient_stride = blocks_of(shape.out_features) * LANES;
  a.x_stride = blocks_of(shape.in_features);
  a.out_stride = shape.in_features;
  a.images = call.run->batch_images;
  const Cut outputs(static_cast<int>(call.end - call.begin), ACCUMULATORS / WEIGHT_WIDEST);
  const Cut panels(whole, larger(static_cast<int>(PANEL_BYTES / (a.images * sizeof(Vector))), WEIGHT_WIDEST));
  for (int panel = 0, first = 0; panel < larger(panels.parts, 1); first += panels.size(panel++)) {
    const int end = panels.parts > 0 ? first + panels.size(panel) : 0;
    const Cut vectors(end - first, WEIGHT_WIDEST);
    for (int part = 0, o = 0; part < outputs.parts; o += outputs.size(part++)) {
      const std::int64_t output = call.begin + o;
      float* rows = call.operand<float>(2) + output * shape.in_features;
      a.gradient = call.operand<const float>(0) + output;
      for (int piece = 0, v = first; piece < vectors.parts; v += vectors.size(piece++)) {
        a.x = call.operand<const Vector>(1) + v;
        a.out = rows + v * LANES;
        weight_blocks.functions[outputs.size(part)][vectors.size(piece)](a);
      }
      if (end < whole || rest == 0) continue;
      a.x = call.operand<const Vector>(1) + whole;
      a.out = rows + whole * LANES;
      write_edge(a, outputs.size(part), rest);
    }
  }
}

// blocks_linear_bias_gradient: delta -> db (out). Shared: outputs.
void blocks_linear_bias_gradient(const Call& call) {
  const auto& shape = call.as<BlockLinearAttributes>();
  const auto* gradient = call.operand<const float>(0);
  auto* bias = call.operand<float>(1);
  const std::int64_t padded = blocks_of(shape.out_features) * LANES;
  for (std::int64_t output = call.begin; output < call.end; ++output) {
    double sum = 0;
    for (std::int64_t image = 0; image < call.run->batch_images; ++image) {
      sum += static_cast<double>(gradient[image * padded + output]);
    }
    bias[output] = static_cast<float>(sum);
  }
}

}  // namespace pellucid::PELLUCID_ISA
