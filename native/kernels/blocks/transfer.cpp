// Between channel blocks, (images, channel blocks, positions, lanes), and the other forms of an array. Lanes
// without a channel hold zeros.
#include "base/simd.h"
#include "kernels/declarations.h"
#include "kernels/transfer/scatter.h"

namespace pellucid::PELLUCID_ISA {
namespace {

// Channels in one block: all lanes but in the last.
PELLUCID_INLINE int lanes_used(std::int64_t channels, std::int64_t block) {
  const std::int64_t rest = channels - block * LANES;
  return static_cast<int>(rest < LANES ? rest : LANES);
}

template <typename Source>
PELLUCID_INLINE void gather_blocks(const Call& call) {
  const auto& shape = call.as<BlockGatherAttributes>();
  const auto* from = call.operand<const Source>(0);
  const auto* indices = call.operand<const std::int64_t>(1);
  auto* to = call.operand<float>(2);
  const auto scale = static_cast<float>(shape.scale);
  const std::int64_t blocks = blocks_of(shape.channels);
  for (std::int64_t item = call.begin; item < call.end; ++item) {
    const std::int64_t position = call.run->first_index + item / blocks;
    const std::int64_t image = indices != nullptr ? indices[position] : position;
    const std::int64_t block = item % blocks;
    const Source* planes = from + (image * shape.channels + block * LANES) * shape.positions;
    const int used = lanes_used(shape.channels, block);
    float* cells = to + item * shape.positions * LANES;
    for (std::int64_t p = 0; p < shape.positions; ++p) {
      for (int lane = 0; lane < LANES; ++lane) {
        const Source* cell = planes + lane * shape.positions + p;
        cells[p * LANES + lane] = lane < used ? static_cast<float>(*cell) * scale : 0.0F;
      }
    }
  }
}

}  // namespace

// blocks_gather_bytes: images (uint8), indices or null -> blocks, times scale. Shared: blocks of all images.
void blocks_gather_bytes(const Call& call) {
  gather_blocks<std::uint8_t>(call);
}

// blocks_gather_floats: images (float), indices or null -> blocks, times scale.
void blocks_gather_floats(const Call& call) {
  gather_blocks<float>(call);
}

// blocks_scatter: blocks -> arrays (float). Shared: stripes of all images, in each stripe all blocks, of
// which the last may be less work.
void blocks_scatter(const Call& call) {
  const auto& shape = call.as<BlockScatterAttributes>();
  const auto* from = call.operand<const float>(0);
  auto* to = call.operand<float>(1);
  const std::int64_t blocks = blocks_of(shape.channels);
  for (std::int64_t item = call.begin; item < call.end; ++item) {
    const std::int64_t block = item % blocks;
    const std::int64_t stripe = item / blocks % shape.stripes;
    const std::int64_t image = item / (blocks * shape.stripes);
    const std::int64_t first = shape.positions * stripe / shape.stripes;
    const std::int64_t last = shape.positions * (stripe + 1) / shape.stripes;
    const float* cells = from + ((image * blocks + block) * shape.positions + first) * LANES;
    const std::int64_t plane = (call.run->first_index + image) * shape.channels + block * LANES;
    float* planes = to + plane * shape.positions + first;
    scatter_lanes(cells, last - first, lanes_used(shape.channels, block), planes, shape.positions);
  }
}

// lanes_from_blocks: blocks -> tile (channels, positions, lanes), zero in lanes without an image.
void lanes_from_blocks(const Call& call) {
  const auto& shape = call.as<ChannelAttributes>();
  const auto* from = call.operand<const float>(0);
  auto* to = call.operand<float>(1);
  const std::int64_t image_size = blocks_of(shape.channels) * shape.positions * LANES;
  for (std::int64_t channel = 0; channel < shape.channels; ++channel) {
    const float* cells =
        from + call.first_image * image_size + channel / LANES * shape.positions * LANES + channel % LANES;
    float* tile = to + channel * shape.positions * LANES;
    for (std::int64_t p = 0; p < shape.positions; ++p) {
      for (int lane = 0; lane < LANES; ++lane) {
        const bool used = lane < call.images;
        tile[p * LANES + lane] = used ? cells[lane * image_size + p * LANES] : 0.0F;
      }
    }
  }
}

// blocks_from_lanes: tile (channels, positions, lanes) -> blocks of the tile's images.
void blocks_from_lanes(const Call& call) {
  const auto& shape = call.as<ChannelAttributes>();
  const auto* from = call.operand<const float>(0);
  const std::int64_t blocks = blocks_of(shape.channels);
  const std::int64_t image_size = blocks * shape.positions * LANES;
  auto* to = call.operand<float>(1) + call.first_image * image_size;
  for (std::int64_t image = 0; image < call.images; ++image) {
    for (std::int64_t channel = 0; channel < blocks * LANES; ++channel) {
      const float* tile = from + channel * shape.positions * LANES + image;
      float* cells = to + image * image_size + channel / LANES * shape.positions * LANES + channel % LANES;
      const bool used = channel < shape.channels;
      for (std::int64_t p = 0; p < shape.positions; ++p) cells[p * LANES] = used ? tile[p * LANES] : 0.0F;
    }
  }
}

// blocks_flatten: blocks -> blocks of (channels x positions) features in the order (channels, positions).
// Shared: images.
void blocks_flatten(const Call& call) {
  const auto& shape = call.as<ChannelAttributes>();
  const std::int64_t features = shape.channels * shape.positions;
  const std::int64_t row = blocks_of(features) * LANES;
  const std::int64_t image_size = blocks_of(shape.channels) * shape.positions * LANES;
  for (std::int64_t image = call.begin; image < call.end; ++image) {
    const float* from = call.operand<const float>(0) + image * image_size;
    float* to = call.operand<float>(1) + image * row;
    for (std::int64_t channel = 0; channel < shape.channels; ++channel) {
      const float* cells = from + channel / LANES * shape.positions * LANES + channel % LANES;
      for (std::int64_t p = 0; p < shape.positions; ++p) to[channel * shape.positions + p] = cells[p * LANES];
    }
    for (std::int64_t i = features; i < row; ++i) to[i] = 0.0F;
  }
}

// blocks_unflatten: the inverse of blocks_flatten. Shared: images.
void blocks_unflatten(const Call& call) {
  const auto& shape = call.as<ChannelAttributes>();
  const std::int64_t row = blocks_of(shape.channels * shape.positions) * LANES;
  const std::int64_t padded = blocks_of(shape.channels) * LANES;
  for (std::int64_t image = call.begin; image < call.end; ++image) {
    const float* from = call.operand<const float>(0) + image * row;
    float* to = call.operand<float>(1) + image * padded * shape.positions;
    for (std::int64_t channel = 0; channel < padded; ++channel) {
      float* cells = to + channel / LANES * shape.positions * LANES + channel % LANES;
      for (std::int64_t p = 0; p < shape.positions; ++p) {
        cells[p * LANES] = channel < shape.channels ? from[channel * shape.positions + p] : 0.0F;
      }
    }
  }
}

}  // namespace pellucid::PELLUCID_ISA
