// Where a layer keeps the kernel that joins two channels.
//
// The layer's kernels are (outputs, inputs of a channel group, taps), or with a connection table
// (connections, taps); then connections[output, input] is a kernel's number or -1.
#pragma once

#include <cstdint>

#include "base/simd.h"

namespace pellucid::PELLUCID_ISA {

struct LayerKernels {
  const std::int32_t* connections;  // or null
  std::int64_t in_channels;
  std::int64_t inputs;   // of a channel group
  std::int64_t outputs;  // of a channel group
  std::int64_t taps;

  // The kernel's first weight; -1 where the two are not connected.
  [[nodiscard]] PELLUCID_INLINE std::int64_t of(std::int64_t output, std::int64_t input) const {
    if (connections != nullptr) {
      const std::int32_t number = connections[output * in_channels + input];
      return number < 0 ? -1 : number * taps;
    }
    const std::int64_t within = input - output / outputs * inputs;
    return within < 0 || within >= inputs ? -1 : (output * inputs + within) * taps;
  }
};

}  // namespace pellucid::PELLUCID_ISA
