// Fully connected layers with the batch in the lanes: x is (in_features, lanes), y (out_features, lanes).
#include "base/simd.h"
#include "kernels/block.h"
#include "kernels/declarations.h"

namespace pellucid::PELLUCID_ISA {
namespace {

// MAPS x 1 blocks of dot products: rows of a matrix of weights times the vectors x.
template <int MAPS, int>
struct DotBlock {
  // y[m] = bias[m] + sum_i weights[m * map_stride + i * step] x[i]
  static void run(const float* weights, const float* bias, std::int64_t map_stride, std::int64_t step,
                  const Vector* x, std::int64_t length, Vector* y) {
    Vector sum[MAPS];
    PELLUCID_UNROLL
    for (int map = 0; map < MAPS; ++map) sum[map] = bias != nullptr ? broadcast(bias[map]) : Vector{};
    for (std::int64_t i = 0; i < length; ++i, weights += step) {
      const Vector value = x[i];
      PELLUCID_UNROLL
      for (int map = 0; map < MAPS; ++map) sum[map] += broadcast(weights[map * map_stride]) * value;
    }
    PELLUCID_UNROLL
    for (int map = 0; map < MAPS; ++map) y[map] = sum[map];
  }
};

constexpr BlockTable<DotBlock, 1> dot_blocks;

void matrix_times_lanes(const float* weights, const float* bias, std::int64_t map_stride, std::int64_t step,
                        const Vector* x, std::int64_t length, Vector* y, int maps) {
  const Cut cut(maps, LARGEST);
  for (int part = 0, map = 0; part < cut.parts; map += cut.size(part++)) {
    dot_blocks.functions[cut.size(part)][1](weights + map * map_stride,
                                            bias != nullptr ? bias + map : nullptr, map_stride, step, x,
                                            length, y + map);
  }
}

struct OuterArguments {
  const char* gradient;  // (out_features, lanes) of the first tile, at the block's first output
  const char* inputs;    // (lanes, row) of the first tile, at the block's first input
  float* out;
  std::int64_t tile_bytes;
  std::int64_t images;
  std::int64_t row;
  std::int64_t out_stride;
};

// OUTPUTS x VECTORS block of sum over images of delta[o] x[i].
template <int OUTPUTS, int VECTORS>
struct OuterBlock {
  static void run(const OuterArguments& a) {
    Vector sum[OUTPUTS][VECTORS] = {};
    for (std::int64_t first = 0, tile = 0; first < a.images; first += LANES, ++tile) {
      const auto* gradient = reinterpret_cast<const float*>(a.gradient + tile * a.tile_bytes);
      const auto* inputs = reinterpret_cast<const float*>(a.inputs + tile * a.tile_bytes);
      const int lanes = static_cast<int>(a.images - first < LANES ? a.images - first : LANES);
      for (int lane = 0; lane < lanes; ++lane, ++gradient, inputs += a.row) {
        Vector x[VECTORS];
        PELLUCID_UNROLL
        for (int v = 0; v < VECTORS; ++v) x[v] = load(inputs + v * LANES);
        PELLUCID_UNROLL
        for (int o = 0; o < OUTPUTS; ++o) {
          const Vector delta = broadcast(gradient[o * LANES]);
          PELLUCID_UNROLL
          for (int v = 0; v < VECTORS; ++v) sum[o][v] += delta * x[v];
        }
      }
    }
    PELLUCID_UNROLL
    for (int o = 0; o < OUTPUTS; ++o) {
      PELLUCID_UNROLL
      for (int v = 0; v < VECTORS; ++v) store(a.out + o * a.out_stride + v * LANES, sum[o][v]);
    }
  }
};

// Vectors of inputs in a block: wide enough to reuse each delta, narrow enough to leave room for outputs.
constexpr int MAX_VECTORS = REGISTERS == 32 ? 4 : 2;

constexpr BlockTable<OuterBlock, MAX_VECTORS> outer_blocks;

float sum_of_images(const char* gradient, std::int64_t tile_bytes, std::int64_t images) {
  Vector sum = {};
  for (std::int64_t first = 0, tile = 0; first < images; first += LANES, ++tile) {
    sum += *reinterpret_cast<const Vector*>(gradient + tile * tile_bytes);  // lanes without an image are 0
  }
  return sum_lanes(sum);
}

}  // namespace

// linear_output: x, weights (out, in), bias or null -> y.
void linear_output(const Call& call) {
  const auto& shape = call.as<LinearAttributes>();
  matrix_times_lanes(call.operand<const float>(1), call.operand<const float>(2), shape.in_features, 1,
                     call.operand<const Vector>(0), shape.in_features, call.operand<Vector>(3),
                     static_cast<int>(shape.out_features));
}

// linear_input_gradient: delta, weights (out, in) -> dx = W^T delta.
void linear_input_gradient(const Call& call) {
  const auto& shape = call.as<LinearAttributes>();
  matrix_times_lanes(call.operand<const float>(1), nullptr, 1, shape.in_features,
                     call.operand<const Vector>(0), shape.out_features, call.operand<Vector>(2),
                     static_cast<int>(shape.in_features));
}

// linear_weight_gradient, a range over outputs: delta (out, lanes) and transposed x (lanes, row) of all tiles
// -> dW (out, in) and, unless null, db (out).
void linear_weight_gradient(const Call& call) {
  const auto& shape = call.as<LinearAttributes>();
  const auto* gradient = call.operand<const char>(0);
  const auto* inputs = call.operand<const char>(1);
  auto* weights = call.operand<float>(2);
  auto* bias = call.operand<float>(3);
  const int features = static_cast<int>(shape.in_features);
  const int whole = features / LANES;
  const int rest = features % LANES;
  const Cut vectors(whole, MAX_VECTORS);
  const Cut outputs(static_cast<int>(call.end - call.begin),
                    smaller(ACCUMULATORS / vectors.longest(), LARGEST));
  float edge[ACCUMULATORS * LANES];

  OuterArguments a = {};
  a.tile_bytes = call.run->tile_bytes;
  a.images = call.run->batch_images;
  a.row = shape.row;
  a.out_stride = features;
  for (int part = 0, o = 0; part < outputs.parts; o += outputs.size(part++)) {
    const int count = outputs.size(part);
    const std::int64_t output = call.begin + o;
    a.gradient = gradient + output * sizeof(Vector);
    for (int piece = 0, v = 0; piece < vectors.parts; v += vectors.size(piece++)) {
      a.inputs = inputs + v * sizeof(Vector);
      a.out = weights + output * features + v * LANES;
      outer_blocks.functions[count][vectors.size(piece)](a);
    }
    if (rest > 0) {  // the last inputs of a row, by way of memory of full width
      OuterArguments last = a;
      last.inputs = inputs + whole * sizeof(Vector);
      last.out = edge;
      last.out_stride = LANES;
      outer_blocks.functions[count][1](last);
      for (int i = 0; i < count * rest; ++i) {
        weights[(output + i / rest) * features + whole * LANES + i % rest] =
            edge[i / rest * LANES + i % rest];
      }
    }
    for (int i = 0; bias != nullptr && i < count; ++i) {
      bias[output + i] = sum_of_images(gradient + (output + i) * sizeof(Vector), a.tile_bytes, a.images);
    }
  }
}

}  // namespace pellucid::PELLUCID_ISA
