// Powers of local response normalisation.
#pragma once

#include "base/powers.h"
#include "base/simd.h"

namespace pellucid::PELLUCID_ISA {

// s^-beta; the usual exponents by roots, which is quicker and closer.
PELLUCID_INLINE Vector response_scale(Vector sums, float beta) {
  if (beta == 0.75F) {
    const Vector root = square_root(sums);
    return 1.0F / (root * square_root(root));
  }
  if (beta == 0.5F) return 1.0F / square_root(sums);
  if (beta == 1.0F) return 1.0F / sums;
  return power(sums, -beta);
}

}  // namespace pellucid::PELLUCID_ISA
