// Winograd's minimal filtering along one axis (Winograd 1980; Lavin & Gray 2016): F(4, 3) and F(2, 5).
//
//   y = A^T [ (G g) * (B^T d) ]
//
// Six neighbouring inputs d become six points, and so do the taps g of a kernel; their products, six where
// the definition has twelve or ten, become the outputs y. Sums over channels, or over rows of a kernel, can
// be formed of the products. The points are 0, 1, -1, 2, -2 and infinity whatever the number of taps, so that
// B is the same for both; of A the last row stands for infinity.
#pragma once

#include "base/simd.h"

namespace pellucid::PELLUCID_ISA {

constexpr int PATCH = 6;  // inputs that some neighbouring outputs see, and points

// B^T d; the results lie `stride` apart, as of all that follow.
PELLUCID_INLINE void to_points(const Vector (&d)[PATCH], Vector* to, std::int64_t stride) {
  const Vector difference = d[3] - d[1];
  const Vector even = d[4] - 4.0F * d[2];
  const Vector odd = d[3] - 4.0F * d[1];
  const Vector outer = d[4] - d[2];
  to[0] = 4.0F * (d[0] - d[2]) + outer;
  to[stride] = even + odd;
  to[2 * stride] = even - odd;
  to[3 * stride] = outer + 2.0F * difference;
  to[4 * stride] = outer - 2.0F * difference;
  to[5 * stride] = (d[5] - d[3]) - 4.0F * difference;
}

// A^T m: four outputs.
PELLUCID_INLINE void to_outputs(const Vector (&m)[PATCH], Vector* to, std::int64_t stride) {
  const Vector sum1 = m[1] + m[2];
  const Vector difference1 = m[1] - m[2];
  const Vector sum2 = m[3] + m[4];
  const Vector difference2 = m[3] - m[4];
  to[0] = (m[0] + sum1) + sum2;
  to[stride] = difference1 + 2.0F * difference2;
  to[2 * stride] = sum1 + 4.0F * sum2;
  to[3 * stride] = (difference1 + m[5]) + 8.0F * difference2;
}

// A delta, of four outputs.
PELLUCID_INLINE void to_points(const Vector (&delta)[4], Vector* to, std::int64_t stride) {
  const Vector even = delta[0] + delta[2];
  const Vector odd = delta[1] + delta[3];
  const Vector far_even = delta[0] + 4.0F * delta[2];
  const Vector far_odd = 2.0F * delta[1] + 8.0F * delta[3];
  to[0] = delta[0];
  to[stride] = even + odd;
  to[2 * stride] = even - odd;
  to[3 * stride] = far_even + far_odd;
  to[4 * stride] = far_even - far_odd;
  to[5 * stride] = delta[3];
}

// A^T m: two outputs.
PELLUCID_INLINE void to_pair(const Vector (&m)[PATCH], Vector* to) {
  to[0] = (m[0] + (m[1] + m[2])) + (m[3] + m[4]);
  to[1] = ((m[1] - m[2]) + m[5]) + 2.0F * (m[3] - m[4]);
}

// A delta, of two outputs.
PELLUCID_INLINE void to_points(const Vector (&delta)[2], Vector* to, std::int64_t stride) {
  const Vector twice = 2.0F * delta[1];
  to[0] = delta[0];
  to[stride] = delta[0] + delta[1];
  to[2 * stride] = delta[0] - delta[1];
  to[3 * stride] = delta[0] + twice;
  to[4 * stride] = delta[0] - twice;
  to[5 * stride] = delta[1];
}

// B u: what six points' gradients are to the six inputs.
PELLUCID_INLINE void to_inputs(const Vector (&u)[PATCH], Vector (&to)[PATCH]) {
  const Vector sum1 = u[1] + u[2];
  const Vector difference1 = u[1] - u[2];
  const Vector sum2 = u[3] + u[4];
  const Vector difference2 = u[3] - u[4];
  to[0] = 4.0F * u[0];
  to[1] = 4.0F * (u[5] - difference1) - 2.0F * difference2;
  to[2] = -5.0F * u[0] - 4.0F * sum1 - sum2;
  to[3] = (difference1 + 2.0F * difference2) - 5.0F * u[5];
  to[4] = (u[0] + sum1) + sum2;
  to[5] = u[5];
}

// G of three or five taps: a point's powers, over what the other points make of it.
constexpr float KERNEL_POINTS[PATCH] = {0, 1, -1, 2, -2, 0};
constexpr float KERNEL_SCALES[PATCH] = {1.0F / 4, -1.0F / 6, -1.0F / 6, 1.0F / 24, 1.0F / 24, 1};

// The factor of one tap at one point.
PELLUCID_INLINE float tap_factor(int point, int tap, int taps) {
  if (point == PATCH - 1) return tap == taps - 1 ? 1.0F : 0.0F;
  float power = 1;
  for (int i = 0; i < tap; ++i) power *= KERNEL_POINTS[point];
  return KERNEL_SCALES[point] * power;
}

}  // namespace pellucid::PELLUCID_ISA
