// Which taps of a kernel carry a gradient back to a position of the input.
#pragma once

#include "base/simd.h"
#include "kernels/convolution/convolution.h"

namespace pellucid::PELLUCID_ISA {

// Taps u whose output index (position - u D) / S is whole and, unless any is allowed, within [0, length).
PELLUCID_INLINE int list_taps(int position, int kernel, int dilation, int stride, int length, int weight_step,
                              int cell_step, Tap* taps) {
  int count = 0;
  for (int u = 0; u < kernel; ++u) {
    const int distance = position - u * dilation;
    if (stride != 1 && distance % stride != 0) continue;
    const int index = stride == 1 ? distance : distance / stride;
    if (length > 0 && (index < 0 || index >= length)) continue;
    taps[count++] = {u * weight_step, index * cell_step};
  }
  return count;
}

}  // namespace pellucid::PELLUCID_ISA
