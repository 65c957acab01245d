// Kernels of a depthwise convolution, (channels, taps) as the layer has them, and packed as (blocks, taps,
// lanes).
#include "base/simd.h"
#include "kernels/blocks/description.h"
#include "kernels/declarations.h"

namespace pellucid::PELLUCID_ISA {

// pack_depthwise_kernels: kernels, scale or null, the tap to put at each place -> packed kernels, times the
// scale of their channel; zeros where a block has no channel.
//
// Shared: blocks.
void pack_depthwise_kernels(const Call& call) {
  const auto& shape = call.as<DepthwiseWeightsAttributes>();
  const auto* kernels = call.operand<const float>(0);
  const auto* scale = call.operand<const float>(1);
  const auto* taps = call.operand<const std::int32_t>(2);
  for (std::int64_t block = call.begin; block < call.end; ++block) {
    float* packed = call.operand<float>(3) + block * shape.taps * LANES;
    for (std::int64_t lane = 0; lane < LANES; ++lane) {
      const std::int64_t channel = block * LANES + lane;
      const bool exists = channel < shape.channels;
      const float factor = scale != nullptr && exists ? scale[channel] : 1.0F;
      for (std::int64_t t = 0; t < shape.taps; ++t) {
        packed[t * LANES + lane] = exists ? kernels[channel * shape.taps + taps[t]] * factor : 0.0F;
      }
    }
  }
}

// depthwise_weight_gradient: totals of blocks_depthwise_gradient -> gradient of the kernels.
//
// Shared: blocks.
void depthwise_weight_gradient(const Call& call) {
  const auto& shape = call.as<DepthwiseWeightsAttributes>();
  const auto* totals = call.operand<const double>(0);
  auto* gradient = call.operand<float>(1);
  const std::int64_t block_values = shape.taps * LANES;
  const std::int64_t part_values = blocks_of(shape.channels) * block_values;
  for (std::int64_t block = call.begin; block < call.end; ++block) {
    for (std::int64_t lane = 0; lane < LANES; ++lane) {
      const std::int64_t channel = block * LANES + lane;
      if (channel >= shape.channels) break;
      for (std::int64_t tap = 0; tap < shape.taps; ++tap) {
        double sum = 0;
        for (std::int64_t part = 0; part < shape.parts; ++part) {
          sum += totals[part * part_values + block * block_values + tap * LANES + lane];
        }
        gradient[channel * shape.taps + tap] = static_cast<float>(sum);
      }
    }
  }
}

}  // namespace pellucid::PELLUCID_ISA
