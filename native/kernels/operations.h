// What a plan may ask for: the operations, their attributes and how many operands they take.
#pragma once

#include <span>
#include <string_view>

#include "kernels/activation/channel_attributes.h"
#include "kernels/attributes.h"
#include "kernels/cells/cell_attributes.h"
#include "kernels/merge/merge_attributes.h"

namespace pellucid {

struct Operation {
  std::string_view name;
  std::span<const Field> fields;
  int operands;
};

// In the order of kernels.inc, which is also the order of every KernelTable.
std::span<const Operation> operations();

}  // namespace pellucid
