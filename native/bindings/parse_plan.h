// From what Python sends to a plan that is safe to run.
#pragma once

#include <nanobind/nanobind.h>

#include "kernels/table.h"
#include "runtime/plan.h"

namespace pellucid {

// description: {"phases": [(iteration, prologue, steps)], "lanes": ..., "shards": ..., "capacity": ...,
// "batch_bytes": ..., "shard_bytes": ..., "tile_bytes": ..., "changes_state": ...}, a step being
// (operation, [(scope, offset)], {attribute: number}, extent). Throws ValueError where an operation, an
// attribute or a number of operands is not one that the kernels have.
Plan parse_plan(const nanobind::dict& description, const KernelTable& kernels);

}  // namespace pellucid
