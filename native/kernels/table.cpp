#include "kernels/table.h"

#include "base/simd.h"
#include "kernels/declarations.h"

namespace pellucid::PELLUCID_ISA {

// Nothing but pointers: a standard-library function compiled here for a newer processor could be the copy
// that the linker keeps for all of the program.
extern const KernelTable kernel_table;

namespace {
const Kernel kernels[] = {
#define PELLUCID_KERNEL(operation, attributes, operands) &operation,
#include "kernels/kernels.inc"
#undef PELLUCID_KERNEL
};
}  // namespace

const KernelTable kernel_table = {LANES, kernels};

}  // namespace pellucid::PELLUCID_ISA
