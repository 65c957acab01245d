// pack_kernels: kernels as the layer has them, scale or null, connections or null, groups, sources, taps ->
// packed kernels (kernels/blocks/convolution.h), of the listed taps, times the scale of their output channel.
#include "base/simd.h"
#include "kernels/blocks/convolution.h"
#include "kernels/blocks/convolution_kernels.h"
#include "kernels/declarations.h"

namespace pellucid::PELLUCID_ISA {
namespace {

struct Packing {
  const KernelPackingAttributes& shape;
  const LayerKernels kernels;
  const float* weights;
  const float* scale;
  const std::int32_t* taps;

  // One kernel's weights, `step` apart; zeros where there is none.
  PELLUCID_INLINE void kernel(std::int64_t from, float factor, float* to, std::int64_t step) const {
    for (std::int64_t t = 0; t < shape.taps; ++t) {
      to[t * step] = from < 0 ? 0.0F : weights[from + taps[t]] * factor;
    }
  }

  void source(const OutputGroup& group, const SourceEntry& source, float* packed) const {
    const std::int64_t row = group.vectors * LANES;
    const std::int64_t first = group.first * LANES;
    const std::int64_t step = source.count * row;
    if (shape.transposed != 0) {
      for (std::int64_t c = 0; c < source.count; ++c) {
        const OutputKernels output = kernels.of(source.channel + c);
        for (std::int64_t lane = 0; lane < row; ++lane) {
          const std::int64_t from = first + lane < shape.in_channels ? output.of(first + lane) : -1;
          kernel(from, 1.0F, packed + c * row + lane, step);
        }
      }
      return;
    }
    for (std::int64_t lane = 0; lane < row; ++lane) {
      const bool exists = first + lane < shape.out_channels;
      const OutputKernels output = kernels.of(exists ? first + lane : 0);
      const float factor = scale != nullptr && exists ? scale[first + lane] : 1.0F;
      for (std::int64_t c = 0; c < source.count; ++c) {
        kernel(exists ? output.of(source.channel + c) : -1, factor, packed + c * row + lane, step);
      }
    }
  }
};

}  // namespace

// Shared: groups of output vectors.
void pack_kernels(const Call& call) {
  const auto& shape = call.as<KernelPackingAttributes>();
  const auto* groups = call.operand<const OutputGroup>(3);
  const auto* sources = call.operand<const SourceEntry>(4);
  const Packing packing = {shape,
                           {call.operand<const std::int32_t>(2), shape.in_channels, shape.out_channels,
                            shape.channel_groups, shape.kernel_taps},
                           call.operand<const float>(0),
                           call.operand<const float>(1),
                           call.operand<const std::int32_t>(5)};
  for (std::int64_t g = call.begin; g < call.end; ++g) {
    const OutputGroup& group = groups[g];
    for (std::int64_t s = group.first_source; s < group.first_source + group.sources; ++s) {
      float* packed = call.operand<float>(6) + static_cast<std::int64_t>(sources[s].weights) * LANES;
      packing.source(group, sources[s], packed);
    }
  }
}

}  // namespace pellucid::PELLUCID_ISA
