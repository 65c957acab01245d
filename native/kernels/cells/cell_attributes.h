// Attributes of the kernels that make the cells of one array from those of another.
#pragma once

#include "kernels/attributes.h"

namespace pellucid {

// Arrays of (outer, inputs, inner) and (outer, outputs, inner) cells an image, and a table for the axis in
// between. value: of cells that have no source.
#define PELLUCID_CELL_MAP(INTEGER, REAL) \
  INTEGER(outer) INTEGER(inputs) INTEGER(outputs) INTEGER(inner) REAL(value)
PELLUCID_ATTRIBUTES(CellMapAttributes, PELLUCID_CELL_MAP)

// scale: that every sum is multiplied by.
#define PELLUCID_CELL_SUM(INTEGER, REAL) \
  INTEGER(outer) INTEGER(inputs) INTEGER(outputs) INTEGER(inner) REAL(scale)
PELLUCID_ATTRIBUTES(CellSumAttributes, PELLUCID_CELL_SUM)

// Runs of cells, `outer` of them an image: where the first begins in either array, and how far apart they
// are.
#define PELLUCID_CELL_PART(INTEGER, REAL) \
  INTEGER(outer) INTEGER(cells) INTEGER(from) INTEGER(from_step) INTEGER(to) INTEGER(to_step)
PELLUCID_ATTRIBUTES(CellPartAttributes, PELLUCID_CELL_PART)

}  // namespace pellucid
