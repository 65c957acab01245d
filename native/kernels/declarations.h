// Declares every kernel in the namespace of the instruction set being compiled.
#pragma once

#include "kernels/activation/channel_attributes.h"
#include "kernels/attributes.h"
#include "kernels/call.h"
#include "kernels/cells/cell_attributes.h"
#include "kernels/merge/merge_attributes.h"

namespace pellucid::PELLUCID_ISA {

#define PELLUCID_KERNEL(operation, attributes, operands) void operation(const Call& call);
#include "kernels/kernels.inc"
#undef PELLUCID_KERNEL

}  // namespace pellucid::PELLUCID_ISA
