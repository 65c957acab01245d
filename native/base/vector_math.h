// Exponential functions and their kin on vectors, to about one unit in the last place.
#pragma once

#include "base/simd.h"

namespace pellucid::PELLUCID_ISA {

// exp(x) = 2^n (1 + p) with n = round(x / ln 2), r = x - n ln 2 and p = exp(r) - 1 by its Taylor series.
struct Exponential {
  Vector power;     // 2^n
  Vector fraction;  // p
};

PELLUCID_INLINE Exponential split_exponential(Vector x) {
  // Beyond these the result would leave the normal floats. NaN passes.
  x = select(x < broadcast(-87.0F), broadcast(-87.0F), x);
  x = select(x > broadcast(88.7F), broadcast(88.7F), x);
  const Vector scaled = x * 1.44269504F;
  const Vector half = select(scaled > Vector{}, broadcast(0.5F), broadcast(-0.5F));
  const Integers n = __builtin_convertvector(scaled + half, Integers);
  const Vector whole = __builtin_convertvector(n, Vector);
  const Vector r = (x - whole * 0.693359375F) + whole * 2.12194440e-4F;
  Vector series = broadcast(1.0F / 5040);
  series = series * r + 1.0F / 720;
  series = series * r + 1.0F / 120;
  series = series * r + 1.0F / 24;
  series = series * r + 1.0F / 6;
  series = series * r + 0.5F;
  // 2^n in two halves, because n = 128 has no float of its own.
  const Integers lower = n >> 1;
  const Integers bias = broadcast_integer(127);
  const Vector power = vector_of((lower + bias) << 23) * vector_of((n - lower + bias) << 23);
  return {power, series * r * r + r};
}

PELLUCID_INLINE Vector exponential(Vector x) {
  const Exponential parts = split_exponential(x);
  return parts.power * parts.fraction + parts.power;
}

// exp(x) - 1 without cancellation near 0.
PELLUCID_INLINE Vector exponential_minus_one(Vector x) {
  const Exponential parts = split_exponential(x);
  return parts.power * parts.fraction + (parts.power - 1.0F);
}

PELLUCID_INLINE Vector sigmoid(Vector x) {
  return 1.0F / (1.0F + exponential(-x));
}

// tanh|x| = -e / (e + 2) with e = exp(-2|x|) - 1.
PELLUCID_INLINE Vector hyperbolic_tangent(Vector x) {
  const Vector e = exponential_minus_one(magnitude(x) * -2.0F);
  const Vector positive = -e / (e + 2.0F);
  const Integers sign = bits_of(x) & broadcast_integer(static_cast<std::int32_t>(0x80000000));
  return vector_of(bits_of(positive) | sign);
}

// log(1 + exp(x)) = max(x, 0) + log(1 + u) with u = exp(-|x|), and log(1 + u) = 2 atanh(u / (2 + u)).
PELLUCID_INLINE Vector softplus(Vector x) {
  const Vector u = exponential(-magnitude(x));
  const Vector s = u / (u + 2.0F);
  const Vector square = s * s;
  Vector series = broadcast(1.0F / 15);
  series = series * square + 1.0F / 13;
  series = series * square + 1.0F / 11;
  series = series * square + 1.0F / 9;
  series = series * square + 1.0F / 7;
  series = series * square + 1.0F / 5;
  series = series * square + 1.0F / 3;
  series = series * square + 1.0F;
  return select(x < Vector{}, Vector{}, x) + 2.0F * s * series;
}

// log(x) of a normal number: 2^n m with m from sqrt(1/2) on, log(m) = 2 atanh((m - 1) / (m + 1)).
PELLUCID_INLINE Vector natural_logarithm(Vector x) {
  const Integers root = broadcast_integer(0x3f3504f3);  // the bits of sqrt(1/2)
  const Integers n = (bits_of(x) - root) >> 23;
  const Vector s = [&] {
    const Vector m = vector_of(bits_of(x) - (n << 23));
    return (m - 1.0F) / (m + 1.0F);
  }();
  const Vector square = s * s;
  Vector series = broadcast(2.0F / 9);
  series = series * square + 2.0F / 7;
  series = series * square + 2.0F / 5;
  series = series * square + 2.0F / 3;
  series = series * square + 2.0F;
  return __builtin_convertvector(n, Vector) * 0.693147182F + series * s;
}

// The normal distribution Phi(x) = erfc(-x / sqrt(2)) / 2 by two approximations of the error function: t + t
// p(t^2) near 0, and 1 - exp(q(t)) beyond.
PELLUCID_INLINE Vector normal_distribution(Vector x) {
  const Vector t = magnitude(x) * 0.70710678F;
  const Vector square = t * t;
  const Vector high = t * -1.72853470e-5F + 3.83197126e-4F;
  Vector q = high * square + (t * -3.88396438e-3F + 2.42546219e-2F);
  q = q * t - 1.06777877e-1F;
  q = q * t - 6.34846687e-1F;
  q = q * t - 1.28717512e-1F;
  q = q * t - t;
  Vector p = square * -5.96761703e-4F + 4.99119423e-3F;
  p = p * square - 2.67681349e-2F;
  p = p * square + 1.12819925e-1F;
  p = p * square - 3.76125336e-1F;
  p = p * square + 1.28379166e-1F;
  const Vector error = p * t + t;
  const Vector tail = select(t > broadcast(0.927734375F), exponential(q), 1.0F - error) * 0.5F;
  return select(x < Vector{}, tail, 1.0F - tail);
}

}  // namespace pellucid::PELLUCID_ISA
