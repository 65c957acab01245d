// Which processors' instructions the kernels were compiled for, and which this machine has.
// This folder is the only one that knows any processor by name.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "kernels/table.h"

namespace pellucid {

struct InstructionSet {
  std::string_view name;
  const KernelTable* kernels;
};

// Those compiled in that this machine can run, slowest first.
std::vector<InstructionSet> available_instruction_sets();

// Those compiled in, slowest first.
std::vector<std::string_view> compiled_instruction_sets();

// The processor's features that matter to the kernels, by their usual names.
std::vector<std::string> processor_features();

}  // namespace pellucid
