// winograd_accumulate: planes of inputs, planes of deltas -> planes of kernel gradients, added to.
// winograd_correlation: the transforms too, each shard on tiles of its own. See winograd.h.
#include "kernels/blocks/winograd.h"
#include "kernels/declarations.h"

namespace pellucid::PELLUCID_ISA {
namespace {

// One register block's operands: inputs of some channels of one block, deltas (output blocks, tiles), and
// gradients (channels, vectors).
struct Correlation {
  const float* inputs;
  const Vector* deltas;
  std::int64_t tiles;
  Vector* gradients;
  bool first;
};

template <int CHANNELS, int VECTORS>
struct CorrelationBlock {
  static void run(const Correlation& correlation) {
    Vector sums[CHANNELS][VECTORS] = {};
    const float* inputs = correlation.inputs;
    const Vector* deltas = correlation.deltas;
    for (std::int64_t tile = 0; tile < correlation.tiles; ++tile) {
      PELLUCID_UNROLL
      for (int channel = 0; channel < CHANNELS; ++channel) {
        const Vector input = broadcast(inputs[channel]);
        PELLUCID_UNROLL
        for (int v = 0; v < VECTORS; ++v) sums[channel][v] += input * deltas[v * correlation.tiles];
      }
      inputs += LANES;
      ++deltas;
    }
    Vector* gradients = correlation.gradients;
    PELLUCID_UNROLL
    for (int channel = 0; channel < CHANNELS; ++channel) {
      PELLUCID_UNROLL
      for (int v = 0; v < VECTORS; ++v) {
        // Sums of some tiles each are more exact than one sum of them all.
        Vector& gradient = gradients[channel * VECTORS + v];
        gradient = correlation.first ? sums[channel][v] : gradient + sums[channel][v];
      }
    }
  }
};

// CorrelationBlock<1..MOST, VECTORS>, by channels.
template <int VECTORS, int MOST>
struct CorrelationTable {
  void (*functions[MOST + 1])(const Correlation&) = {};

  constexpr CorrelationTable() { fill<1>(); }
  template <int CHANNELS>
  constexpr void fill() {
    functions[CHANNELS] = &CorrelationBlock<CHANNELS, VECTORS>::run;
    if constexpr (CHANNELS < MOST) fill<CHANNELS + 1>();
  }
};

constexpr int MOST_CHANNELS = REGISTERS == 32 ? 8 : 4;
constexpr CorrelationTable<GROUP, MOST_CHANNELS> PAIRS;
constexpr CorrelationTable<1, LANES> SINGLES;

}  // namespace

void accumulate_group(const WinogradAttributes& shape, std::int64_t tiles, const Vector* inputs,
                      const Vector* deltas, Vector* gradients, bool first, std::int64_t point,
                      std::int64_t group) {
  const std::int64_t in_stride = plane_stride(blocks_of(shape.in_channels) * tiles);
  const std::int64_t out_stride = plane_stride(blocks_of(shape.out_channels) * tiles);
  const std::int64_t members = members_of(group, shape.out_channels);
  const int most = members == GROUP ? MOST_CHANNELS : LANES;
  Correlation correlation{.inputs = nullptr,
                          .deltas = deltas + point * out_stride + group * GROUP * tiles,
                          .tiles = tiles,
                          .gradients = gradients,
                          .first = first};
  for (std::int64_t block = 0; block * LANES < shape.in_channels; ++block) {
    const std::int64_t rest = shape.in_channels - block * LANES;
    const Cut cut(rest < LANES ? static_cast<int>(rest) : LANES, most);
    correlation.inputs = reinterpret_cast<const float*>(inputs + point * in_stride + block * tiles);
    for (int part = 0; part < cut.parts; ++part) {
      const int size = cut.size(part);
      (members == GROUP ? PAIRS.functions[size] : SINGLES.functions[size])(correlation);
      correlation.inputs += size;
      correlation.gradients += size * members;
    }
  }
}

void accumulate_planes(const WinogradAttributes& shape, std::int64_t tiles, const Vector* inputs,
                       const Vector* deltas, Vector* gradients, bool first, std::int64_t begin,
                       std::int64_t end) {
  const std::int64_t stride = plane_stride(blocks_of(shape.out_channels) * shape.in_channels);
  const std::int64_t groups = groups_for(shape.out_channels);
  for (std::int64_t item = begin; item < end; ++item) {
    const std::int64_t point = item / groups;
    const std::int64_t group = item % groups;
    Vector* own = gradients + point * stride + group * GROUP * shape.in_channels;
    accumulate_group(shape, tiles, inputs, deltas, own, first, point, group);
  }
}

// Shared: groups of output blocks of 36 points.
void winograd_accumulate(const Call& call) {
  const auto& shape = call.as<WinogradAttributes>();
  accumulate_planes(shape, call.units, call.operand<const Vector>(0), call.operand<const Vector>(1),
                    call.operand<Vector>(2), call.first_unit == 0, call.begin, call.end);
}

// x and delta, each with other or null and coefficients or null, room for planes of `chunk` tiles' inputs and
// deltas -> planes of kernel gradients of each shard. Shared: as many items as there are shards.
void winograd_correlation(const Call& call) {
  const auto& shape = call.as<WinogradAttributes>();
  const RectifiedDescription input(call, 0, shape.rectify_input != 0);
  const RectifiedDescription delta(call, 3, shape.rectify != 0);
  auto* inputs = call.operand<Vector>(6);
  auto* deltas = call.operand<Vector>(7);
  const std::int64_t in_blocks = blocks_of(shape.in_channels);
  const std::int64_t out_blocks = blocks_of(shape.out_channels);
  const std::int64_t items = POINTS * groups_for(shape.out_channels);
  const std::int64_t size = POINTS * plane_stride(out_blocks * shape.in_channels);
  const TileRun batch(shape, 0, 0);
  const std::int64_t total = batch.rows * batch.columns * call.run->batch_images;
  for (std::int64_t shard = call.begin; shard < call.end; ++shard) {
    auto* gradients = call.operand<Vector>(8) + shard * size;
    std::int64_t tile = total * shard / call.run->shards;
    const Cut cut(static_cast<int>(total * (shard + 1) / call.run->shards - tile),
                  static_cast<int>(shape.chunk));
    for (int part = 0; part < cut.parts; ++part) {
      const int tiles = cut.size(part);
      const TileRun run(shape, tile, tiles);
      transform_input(shape, input, run, inputs, 0, in_blocks * tiles);
      transform_delta(shape, delta, run, deltas, 0, out_blocks * tiles);
      accumulate_planes(shape, tiles, inputs, deltas, gradients, part == 0, 0, items);
      tile += tiles;
    }
    if (cut.parts == 0) accumulate_planes(shape, 0, inputs, deltas, gradients, true, 0, items);
  }
}

}  // namespace pellucid::PELLUCID_ISA
