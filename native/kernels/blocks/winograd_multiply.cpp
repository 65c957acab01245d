// winograd_multiply: planes of inputs, planes of kernels -> planes of products. See winograd.h.
//
// For each point, (tiles x input channels) times (input channels x output channels). A plane of kernels holds
// groups of two vectors of output channels (the last may be one), each (input channels, vectors).
#include "kernels/block.h"
#include "kernels/blocks/winograd.h"
#include "kernels/declarations.h"

namespace pellucid::PELLUCID_ISA {
namespace {

// One register block's operands: inputs (channel blocks, tiles, lanes), `stride` vectors from block to block,
// and products likewise.
struct Product {
  const Vector* inputs;
  std::int64_t stride;
  std::int64_t channels;
  const Vector* kernels;
  Vector* products;
};

template <int TILES, int VECTORS>
struct ProductBlock {
  static void run(const Product& product) {
    Vector sums[TILES][VECTORS] = {};
    const auto* inputs = reinterpret_cast<const float*>(product.inputs);
    const Vector* kernels = product.kernels;
    for (std::int64_t left = product.channels; left > 0; left -= LANES) {
      const int lanes = left < LANES ? static_cast<int>(left) : LANES;
      for (int lane = 0; lane < lanes; ++lane) {
        PELLUCID_UNROLL
        for (int tile = 0; tile < TILES; ++tile) {
          const Vector input = broadcast(inputs[tile * LANES + lane]);
          PELLUCID_UNROLL
          for (int v = 0; v < VECTORS; ++v) sums[tile][v] += input * kernels[v];
        }
        kernels += VECTORS;
      }
      inputs += product.stride * LANES;
    }
    PELLUCID_UNROLL
    for (int v = 0; v < VECTORS; ++v) {
      PELLUCID_UNROLL
      for (int tile = 0; tile < TILES; ++tile) product.products[v * product.stride + tile] = sums[tile][v];
    }
  }
};

// ProductBlock<1..MOST, VECTORS>, by tiles.
template <int VECTORS, int MOST>
struct ProductTable {
  void (*functions[MOST + 1])(const Product&) = {};

  constexpr ProductTable() { fill<1>(); }
  template <int TILES>
  constexpr void fill() {
    functions[TILES] = &ProductBlock<TILES, VECTORS>::run;
    if constexpr (TILES < MOST) fill<TILES + 1>();
  }
};

// With two vectors of kernels and one broadcast beside the sums; one vector alone leaves more room than the
// loads can follow.
constexpr int MOST_TILES = REGISTERS == 32 ? 14 : 6;
constexpr int MOST_TILES_ALONE = REGISTERS == 32 ? 16 : 12;
constexpr ProductTable<GROUP, MOST_TILES> PAIRS;
constexpr ProductTable<1, MOST_TILES_ALONE> SINGLES;

}  // namespace

void multiply_group(const WinogradAttributes& shape, std::int64_t tiles, const Vector* inputs,
                    const Vector* kernels, Vector* products, std::int64_t point, std::int64_t group) {
  const std::int64_t in_stride = plane_stride(blocks_of(shape.in_channels) * tiles);
  const std::int64_t out_stride = plane_stride(blocks_of(shape.out_channels) * tiles);
  const bool pair = members_of(group, shape.out_channels) == GROUP;
  const Cut cut(static_cast<int>(tiles), pair ? MOST_TILES : MOST_TILES_ALONE);
  Product product{.inputs = inputs + point * in_stride,
                  .stride = tiles,
                  .channels = shape.in_channels,
                  .kernels = kernels,
                  .products = products + point * out_stride + group * GROUP * tiles};
  for (int part = 0; part < cut.parts; ++part) {
    const int size = cut.size(part);
    (pair ? PAIRS.functions[size] : SINGLES.functions[size])(product);
    product.inputs += size;
    product.products += size;
  }
}

void multiply_planes(const WinogradAttributes& shape, std::int64_t tiles, const Vector* inputs,
                     const Vector* kernels, Vector* products, std::int64_t begin, std::int64_t end) {
  const std::int64_t stride = plane_stride(blocks_of(shape.out_channels) * shape.in_channels);
  const std::int64_t groups = groups_for(shape.out_channels);
  for (std::int64_t item = begin; item < end; ++item) {
    const std::int64_t point = item / groups;
    const std::int64_t group = item % groups;
    const Vector* own = kernels + point * stride + group * GROUP * shape.in_channels;
    multiply_group(shape, tiles, inputs, own, products, point, group);
  }
}

// Shared: groups of output blocks of 36 points.
void winograd_multiply(const Call& call) {
  const auto& shape = call.as<WinogradAttributes>();
  multiply_planes(shape, call.units, call.operand<const Vector>(0), call.operand<const Vector>(1),
                  call.operand<Vector>(2), call.begin, call.end);
}

}  // namespace pellucid::PELLUCID_ISA
