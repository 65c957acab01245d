// What a kernel is given: its operands' places, its attributes, and where in the batch it works.
#pragma once

#include <atomic>
#include <cstdint>

namespace pellucid {

// What every call of one run shares. `step` counts the training steps of this run from 0.
struct Run {
  std::uint64_t seed = 0;
  std::int64_t first_step = 0;
  std::int64_t step = 0;
  std::int64_t batch_images = 0;  // images in this step's batch
  std::int64_t first_index = 0;   // where this step's batch begins among the run's images
  std::int64_t tiles = 0;
  std::int64_t shards = 0;
  std::int64_t tile_bytes = 0;   // distance between two tiles' instances of a buffer
  std::int64_t shard_bytes = 0;  // distance between two shards' instances of a buffer
  const double* learning_rates = nullptr;
  std::atomic<bool> non_finite{false};
};

// One call of a kernel. A tile call works on the lanes of one tile; a range call on [begin, end) of its
// extent, its tile and shard operands pointing at the first instance; a shared call on [begin, end) of its
// extent for the units of one chunk, its shard operands pointing at its own shard's instance.
struct Call {
  void* const* operands;
  const void* attributes;
  Run* run;
  std::int64_t images = 0;       // tile: lanes that hold an image
  std::int64_t first_image = 0;  // tile: number in the batch of the image in lane 0
  std::int64_t begin = 0;        // range, shared
  std::int64_t end = 0;
  std::int64_t first_unit = 0;  // shared: of the chunk
  std::int64_t units = 0;       // shared: in the chunk

  template <typename Type>
  [[nodiscard]] Type* operand(int number) const {
    return static_cast<Type*>(operands[number]);
  }
  template <typename Attributes>
  [[nodiscard]] const Attributes& as() const {
    return *static_cast<const Attributes*>(attributes);
  }
};

using Kernel = void (*)(const Call&);

}  // namespace pellucid
