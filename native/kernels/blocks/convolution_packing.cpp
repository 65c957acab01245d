// pack_kernels: kernels as the layer has them, scale or null, connections or null, groups, sources, taps ->
// packed kernels (kernels/blocks/convolution.h), of the listed taps, times the scale of their output channel.
#include "base/simd.h"
#include "kernels/blocks/convolution.h"
#include "kernels/blocks/convolution_kernels.h"
#include "kernels/declarations.h"

namespace pellucid::PELLUCID_ISA {

// Shared: groups of output vectors.
void pack_kernels(const Call& call) {
  const auto& shape = call.as<KernelPackingAttributes>();
  const auto* weights = call.operand<const float>(0);
  const auto* scale = call.operand<const float>(1);
  const auto* groups = call.operand<const OutputGroup>(3);
  const auto* sources = call.operand<const SourceEntry>(4);
  const auto* taps = call.operand<const std::int32_t>(5);
  const LayerKernels kernels = {call.operand<const std::int32_t>(2), shape.in_channels,
                                shape.in_channels / shape.channel_groups,
                                shape.out_channels / shape.channel_groups, shape.kernel_taps};
  const bool transposed = shape.transposed != 0;
  const std::int64_t channels = transposed ? shape.in_channels : shape.out_channels;
  for (std::int64_t g = call.begin; g < call.end; ++g) {
    const OutputGroup& group = groups[g];
    const std::int64_t row = group.vectors * LANES;
    for (std::int64_t s = group.first_source; s < group.first_source + group.sources; ++s) {
      const SourceEntry& source = sources[s];
      float* packed = call.operand<float>(6) + static_cast<std::int64_t>(source.weights) * LANES;
      for (std::int64_t lane = 0; lane < row; ++lane) {
        const std::int64_t own = group.first * LANES + lane;
        const float factor = scale != nullptr && own < channels ? scale[own] : 1.0F;
        for (std::int64_t c = 0; c < source.count; ++c) {
          const std::int64_t other = source.channel + c;
          std::int64_t kernel = -1;
          if (own < channels) kernel = transposed ? kernels.of(other, own) : kernels.of(own, other);
          for (std::int64_t t = 0; t < shape.taps; ++t) {
            const float weight = kernel < 0 ? 0.0F : weights[kernel + taps[t]] * factor;
            packed[(t * source.count + c) * row + lane] = weight;
          }
        }
      }
    }
  }
}

}  // namespace pellucid::PELLUCID_ISA
