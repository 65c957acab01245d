// filtered_output: input (padded), kernels at the points, bias or null, groups, connections, room for a
// strip's points of the input and of the output -> output, after a ReLU where `rectify` is set, and, unless
// null, winners. Where `pooled` is set it is the maxima of two by two outputs that are written.
#include "base/simd.h"
#include "isa/rectified.h"
#include "kernels/convolution/filtering.h"
#include "kernels/convolution/passes.h"
#include "kernels/declarations.h"
#include "kernels/pooling/maximum.h"

namespace pellucid::PELLUCID_ISA {
namespace {

// One output map of a strip.
struct OutputMap {
  const Vector* products;  // of the first point
  std::int64_t stride;     // from one point to the next
  Vector bias;
  bool rectify;
  Vector* y;
  Integers* winners;
};

// The outputs of one patch, plus bias.
template <int OUTPUTS>
PELLUCID_INLINE void transform_outputs(const OutputMap& map, std::int64_t place, Vector (&outputs)[OUTPUTS]) {
  Vector points[PATCH];
  PELLUCID_UNROLL
  for (int point = 0; point < PATCH; ++point) points[point] = map.products[point * map.stride + place];
  if constexpr (OUTPUTS == 4) {
    to_outputs(points, outputs, 1);
  } else {
    to_pair(points, outputs);
  }
  PELLUCID_UNROLL
  for (int i = 0; i < OUTPUTS; ++i) outputs[i] += map.bias;
}

template <int OUTPUTS>
PELLUCID_INLINE void write_map(const FilteringAttributes& shape, const Strip& strip, const OutputMap& map) {
  const auto visit = [&](std::int64_t patch, std::int64_t row, std::int64_t place) {
    Vector outputs[OUTPUTS];
    transform_outputs(map, place, outputs);
    const std::int64_t column = patch * OUTPUTS;
    Vector* to = map.y + row * shape.out_width + column;
    PELLUCID_UNROLL
    for (int i = 0; i < OUTPUTS; ++i) {
      const Vector y = map.rectify ? rectified(outputs[i]) : outputs[i];
      if (column + i < shape.out_width) to[i] = y;
    }
  };
  for_each_patch(strip, 0, shape.out_height, visit);
}

template <int OUTPUTS>
PELLUCID_INLINE void pool_map(const FilteringAttributes& shape, const Strip& strip, const OutputMap& map) {
  const std::int64_t width = shape.out_width / 2;
  for (std::int64_t patch = 0; patch < strip.count; ++patch) {
    const std::int64_t first = (strip.first + patch) * (OUTPUTS / 2);
    for (std::int64_t row = 0; row < shape.out_height / 2; ++row) {
      const std::int64_t place = patch * shape.out_height + 2 * row;
      Vector upper[OUTPUTS];
      Vector lower[OUTPUTS];
      transform_outputs(map, place, upper);
      transform_outputs(map, place + 1, lower);
      PELLUCID_UNROLL
      for (int window = 0; window < OUTPUTS / 2; ++window) {
        if (first + window >= width) break;
        const Vector cells[4] = {upper[2 * window], upper[2 * window + 1], lower[2 * window],
                                 lower[2 * window + 1]};
        const std::int64_t out = row * width + first + window;
        Integers winner;
        if (map.rectify) {
          first_positive_maximum(cells, &map.y[out], &winner);
        } else {
          first_maximum(cells, &map.y[out], &winner);
        }
        if (map.winners != nullptr) map.winners[out] = winner;
      }
    }
  }
}

template <int OUTPUTS>
void filter(const Call& call) {
  const auto& shape = call.as<FilteringAttributes>();
  const auto* bias = call.operand<const float>(2);
  auto* inputs = call.operand<Vector>(5);
  auto* products = call.operand<Vector>(6);
  auto* y = call.operand<Vector>(7);
  auto* winners = call.operand<Integers>(8);
  const bool pooled = shape.pooled != 0;
  const std::int64_t cells =
      pooled ? (shape.out_height / 2) * (shape.out_width / 2) : shape.out_height * shape.out_width;
  for_each_strip<OUTPUTS>(shape, [&](const Strip& strip) {
    transform_strip<PATCH, OUTPUTS>(input_of(shape), strip, call.operand<const Vector>(0), inputs);
    convolve(points_of(shape, strip), inputs, call.operand<const float>(1), nullptr,
             call.operand<const ConnectionGroup>(3), call.operand<const Connection>(4), products);
    const std::int64_t plane = strip.count * shape.out_height;
    for (std::int64_t channel = 0; channel < shape.out_channels; ++channel) {
      const OutputMap map = {.products = products + channel * plane,
                             .stride = shape.out_channels * plane,
                             .bias = bias != nullptr ? broadcast(bias[channel]) : Vector{},
                             .rectify = shape.rectify != 0,
                             .y = y + channel * cells,
                             .winners = winners != nullptr ? winners + channel * cells : nullptr};
      if (pooled) {
        pool_map<OUTPUTS>(shape, strip, map);
      } else {
        write_map<OUTPUTS>(shape, strip, map);
      }
    }
  });
}

}  // namespace

void filtered_output(const Call& call) {
  with_outputs(call.as<FilteringAttributes>(), [&]<int OUTPUTS> { filter<OUTPUTS>(call); });
}

}  // namespace pellucid::PELLUCID_ISA
