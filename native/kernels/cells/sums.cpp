// Cells of an array as sums of cells of another: y[o, k, i] = scale sum_j weight[j] x[o, source[j], i], j
// from starts[k] to starts[k + 1]. What a cell is, is as for gathering.
#include "base/simd.h"
#include "kernels/declarations.h"

namespace pellucid::PELLUCID_ISA {
namespace {

constexpr int PARTS = 4;  // sums that do not wait for one another

struct SumRow {
  const std::int32_t* sources;
  const float* weights;  // null: all are 1
  std::int32_t begin;
  std::int32_t end;
};

template <bool WEIGHTED, typename Cell>
PELLUCID_INLINE Cell sum_of(const SumRow& row, const Cell* x, std::int64_t step) {
  Cell sums[PARTS] = {};
  const auto add = [&](std::int32_t j, Cell& sum) {
    const Cell value = x[row.sources[j] * step];
    if constexpr (WEIGHTED) {
      sum += value * row.weights[j];
    } else {
      sum += value;
    }
  };
  std::int32_t j = row.begin;
  for (; j + PARTS <= row.end; j += PARTS) {
    PELLUCID_UNROLL
    for (int part = 0; part < PARTS; ++part) add(j + part, sums[part]);
  }
  for (; j < row.end; ++j) add(j, sums[0]);
  return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

// For the slices [begin, end) of the outer axis.
template <bool WEIGHTED, typename Cell>
PELLUCID_INLINE void sum(const Call& call, std::int64_t begin, std::int64_t end) {
  const auto& shape = call.as<CellSumAttributes>();
  const auto* starts = call.operand<const std::int32_t>(1);
  const auto scale = static_cast<float>(shape.scale);
  for (std::int64_t slice = begin; slice < end; ++slice) {
    const Cell* x = call.operand<const Cell>(0) + slice * shape.inputs * shape.inner;
    Cell* y = call.operand<Cell>(4) + slice * shape.outputs * shape.inner;
    for (std::int64_t k = 0; k < shape.outputs; ++k, y += shape.inner) {
      const SumRow row = {call.operand<const std::int32_t>(2), call.operand<const float>(3), starts[k],
                          starts[k + 1]};
      for (std::int64_t i = 0; i < shape.inner; ++i) {
        y[i] = sum_of<WEIGHTED>(row, x + i, shape.inner) * scale;
      }
    }
  }
}

template <typename Cell>
PELLUCID_INLINE void sum_slices(const Call& call, std::int64_t begin, std::int64_t end) {
  if (call.operand<const float>(3) != nullptr) return sum<true, Cell>(call, begin, end);
  sum<false, Cell>(call, begin, end);
}

}  // namespace

// sum_cells: x, starts, sources, weights or null -> y.
void sum_cells(const Call& call) {
  sum_slices<Vector>(call, 0, call.as<CellSumAttributes>().outer);
}

// blocks_sum_cells: the same. Shared: slices of all images.
void blocks_sum_cells(const Call& call) {
  sum_slices<Vector>(call, call.begin, call.end);
}

// blocks_sum_elements: the same of single numbers, lanes without a channel among them. Shared: images.
void blocks_sum_elements(const Call& call) {
  sum_slices<float>(call, call.begin, call.end);
}

// blocks_sum_images: x (images, cells), table -> for each entry of the table the sum of that number over the
// images. Shared: entries.
void blocks_sum_images(const Call& call) {
  const std::int64_t cells = call.as<CellsAttributes>().cells;
  const auto* x = call.operand<const float>(0);
  const auto* table = call.operand<const std::int32_t>(1);
  auto* sums = call.operand<float>(2);
  for (std::int64_t entry = call.begin; entry < call.end; ++entry) {
    double sum = 0;
    for (std::int64_t image = 0; image < call.run->batch_images; ++image) {
      sum += static_cast<double>(x[image * cells + table[entry]]);
    }
    sums[entry] = static_cast<float>(sum);
  }
}

}  // namespace pellucid::PELLUCID_ISA
