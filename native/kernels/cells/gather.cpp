// Cells of an array from single cells of another: y[o, k, i] = x[o, table[k], i]. In the lanes and for
// positions in channel blocks a cell is a vector; to move channels too, it is a number.
#include "base/simd.h"
#include "kernels/declarations.h"

namespace pellucid::PELLUCID_ISA {
namespace {

constexpr std::int32_t CONSTANT = -1;  // in a table: the value; below it, zero

// For the slices [begin, end) of the outer axis.
template <typename Cell>
PELLUCID_INLINE void gather(const Call& call, std::int64_t begin, std::int64_t end, Cell value) {
  const auto& shape = call.as<CellMapAttributes>();
  const auto* table = call.operand<const std::int32_t>(1);
  const std::int64_t inner = shape.inner;
  for (std::int64_t slice = begin; slice < end; ++slice) {
    const Cell* x = call.operand<const Cell>(0) + slice * shape.inputs * inner;
    Cell* y = call.operand<Cell>(2) + slice * shape.outputs * inner;
    for (std::int64_t k = 0; k < shape.outputs; ++k, y += inner) {
      const std::int32_t source = table[k];
      if (source >= 0) {
        const Cell* from = x + source * inner;
        for (std::int64_t i = 0; i < inner; ++i) y[i] = from[i];
      } else {
        for (std::int64_t i = 0; i < inner; ++i) y[i] = source == CONSTANT ? value : Cell{};
      }
    }
  }
}

}  // namespace

// gather_cells: x, table -> y.
void gather_cells(const Call& call) {
  const auto& shape = call.as<CellMapAttributes>();
  gather<Vector>(call, 0, shape.outer, broadcast(static_cast<float>(shape.value)));
}

// blocks_gather_cells: the same. Shared: slices of all images.
void blocks_gather_cells(const Call& call) {
  const auto value = static_cast<float>(call.as<CellMapAttributes>().value);
  gather<Vector>(call, call.begin, call.end, broadcast(value));
}

// blocks_gather_elements: the same of single numbers, lanes without a channel among them. With no inputs an
// image every image reads the same. Shared: images.
void blocks_gather_elements(const Call& call) {
  gather<float>(call, call.begin, call.end, static_cast<float>(call.as<CellMapAttributes>().value));
}

// spread_values: numbers -> a cell for each, the same in all lanes.
void spread_values(const Call& call) {
  const std::int64_t cells = call.as<CellsAttributes>().cells;
  const auto* values = call.operand<const float>(0);
  auto* y = call.operand<Vector>(1);
  for (std::int64_t cell = 0; cell < cells; ++cell) y[cell] = broadcast(values[cell]);
}

}  // namespace pellucid::PELLUCID_ISA
