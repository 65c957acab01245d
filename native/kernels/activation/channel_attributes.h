// Attributes of the activations that look at channels.
#pragma once

#include "kernels/attributes.h"

namespace pellucid {

// shared: one slope for all channels.
#define PELLUCID_PRELU(INTEGER, REAL) INTEGER(channels) INTEGER(positions) INTEGER(shared)
PELLUCID_ATTRIBUTES(PReluAttributes, PELLUCID_PRELU)

// channels: of the output, each the largest of so many pieces.
#define PELLUCID_MAXOUT(INTEGER, REAL) INTEGER(channels) INTEGER(positions) INTEGER(pieces)
PELLUCID_ATTRIBUTES(MaxoutAttributes, PELLUCID_MAXOUT)

}  // namespace pellucid
