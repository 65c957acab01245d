// Where a layer keeps the kernel that joins two channels.
//
// The layer's kernels are (outputs, inputs of a channel group, taps), or with a connection table
// (connections, taps); then connections[output, input] is a kernel's number or -1.
#pragma once

#include <cstdint>

#include "base/simd.h"

namespace pellucid::PELLUCID_ISA {

// The kernels of one output channel.
struct OutputKernels {
  const std::int32_t* connections;  // or null
  std::int64_t first_input;
  std::int64_t inputs;
  std::int64_t first;  // weight
  std::int64_t taps;

  // The first weight of the kernel for an input channel; -1 where the two are not connected.
  [[nodiscard]] PELLUCID_INLINE std::int64_t of(std::int64_t input) const {
    if (connections != nullptr) return connections[input] < 0 ? -1 : connections[input] * taps;
    const std::int64_t within = input - first_input;
    return within < 0 || within >= inputs ? -1 : first + within * taps;
  }
};

struct LayerKernels {
  const std::int32_t* connections;  // or null
  std::int64_t in_channels;
  std::int64_t out_channels;
  std::int64_t groups;
  std::int64_t taps;

  [[nodiscard]] PELLUCID_INLINE OutputKernels of(std::int64_t output) const {
    if (connections != nullptr) return {connections + output * in_channels, 0, 0, 0, taps};
    const std::int64_t inputs = in_channels / groups;
    const std::int64_t group = output / (out_channels / groups);
    return {nullptr, group * inputs, inputs, output * inputs * taps, taps};
  }
};

}  // namespace pellucid::PELLUCID_ISA
