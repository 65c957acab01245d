// The kernels of one instruction set, in the order of kernels.inc.
#pragma once

#include "kernels/call.h"

namespace pellucid {

struct KernelTable {
  int lanes;
  const Kernel* kernels;
};

}  // namespace pellucid
