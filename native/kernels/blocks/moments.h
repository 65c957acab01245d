// Sums of a channel block's values and of their squares over the batch: (2, padded channels) doubles a shard,
// to which floats of a few hundred values are added at a time.
#pragma once

#include "base/simd.h"

namespace pellucid::PELLUCID_ISA {

// Of some values. Floats are summed about one of the values, which spares the squares from cancelling.
struct Moments {
  Vector center{};
  Vector sum{};
  Vector squares{};
  std::int64_t count = 0;

  // Values that follow upon each other.
  template <int COUNT>
  PELLUCID_INLINE void add(const Vector* values) {
    if (count == 0) center = values[0];
    count += COUNT;
    Vector distance = values[0] - center;
    Vector distances = distance;
    Vector squared = distance * distance;
    PELLUCID_UNROLL
    for (int i = 1; i < COUNT; ++i) {
      distance = values[i] - center;
      distances += distance;
      squared += distance * distance;
    }
    sum += distances;
    squares += squared;
  }

  // To the sums of all values, and begin anew.
  PELLUCID_INLINE void flush(double* sums, std::int64_t block, std::int64_t blocks) {
    const auto number = static_cast<double>(count);
    for (int lane = 0; lane < LANES; ++lane) {
      const auto c = static_cast<double>(center[lane]);
      const auto distances = static_cast<double>(sum[lane]);
      sums[block * LANES + lane] += distances + number * c;
      sums[(blocks + block) * LANES + lane] +=
          static_cast<double>(squares[lane]) + c * (2 * distances + number * c);
    }
    *this = Moments{};
  }
};

}  // namespace pellucid::PELLUCID_ISA
