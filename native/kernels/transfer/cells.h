// Neighbouring cells of a caller's image, of floats or of bytes.
#pragma once

#include <cstdint>

#include "base/simd.h"

namespace pellucid::PELLUCID_ISA {

// LANES of them as floats.
PELLUCID_INLINE Vector load_cells(const std::uint8_t* from) {
  using Shorts = std::uint16_t __attribute__((vector_size(LANES * 2)));
  std::uint8_t bytes __attribute__((vector_size(LANES)));
  __builtin_memcpy(&bytes, from, sizeof bytes);
  // In steps that the compiler has instructions for.
  const Words words = __builtin_convertvector(__builtin_convertvector(bytes, Shorts), Words);
  return __builtin_convertvector(__builtin_convertvector(words, Integers), Vector);
}
PELLUCID_INLINE Vector load_cells(const float* from) {
  return load(from);
}

}  // namespace pellucid::PELLUCID_ISA
