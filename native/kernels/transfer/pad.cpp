// Padding rows and columns around every map, and its adjoint, the batch in the lanes.
#include "kernels/transfer/pad.h"

#include "base/simd.h"
#include "kernels/declarations.h"

namespace pellucid::PELLUCID_ISA {
namespace {

// The cell of an axis that a padded position repeats, or -1 where it holds zero.
PELLUCID_INLINE std::int64_t source(std::int64_t position, std::int64_t length, PaddingMode mode) {
  if (position >= 0 && position < length) return position;
  switch (mode) {
    case PaddingMode::edge:
      return position < 0 ? 0 : length - 1;
    case PaddingMode::reflect:
      return position < 0 ? -position : 2 * (length - 1) - position;
    case PaddingMode::circular:
      return position < 0 ? position + length : position - length;
    case PaddingMode::zeros:
      break;
  }
  return -1;
}

// Call visit(padded cell, source cell or -1) for every cell of the padded maps.
template <typename Visit>
PELLUCID_INLINE void for_each_padded(const PadAttributes& shape, const Visit& visit) {
  const auto mode = static_cast<PaddingMode>(shape.mode);
  std::int64_t cell = 0;
  for (std::int64_t channel = 0; channel < shape.channels; ++channel) {
    for (std::int64_t y = -shape.top; y < shape.height + shape.bottom; ++y) {
      const std::int64_t row = source(y, shape.height, mode);
      const std::int64_t start = (channel * shape.height + row) * shape.width;
      for (std::int64_t x = -shape.left; x < shape.width + shape.right; ++x, ++cell) {
        const std::int64_t column = source(x, shape.width, mode);
        visit(cell, row < 0 || column < 0 ? -1 : start + column);
      }
    }
  }
}

}  // namespace

// pad: maps -> padded maps.
void pad(const Call& call) {
  const auto* from = call.operand<const Vector>(0);
  auto* to = call.operand<Vector>(1);
  for_each_padded(call.as<PadAttributes>(), [&](std::int64_t cell, std::int64_t origin) {
    to[cell] = origin < 0 ? Vector{} : from[origin];
  });
}

namespace {

// Zeros repeat no cell, so only the maps themselves collect anything.
void crop(const PadAttributes& shape, const Vector* from, Vector* to) {
  const std::int64_t padded_width = shape.left + shape.width + shape.right;
  for (std::int64_t channel = 0; channel < shape.channels; ++channel) {
    from += shape.top * padded_width;
    for (std::int64_t y = 0; y < shape.height; ++y, from += padded_width, to += shape.width) {
      for (std::int64_t x = 0; x < shape.width; ++x) to[x] = from[shape.left + x];
    }
    from += shape.bottom * padded_width;
  }
}

}  // namespace

// pad_gradient: gradient of padded maps -> gradient of maps: each cell collects all that repeat it.
void pad_gradient(const Call& call) {
  const auto& shape = call.as<PadAttributes>();
  const auto* from = call.operand<const Vector>(0);
  auto* to = call.operand<Vector>(1);
  if (static_cast<PaddingMode>(shape.mode) == PaddingMode::zeros) return crop(shape, from, to);
  const std::int64_t cells = shape.channels * shape.height * shape.width;
  for (std::int64_t cell = 0; cell < cells; ++cell) to[cell] = Vector{};
  for_each_padded(shape, [&](std::int64_t cell, std::int64_t origin) {
    if (origin >= 0) to[origin] += from[cell];
  });
}

}  // namespace pellucid::PELLUCID_ISA
