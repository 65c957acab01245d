// blocks_fold_padding: gradient of padded maps, rows, columns -> gradient of the maps: each cell collects all
// that repeat it. The tables say which row and column of the map each of the padded map repeats.
#include "base/simd.h"
#include "kernels/declarations.h"

namespace pellucid::PELLUCID_ISA {

// Shared: blocks of all images.
void blocks_fold_padding(const Call& call) {
  const auto& shape = call.as<FoldingAttributes>();
  const auto* rows = call.operand<const std::int32_t>(1);
  const auto* columns = call.operand<const std::int32_t>(2);
  for (std::int64_t item = call.begin; item < call.end; ++item) {
    const auto* from = call.operand<const Vector>(0) + item * shape.padded_height * shape.padded_width;
    auto* to = call.operand<Vector>(3) + item * shape.height * shape.width;
    for (std::int64_t i = 0; i < shape.height * shape.width; ++i) to[i] = Vector{};
    for (std::int64_t y = 0; y < shape.padded_height; ++y) {
      for (std::int64_t x = 0; x < shape.padded_width; ++x) {
        to[rows[y] * shape.width + columns[x]] += from[y * shape.padded_width + x];
      }
    }
  }
}

}  // namespace pellucid::PELLUCID_ISA
