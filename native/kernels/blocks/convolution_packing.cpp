// pack_kernels: kernels as the layer has them, scale or null, connections or null, groups, sources, taps ->
// packed kernels (kernels/blocks/convolution.h), of the listed taps, times the scale of their output channel.
#include "base/simd.h"
#include "base/transpose.h"
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

  // Of one of the layer's output channels.
  [[nodiscard]] PELLUCID_INLINE float factor_of(std::int64_t channel) const {
    return scale != nullptr ? scale[channel] : 1.0F;
  }

  void source(const OutputGroup& group, const SourceEntry& source, float* packed) const {
    const bool whole = is_whole(group);
    if (whole && shape.transposed != 0) {
      rows_of_inputs(group, source, packed);
    } else if (whole && source.count == LANES && takes_all_taps()) {
      squares(group, source, packed);
    } else {
      one_by_one(group, source, packed);
    }
  }

  // Whether every lane of the group holds a channel that is connected with all that it could be.
  [[nodiscard]] bool is_whole(const OutputGroup& group) const {
    const std::int64_t channels = shape.transposed != 0 ? shape.in_channels : shape.out_channels;
    return kernels.connections == nullptr && shape.channel_groups == 1 &&
           (group.first + group.vectors) * LANES <= channels;
  }

  [[nodiscard]] bool takes_all_taps() const {
    if (shape.taps != shape.kernel_taps) return false;
    for (std::int64_t t = 0; t < shape.taps; ++t) {
      if (taps[t] != t) return false;
    }
    return true;
  }

  // Turned round, neighbouring lanes are neighbouring inputs of one output.
  void rows_of_inputs(const OutputGroup& group, const SourceEntry& source, float* packed) const {
    auto* to = reinterpret_cast<Vector*>(packed);
    for (std::int64_t t = 0; t < shape.taps; ++t) {
      for (std::int64_t c = 0; c < source.count; ++c) {
        const float* from = weights + kernels.of(source.channel + c).of(group.first * LANES) + taps[t];
        const Vector factor = broadcast(factor_of(source.channel + c));
        for (int v = 0; v < group.vectors; ++v, from += LANES * shape.kernel_taps) {
          *to++ = every(from, shape.kernel_taps) * factor;
        }
      }
    }
  }

  PELLUCID_INLINE static Vector every(const float* from, std::int64_t step) {
    if (step == 1) return load(from);
    Vector values;
    PELLUCID_UNROLL
    for (int lane = 0; lane < LANES; ++lane) values[lane] = from[lane * step];
    return values;
  }

  // Each output has the kernels of a block of inputs in a row: as many of its weights as there are lanes are
  // turned over together with those of the vector's other outputs.
  void squares(const OutputGroup& group, const SourceEntry& source, float* packed) const {
    const std::int64_t apart = shape.in_channels * shape.taps;
    for (int v = 0; v < group.vectors; ++v) {
      const std::int64_t first = (group.first + v) * LANES;
      const float* from = weights + kernels.of(first).of(source.channel);
      const Vector factor = scale != nullptr ? load(scale + first) : broadcast(1.0F);
      auto* to = reinterpret_cast<Vector*>(packed) + v;
      std::int64_t channel = 0;
      std::int64_t tap = 0;
      for (std::int64_t part = 0; part < shape.taps; ++part, from += LANES) {
        Vector rows[LANES];
        PELLUCID_UNROLL
        for (int lane = 0; lane < LANES; ++lane) rows[lane] = load(from + lane * apart);
        transpose(rows);
        PELLUCID_UNROLL
        for (const Vector& column : rows) {
          to[(tap * LANES + channel) * group.vectors] = column * factor;
          if (++tap == shape.taps) {
            tap = 0;
            ++channel;
          }
        }
      }
    }
  }

  void one_by_one(const OutputGroup& group, const SourceEntry& source, float* packed) const {
    const std::int64_t row = group.vectors * LANES;
    const std::int64_t first = group.first * LANES;
    const std::int64_t step = source.count * row;
    if (shape.transposed != 0) {
      for (std::int64_t c = 0; c < source.count; ++c) {
        const OutputKernels output = kernels.of(source.channel + c);
        for (std::int64_t lane = 0; lane < row; ++lane) {
          const std::int64_t from = first + lane < shape.in_channels ? output.of(first + lane) : -1;
          kernel(from, factor_of(source.channel + c), packed + c * row + lane, step);
        }
      }
      return;
    }
    for (std::int64_t lane = 0; lane < row; ++lane) {
      const bool exists = first + lane < shape.out_channels;
      const OutputKernels output = kernels.of(exists ? first + lane : 0);
      const float factor = exists ? factor_of(first + lane) : 1.0F;
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
