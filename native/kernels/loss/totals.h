// What a shard has summed up of its images' losses.
#pragma once

#include <cstdint>

namespace pellucid {

struct LossTotals {
  double loss;
  std::int64_t correct;
};

}  // namespace pellucid
