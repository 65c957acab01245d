// winograd_multiply: planes of inputs, planes of kernels -> planes of products. See winograd.h.
//
// For each point, (tiles x input channels) times (input channels x output channels). A plane of kernels holds
// groups of two vectors of output channels (the last may be one), each (input channels, vectors).
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
    Vector sums[TILES][VECTORS];
    const auto* inputs = reinterpret_cast<const float*>(product.inputs);
    const Vector* kernels = product.kernels;
    // The first channel begins the sums: cleared registers would be one more result each to keep until the
    // last block's are written, which costs a block as much as three channels do.
    PELLUCID_UNROLL
    for (int tile = 0; tile < TILES; ++tile) {
      const Vector input = broadcast(inputs[tile * LANES]);
      PELLUCID_UNROLL
      for (int v = 0; v < VECTORS; ++v) sums[tile][v] = input * kernels[v];
    }
    kernels += VECTORS;
    int lane = 1;
    for (std::int64_t left = product.channels; left > 0; left -= LANES, lane = 0) {
      const int lanes = left < LANES ? static_cast<int>(left) : LANES;
      for (; lane < lanes; ++lane) {
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
constexpr int MOST_TILES_ALONE = REGISTERS == 32 ? 24 : 12;
constexpr ProductTable<GROUP, MOST_TILES> PAIRS;
constexpr ProductTable<1, MOST_TILES_ALONE> SINGLES;

}  // namespace

ProductPlanes::ProductPlanes(const WinogradAttributes& shape, std::int64_t tiles, const Vector* inputs,
                             Vector* products)
    : in_channels_(shape.in_channels),
      out_channels_(shape.out_channels),
      tiles_(tiles),
      inputs_(inputs),
      in_stride_(plane_stride(blocks_of(in_channels_) * tiles)),
      products_(products),
      out_stride_(plane_stride(blocks_of(out_channels_) * tiles)),
      pairs_(static_cast<int>(tiles), MOST_TILES),
      singles_(static_cast<int>(tiles), MOST_TILES_ALONE) {}

void ProductPlanes::multiply(const Vector* kernels, std::int64_t point, std::int64_t group) const {
  const bool pair = members_of(group, out_channels_) == GROUP;
  const Cut& cut = pair ? pairs_ : singles_;
  Product product{.inputs = inputs_ + point * in_stride_,
                  .stride = tiles_,
                  .channels = in_channels_,
                  .kernels = kernels,
                  .products = products_ + point * out_stride_ + group * GROUP * tiles_};
  for (int part = 0; part < cut.parts; ++part) {
    const int size = cut.size(part);
    (pair ? PAIRS.functions[size] : SINGLES.functions[size])(product);
    product.inputs += size;
    product.products += size;
  }
}

void multiply_planes(const WinogradAttributes& shape, std::int64_t tiles, const Vector* inputs,
                     const Vector* kernels, Vector* products, std::int64_t begin, std::int64_t end) {
  const ProductPlanes planes(shape, tiles, inputs, products);
  const std::int64_t stride = plane_stride(blocks_of(shape.out_channels) * shape.in_channels);
  const std::int64_t groups = groups_for(shape.out_channels);
  std::int64_t point = begin / groups;
  std::int64_t group = begin % groups;
  for (std::int64_t item = begin; item < end; ++item) {
    planes.multiply(kernels + point * stride + group * GROUP * shape.in_channels, point, group);
    if (++group < groups) continue;
    group = 0;
    ++point;
  }
}

// Shared: groups of output blocks of 36 points.
void winograd_multiply(const Call& call) {
  const auto& shape = call.as<WinogradAttributes>();
  multiply_planes(shape, call.units, call.operand<const Vector>(0), call.operand<const Vector>(1),
                  call.operand<Vector>(2), call.begin, call.end);
}

}  // namespace pellucid::PELLUCID_ISA
