// Activations cell by cell, the batch or neighbouring channels in the lanes. Derivatives are formed from the
// output, so that no pre-activation has to be kept, wherever the output says enough.
#include "kernels/activation/activation.h"

#include "base/simd.h"
#include "base/vector_math.h"
#include "isa/rectified.h"
#include "kernels/activation/gates.h"
#include "kernels/declarations.h"

namespace pellucid::PELLUCID_ISA {
namespace {

template <typename Function>
PELLUCID_INLINE void map_cells(std::int64_t cells, const Vector* x, Vector* y, Function function) {
  for (std::int64_t cell = 0; cell < cells; ++cell) y[cell] = function(x[cell]);
}

template <typename Function>
PELLUCID_INLINE void map_cells(std::int64_t cells, const Vector* y, const Vector* gradient, Vector* out,
                               Function function) {
  for (std::int64_t cell = 0; cell < cells; ++cell) out[cell] = function(y[cell], gradient[cell]);
}

void write_output(const ActivationAttributes& shape, std::int64_t cells, const Vector* x, Vector* y) {
  const auto amplitude = static_cast<float>(shape.amplitude);
  const auto slope = static_cast<float>(shape.slope);
  switch (static_cast<ActivationKind>(shape.kind)) {
    case ActivationKind::relu:  // written so that a NaN stays one
      return map_cells(cells, x, y, [](Vector v) { return rectified(v); });
    case ActivationKind::leaky_relu:
      return map_cells(cells, x, y, [=](Vector v) { return select(v < Vector{}, v * slope, v); });
    case ActivationKind::sigmoid:
      return map_cells(cells, x, y, [](Vector v) { return sigmoid(v); });
    case ActivationKind::scaled_tanh:
      return map_cells(cells, x, y, [=](Vector v) { return amplitude * hyperbolic_tangent(v * slope); });
    case ActivationKind::elu:
      return map_cells(cells, x, y, [=](Vector v) {
        return select(v < Vector{}, amplitude * exponential_minus_one(v), v);
      });
    case ActivationKind::softplus:
      return map_cells(cells, x, y, [](Vector v) { return softplus(v); });
    case ActivationKind::scaled_elu:
      return map_cells(cells, x, y, [=](Vector v) {
        return select(v < Vector{}, amplitude * exponential_minus_one(v), slope * v);
      });
    case ActivationKind::clip:
      return map_cells(cells, x, y, [=](Vector v) { return clipped(v, amplitude, slope); });
    case ActivationKind::hard_sigmoid:
      return map_cells(cells, x, y, [=](Vector v) { return clipped(v * slope + amplitude, 0.0F, 1.0F); });
    case ActivationKind::hard_swish:
      return map_cells(cells, x, y, [](Vector v) { return v * clipped(v / 6.0F + 0.5F, 0.0F, 1.0F); });
    case ActivationKind::silu:
      return map_cells(cells, x, y, [](Vector v) { return v * sigmoid(v); });
    case ActivationKind::gelu:
      return map_cells(cells, x, y, [](Vector v) { return v * normal_distribution(v); });
    case ActivationKind::gelu_tanh:
      return map_cells(cells, x, y, [](Vector v) { return v * sigmoid(2.0F * tanh_argument(v)); });
    case ActivationKind::mish:
      return map_cells(cells, x, y, [](Vector v) { return v * mish_share(v); });
  }
}

// The rules other than `gradient` are defined for ReLU. y: the output, or the input of those that need it.
void write_gradient(const ActivationAttributes& shape, std::int64_t cells, const Vector* gradient,
                    const Vector* y, Vector* out) {
  const auto amplitude = static_cast<float>(shape.amplitude);
  const auto slope = static_cast<float>(shape.slope);
  switch (static_cast<BackwardRule>(shape.rule)) {
    case BackwardRule::guided:
      return map_cells(cells, y, gradient, out,
                       [](Vector v, Vector d) { return keep_where((v > Vector{}) & (d > Vector{}), d); });
    case BackwardRule::deconvnet:
      return map_cells(cells, y, gradient, out, [](Vector, Vector d) { return keep_where(d > Vector{}, d); });
    case BackwardRule::gradient:
      break;
  }
  switch (static_cast<ActivationKind>(shape.kind)) {
    case ActivationKind::relu:
      return map_cells(cells, y, gradient, out,
                       [](Vector v, Vector d) { return keep_where(v > Vector{}, d); });
    case ActivationKind::leaky_relu:
      return map_cells(cells, y, gradient, out,
                       [=](Vector v, Vector d) { return select(v > Vector{}, d, d * slope); });
    case ActivationKind::sigmoid:
      return map_cells(cells, y, gradient, out, [](Vector v, Vector d) { return d * v * (1.0F - v); });
    case ActivationKind::scaled_tanh:
      // A S (1 - tanh^2), keeping its digits where y is almost A.
      return map_cells(cells, y, gradient, out, [=](Vector v, Vector d) {
        return d * (slope / amplitude) * (amplitude - v) * (amplitude + v);
      });
    case ActivationKind::elu:
      return map_cells(cells, y, gradient, out,
                       [=](Vector v, Vector d) { return select(v > Vector{}, d, d * (v + amplitude)); });
    case ActivationKind::softplus:  // sigmoid(x) = 1 - exp(-y)
      return map_cells(cells, y, gradient, out,
                       [](Vector v, Vector d) { return d * -exponential_minus_one(-v); });
    case ActivationKind::scaled_elu:
      return map_cells(cells, y, gradient, out, [=](Vector v, Vector d) {
        return select(v > Vector{}, d * slope, d * (v + amplitude));
      });
    case ActivationKind::clip:
      return map_cells(cells, y, gradient, out, [=](Vector v, Vector d) {
        return keep_where((v > broadcast(amplitude)) & (v < broadcast(slope)), d);
      });
    case ActivationKind::hard_sigmoid:
      return map_cells(cells, y, gradient, out, [=](Vector v, Vector d) {
        return keep_where((v > Vector{}) & (v < broadcast(1.0F)), d * slope);
      });
    case ActivationKind::hard_swish:
      return map_cells(cells, y, gradient, out, [](Vector v, Vector d) { return d * hard_swish_slope(v); });
    case ActivationKind::silu:
      return map_cells(cells, y, gradient, out, [](Vector v, Vector d) { return d * silu_slope(v); });
    case ActivationKind::gelu:
      return map_cells(cells, y, gradient, out, [](Vector v, Vector d) { return d * gelu_slope(v); });
    case ActivationKind::gelu_tanh:
      return map_cells(cells, y, gradient, out, [](Vector v, Vector d) { return d * gelu_tanh_slope(v); });
    case ActivationKind::mish:
      return map_cells(cells, y, gradient, out, [](Vector v, Vector d) { return d * mish_slope(v); });
  }
}

// Whether f(0) is another number than 0, which lanes without a channel must not hold.
PELLUCID_INLINE bool moves_zero(const ActivationAttributes& shape) {
  switch (static_cast<ActivationKind>(shape.kind)) {
    case ActivationKind::sigmoid:
    case ActivationKind::softplus:
    case ActivationKind::hard_sigmoid:
      return true;
    case ActivationKind::clip:
      return shape.amplitude > 0 || shape.slope < 0;
    default:
      return false;
  }
}

}  // namespace

// activation_output: x -> y. `amplitude` is A of A tanh(S x), ELU's alpha (times SELU's scale), a hard
// sigmoid's offset or the lower bound of a clip; `slope` is S, LeakyReLU's slope, SELU's scale, a hard
// sigmoid's slope or the upper bound.
void activation_output(const Call& call) {
  const auto& shape = call.as<ActivationAttributes>();
  write_output(shape, shape.channels * shape.positions, call.operand<const Vector>(0),
               call.operand<Vector>(1));
}

// activation_gradient: delta, y or x -> dx.
void activation_gradient(const Call& call) {
  const auto& shape = call.as<ActivationAttributes>();
  write_gradient(shape, shape.channels * shape.positions, call.operand<const Vector>(0),
                 call.operand<const Vector>(1), call.operand<Vector>(2));
}

// blocks_activation_output: x -> y. Shared: blocks of all images.
void blocks_activation_output(const Call& call) {
  const auto& shape = call.as<ActivationAttributes>();
  const std::int64_t first = call.begin * shape.positions;
  auto* y = call.operand<Vector>(1);
  write_output(shape, call.end * shape.positions - first, call.operand<const Vector>(0) + first, y + first);
  if (shape.channels % LANES == 0 || !moves_zero(shape)) return;
  const Integers used = valid_lanes(shape.channels % LANES);
  const std::int64_t blocks = blocks_of(shape.channels);
  for (std::int64_t item = call.begin; item < call.end; ++item) {
    if (item % blocks != blocks - 1) continue;
    Vector* cells = y + item * shape.positions;
    for (std::int64_t p = 0; p < shape.positions; ++p) cells[p] = keep_where(used, cells[p]);
  }
}

// blocks_activation_gradient: delta, y or x -> dx. Shared: blocks of all images.
void blocks_activation_gradient(const Call& call) {
  const auto& shape = call.as<ActivationAttributes>();
  const std::int64_t first = call.begin * shape.positions;
  write_gradient(shape, call.end * shape.positions - first, call.operand<const Vector>(0) + first,
                 call.operand<const Vector>(1) + first, call.operand<Vector>(2) + first);
}

// rectifier_gradient: delta, y -> dx of a ReLU and, unless null, the sum of each channel's dx, added to sums:
// the gradient of a bias before the ReLU.
void rectifier_gradient(const Call& call) {
  const auto& shape = call.as<ChannelAttributes>();
  const auto* gradient = call.operand<const Vector>(0);
  const auto* y = call.operand<const Vector>(1);
  auto* out = call.operand<Vector>(2);
  auto* sums = call.operand<Vector>(3);
  constexpr int PARTS = 4;  // sums that do not wait for one another
  for (std::int64_t channel = 0; channel < shape.channels; ++channel) {
    Vector part[PARTS] = {};
    const auto pass = [&](std::int64_t cell, Vector& sum) {
      out[cell] = keep_where(y[cell] > Vector{}, gradient[cell]);
      sum += out[cell];
    };
    std::int64_t cell = channel * shape.positions;
    const std::int64_t end = cell + shape.positions;
    for (; cell + PARTS <= end; cell += PARTS) {
      PELLUCID_UNROLL
      for (int i = 0; i < PARTS; ++i) pass(cell + i, part[i]);
    }
    for (; cell < end; ++cell) pass(cell, part[0]);
    if (sums != nullptr) sums[channel] += (part[0] + part[1]) + (part[2] + part[3]);
  }
}

}  // namespace pellucid::PELLUCID_ISA
