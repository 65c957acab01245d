#include "kernels/operations.h"

namespace pellucid {

std::span<const Operation> operations() {
  static const Operation list[] = {
#define PELLUCID_KERNEL(operation, attributes, operands) {#operation, attributes::fields(), operands},
#include "kernels/kernels.inc"
#undef PELLUCID_KERNEL
  };
  return list;
}

}  // namespace pellucid
