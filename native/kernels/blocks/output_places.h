// Where a convolution's results go and what they are finished with: arrays in channel blocks, all of one
// shape.
#pragma once

#include "kernels/blocks/signs.h"

namespace pellucid::PELLUCID_ISA {

struct OutputPlaces {
  const Vector* addend;  // or null
  const SignBits* mask;  // results become 0 where it has no bit; or null
  SignBits* signs;       // of the results; or null
  Vector* y;

  // The same so many vectors further on.
  [[nodiscard]] PELLUCID_INLINE OutputPlaces at(std::int64_t vectors) const {
    return {.addend = addend != nullptr ? addend + vectors : nullptr,
            .mask = mask != nullptr ? mask + vectors : nullptr,
            .signs = signs != nullptr ? signs + vectors : nullptr,
            .y = y + vectors};
  }
};

}  // namespace pellucid::PELLUCID_ISA
