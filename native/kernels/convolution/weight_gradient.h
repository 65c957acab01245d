// Weight gradients of part of a convolution's output rows, shared by the kernels that form them.
#pragma once

#include "base/simd.h"
#include "kernels/attributes.h"
#include "kernels/convolution/convolution.h"

namespace pellucid::PELLUCID_ISA {

// Some rows of all maps of an output gradient.
struct GradientRows {
  const Vector* first;  // of the first map
  int rows;
  int plane;  // cells from one map to the next
};

// Adds to sums what these rows contribute; input is at the first row that their windows see.
void add_weight_gradient(const ConvolutionAttributes& shape, const Vector* input,
                         const GradientRows& gradient, const ConnectionGroup* groups,
                         const Connection* connections, Vector* sums);

}  // namespace pellucid::PELLUCID_ISA
