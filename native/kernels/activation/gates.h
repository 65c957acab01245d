// Activations that let a share of their input through, y = x share(x), and their derivatives.
#pragma once

#include "base/simd.h"
#include "base/vector_math.h"

namespace pellucid::PELLUCID_ISA {

// Between two bounds; a NaN stays one.
PELLUCID_INLINE Vector clipped(Vector x, float lowest, float highest) {
  const Vector above = select(x < broadcast(lowest), broadcast(lowest), x);
  return select(above > broadcast(highest), broadcast(highest), above);
}

// 0 up to -3, 1 from 3 on.
PELLUCID_INLINE Vector hard_swish_slope(Vector x) {
  const Vector between = x / 3.0F + 0.5F;
  const Vector right = select(x >= broadcast(3.0F), broadcast(1.0F), between);
  return select(x <= broadcast(-3.0F), Vector{}, right);
}

// s (1 + x (1 - s)).
PELLUCID_INLINE Vector silu_slope(Vector x) {
  const Vector s = sigmoid(x);
  return s * (1.0F + x * (1.0F - s));
}

// Phi(x) + x exp(-x^2 / 2) / sqrt(2 pi).
PELLUCID_INLINE Vector gelu_slope(Vector x) {
  const Vector density = exponential(x * x * -0.5F) * 0.398942280F;
  return normal_distribution(x) + x * density;
}

// u of GELU's approximation, x cut off where tanh(u) is 1 by far.
PELLUCID_INLINE Vector tanh_argument(Vector x) {
  const Vector inside = clipped(x, -20.0F, 20.0F);
  return 0.797884561F * (inside + 0.044715F * inside * inside * inside);
}

// s + 2 x s (1 - s) du/dx with s = sigmoid(2 u).
PELLUCID_INLINE Vector gelu_tanh_slope(Vector x) {
  const Vector inside = clipped(x, -20.0F, 20.0F);
  const Vector slope = 0.797884561F * (1.0F + 3.0F * 0.044715F * inside * inside);
  const Vector s = sigmoid(2.0F * tanh_argument(x));
  return s + 2.0F * x * s * (1.0F - s) * slope;
}

// t = tanh(log(1 + exp(x))) = n / (n + 2), n = e (e + 2), e = exp(x); 1 from 20 on.
PELLUCID_INLINE Vector mish_share(Vector x) {
  const Vector e = exponential(select(x > broadcast(20.0F), broadcast(20.0F), x));
  const Vector n = e * (e + 2.0F);
  return n / (n + 2.0F);
}

// t + x (1 - t^2) sigmoid(x).
PELLUCID_INLINE Vector mish_slope(Vector x) {
  const Vector t = mish_share(x);
  return t + x * (1.0F - t * t) * sigmoid(x);
}

}  // namespace pellucid::PELLUCID_ISA
