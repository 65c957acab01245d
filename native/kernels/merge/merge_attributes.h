// Attributes of the kernels that meet two arrays.
#pragma once

#include "kernels/attributes.h"

namespace pellucid {

// Two operands cell by cell, as (outer, inner): one whose step is 0 has a single cell for each slice.
// operation is a PairOperation (kernels/merge/pairwise.cpp); channels: of an image in channel blocks.
#define PELLUCID_PAIR(INTEGER, REAL) \
  INTEGER(operation)                 \
  INTEGER(outer)                     \
  INTEGER(inner)                     \
  INTEGER(first_step)                \
  INTEGER(second_step)               \
  INTEGER(channels)
PELLUCID_ATTRIBUTES(PairAttributes, PELLUCID_PAIR)

// Matrices (rows, inner) and (inner, columns), and how far apart their neighbours are: along rows, along
// columns. second_flat: whether the second matrix holds plain numbers, not cells.
#define PELLUCID_MATRIX_PRODUCT(INTEGER, REAL) \
  INTEGER(products)                            \
  INTEGER(rows)                                \
  INTEGER(columns)                             \
  INTEGER(inner)                               \
  INTEGER(first_row)                           \
  INTEGER(first_column)                        \
  INTEGER(second_row)                          \
  INTEGER(second_column)                       \
  INTEGER(second_flat)
PELLUCID_ATTRIBUTES(MatrixProductAttributes, PELLUCID_MATRIX_PRODUCT)

}  // namespace pellucid
