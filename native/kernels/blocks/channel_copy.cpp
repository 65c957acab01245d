// blocks_copy: channels [from, from + channels) of one array of channel blocks -> channels [to, to +
// channels) of another. Of the blocks that it writes, channels before those stay as they are, and those after
// become zero: so an array is put together from its first channels on.
#include "base/simd.h"
#include "kernels/declarations.h"

namespace pellucid::PELLUCID_ISA {
namespace {

// One vector of the other array, where its lanes lie in two vectors of the first.
PELLUCID_INLINE Vector shifted(const Vector* x, std::int64_t plane, std::int64_t channel, std::int64_t last) {
  Vector result = {};
  for (int lane = 0; lane < LANES; ++lane) {
    const std::int64_t from = channel + lane;
    if (from >= 0 && from < last) result[lane] = x[from / LANES * plane][from % LANES];
  }
  return result;
}

}  // namespace

// Shared: written blocks of all images.
void blocks_copy(const Call& call) {
  const auto& shape = call.as<BlockCopyAttributes>();
  const std::int64_t in_blocks = blocks_of(shape.from_channels);
  const std::int64_t out_blocks = blocks_of(shape.to_channels);
  const std::int64_t first = shape.to / LANES;
  const std::int64_t written = blocks_of(shape.to + shape.channels) - first;
  const std::int64_t last = shape.from + shape.channels;
  const std::int64_t plane = shape.positions;
  for (std::int64_t item = call.begin; item < call.end; ++item) {
    const std::int64_t image = item / written;
    const std::int64_t block = first + item % written;
    const Vector* x = call.operand<const Vector>(0) + image * in_blocks * plane;
    Vector* y = call.operand<Vector>(1) + (image * out_blocks + block) * plane;
    const std::int64_t channel = shape.from + block * LANES - shape.to;  // that lane 0 takes
    if (channel % LANES == 0 && channel >= shape.from && channel + LANES <= last) {
      const Vector* cells = x + channel / LANES * plane;
      for (std::int64_t p = 0; p < plane; ++p) y[p] = cells[p];
      continue;
    }
    const Integers kept = lane_numbers() < broadcast_integer(static_cast<std::int32_t>(shape.from - channel));
    for (std::int64_t p = 0; p < plane; ++p) {
      y[p] = select(kept, y[p], shifted(x + p, plane, channel, last));
    }
  }
}

}  // namespace pellucid::PELLUCID_ISA
