// filtered_gradients: input (padded), output gradient, kernels at the points, groups, connections, the same
// two with the roles of the maps exchanged, room for a strip's points of the input and of the output -> sums
// of the kernels at the points, (weights, lanes), to which it adds, unless null, and gradient of the padded
// input, unless null.
#include "base/simd.h"
#include "kernels/convolution/filtering.h"
#include "kernels/convolution/passes.h"
#include "kernels/declarations.h"

namespace pellucid::PELLUCID_ISA {
namespace {

// B u of a strip into the input's gradient. Neighbouring patches share PATCH - OUTPUTS cells, to which the
// earlier one has given its part.
template <int OUTPUTS>
PELLUCID_INLINE void scatter_strip(const FilteringAttributes& shape, const Strip& strip, const Vector* points,
                                   Vector* gradient) {
  const std::int64_t stride = shape.in_channels * strip.count * shape.in_height;
  for (std::int64_t channel = 0; channel < shape.in_channels; ++channel) {
    Vector* map = gradient + channel * shape.in_height * shape.in_width;
    const auto visit = [&](std::int64_t patch, std::int64_t row, std::int64_t place) {
      Vector at_points[PATCH];
      PELLUCID_UNROLL
      for (int point = 0; point < PATCH; ++point) at_points[point] = points[point * stride + place];
      Vector cells[PATCH];
      to_inputs(at_points, cells);
      const std::int64_t column = patch * OUTPUTS;
      const std::int64_t inside = shape.in_width - column;
      Vector* to = map + row * shape.in_width + column;
      PELLUCID_UNROLL
      for (int i = 0; i < PATCH; ++i) {
        if (i >= inside) break;
        to[i] = patch > 0 && i < PATCH - OUTPUTS ? to[i] + cells[i] : cells[i];
      }
    };
    for_each_patch(strip, channel, shape.in_height, visit);
  }
}

}  // namespace

void filtered_gradients(const Call& call) {
  const auto& shape = call.as<FilteringAttributes>();
  const auto* input = call.operand<const Vector>(0);
  auto* points = call.operand<Vector>(7);
  auto* deltas = call.operand<Vector>(8);
  auto* sums = call.operand<Vector>(9);
  auto* input_gradient = call.operand<Vector>(10);
  with_outputs(shape, [&]<int OUTPUTS> {
    for_each_strip<OUTPUTS>(shape, [&](const Strip& strip) {
      const ConvolutionAttributes at_points = points_of(shape, strip);
      transform_strip<OUTPUTS, OUTPUTS>(output_of(shape), strip, call.operand<const Vector>(1), deltas);
      if (sums != nullptr) {
        transform_strip<PATCH, OUTPUTS>(input_of(shape), strip, input, points);
        const GradientRows gradient = {.first = deltas,
                                       .rows = static_cast<int>(strip.count),
                                       .plane = static_cast<int>(strip.count * shape.out_height)};
        add_weight_gradient(at_points, points, gradient, call.operand<const ConnectionGroup>(3),
                            call.operand<const Connection>(4), sums);
      }
      if (input_gradient != nullptr) {
        scatter_rows(at_points, deltas, call.operand<const float>(2), call.operand<const ConnectionGroup>(5),
                     call.operand<const Connection>(6), points);
        scatter_strip<OUTPUTS>(shape, strip, points, input_gradient);
      }
    });
  });
}

}  // namespace pellucid::PELLUCID_ISA
