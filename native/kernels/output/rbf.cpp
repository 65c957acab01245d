// Radial basis functions: y[o] = -sum_i (x[i] - p[o,i])^2, the batch in the lanes.
#include "base/simd.h"
#include "kernels/declarations.h"

namespace pellucid::PELLUCID_ISA {

// rbf_output: x, prototypes (out, in) -> y.
void rbf_output(const Call& call) {
  const auto& shape = call.as<LinearAttributes>();
  const auto* x = call.operand<const Vector>(0);
  const auto* prototypes = call.operand<const float>(1);
  auto* y = call.operand<Vector>(2);
  for (int o = 0; o < shape.out_features; ++o) {
    Vector sum = {};
    for (int i = 0; i < shape.in_features; ++i) {
      const Vector distance = x[i] - broadcast(prototypes[o * shape.in_features + i]);
      sum += distance * distance;
    }
    y[o] = -sum;
  }
}

// rbf_input_gradient: delta, x, prototypes -> dx[i] = sum_o -2 (x[i] - p[o,i]) delta[o].
void rbf_input_gradient(const Call& call) {
  const auto& shape = call.as<LinearAttributes>();
  const auto* gradient = call.operand<const Vector>(0);
  const auto* x = call.operand<const Vector>(1);
  const auto* prototypes = call.operand<const float>(2);
  auto* out = call.operand<Vector>(3);
  for (int i = 0; i < shape.in_features; ++i) {
    Vector sum = {};
    for (int o = 0; o < shape.out_features; ++o) {
      sum += (x[i] - broadcast(prototypes[o * shape.in_features + i])) * gradient[o];
    }
    out[i] = sum * -2.0F;
  }
}

}  // namespace pellucid::PELLUCID_ISA
