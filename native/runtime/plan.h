// A plan is phases of steps over buffers. It is data: everything was decided when it was compiled.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernels/call.h"

namespace pellucid {

// Where a buffer lives, and how many instances of it there are.
enum class Scope : std::int32_t {
  none,      // no operand
  state,     // one, kept between runs: parameters, statistics, optimiser slots, constants
  batch,     // one, in the workspace: the gradient
  shard,     // one a shard: sums and scratch
  tile,      // one a tile: what later phases read again
  external,  // the caller's arrays, by number
  prepared,  // one, kept between runs: made from the state by the plan's preparation
};

struct Operand {
  Scope scope;
  std::int64_t offset;  // in bytes; for external, the array's number
};

// What a step's extent is counted for.
enum class Scale : std::int32_t {
  once,    // a run of the step
  images,  // an image of the batch
  units,   // a unit of the phase's chunk
};

struct Step {
  Kernel kernel;
  std::vector<Operand> operands;
  std::vector<std::int64_t> attributes;  // the operation's struct, field by field; reals by their bits
  std::int64_t extent;                   // of a range or shared step
  Scale scale;
};

enum class Iteration : std::int32_t {
  tiles,   // the prologue once a shard, then the steps once a tile of the shard
  range,   // each step once, its extent shared out among the workers
  shared,  // the prologue once a shard, then each step on every chunk, its extent shared out among the shards
};

struct Phase {
  Iteration iteration;
  std::vector<Step> prologue;
  std::vector<Step> steps;
  std::int64_t units;  // of a shared phase: units an image
  std::int64_t chunk;  // of a shared phase: units at a time, with a barrier after every step; 0 for all
};

struct Plan {
  std::vector<Phase> phases;
  std::vector<Phase> preparation;  // run when the state has changed since; touches only state and prepared
  std::int64_t lanes;
  std::int64_t shards;
  std::int64_t capacity;  // images in a batch, at most
  std::int64_t batch_bytes;
  std::int64_t shard_bytes;
  std::int64_t tile_bytes;
  std::int64_t prepared_bytes;
  bool changes_state;

  // Whether shards can share the work on one image.
  [[nodiscard]] bool shares_images() const {
    for (const Phase& phase : phases) {
      if (phase.iteration == Iteration::shared) return true;
    }
    return false;
  }

  [[nodiscard]] std::int64_t tiles(std::int64_t images) const { return (images + lanes - 1) / lanes; }
  [[nodiscard]] std::size_t workspace_bytes() const {
    return static_cast<std::size_t>(batch_bytes + shards * shard_bytes + tiles(capacity) * tile_bytes);
  }
};

}  // namespace pellucid
