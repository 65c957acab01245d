// A convolution's three passes, for kernels that make them part by part.
#pragma once

#include "base/simd.h"
#include "kernels/attributes.h"
#include "kernels/convolution/convolution.h"

namespace pellucid::PELLUCID_ISA {

// The output of a padded input; see output.cpp.
void convolve(const ConvolutionAttributes& shape, const Vector* input, const float* weights,
              const float* bias, const ConnectionGroup* groups, const Connection* connections,
              Vector* output);

// The padded input's gradient, where stride and dilation are 1 along rows; see row_gradient.cpp. Groups and
// connections have the roles of the maps exchanged.
void scatter_rows(const ConvolutionAttributes& shape, const Vector* gradient, const float* weights,
                  const ConnectionGroup* groups, const Connection* connections, Vector* output);

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
