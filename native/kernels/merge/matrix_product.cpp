// Products of two matrices of cells, the batch in the lanes: y[i,j] = sum_k a[i,k] b[k,j].
#include "base/simd.h"
#include "kernels/declarations.h"

namespace pellucid::PELLUCID_ISA {
namespace {

constexpr int COLUMNS = 4;  // outputs of a row that share what is read of it

template <int COUNT>
PELLUCID_INLINE void write_outputs(const MatrixProductAttributes& shape, const Vector* a, const Vector* b,
                                   Vector* y) {
  Vector sums[COUNT] = {};
  for (std::int64_t k = 0; k < shape.inner; ++k) {
    const Vector value = a[k * shape.first_column];
    PELLUCID_UNROLL
    for (int j = 0; j < COUNT; ++j) sums[j] += value * b[k * shape.second_row + j * shape.second_column];
  }
  PELLUCID_UNROLL
  for (int j = 0; j < COUNT; ++j) y[j] = sums[j];
}

}  // namespace

// matrix_product: a, b -> y, so many products one after the other.
void matrix_product(const Call& call) {
  const auto& shape = call.as<MatrixProductAttributes>();
  auto* y = call.operand<Vector>(2);
  for (std::int64_t product = 0; product < shape.products; ++product) {
    const auto* a = call.operand<const Vector>(0) + product * shape.rows * shape.inner;
    const auto* b = call.operand<const Vector>(1) + product * shape.inner * shape.columns;
    for (std::int64_t i = 0; i < shape.rows; ++i, y += shape.columns) {
      const Vector* row = a + i * shape.first_row;
      std::int64_t j = 0;
      for (; j + COLUMNS <= shape.columns; j += COLUMNS) {
        write_outputs<COLUMNS>(shape, row, b + j * shape.second_column, y + j);
      }
      for (; j < shape.columns; ++j) write_outputs<1>(shape, row, b + j * shape.second_column, y + j);
    }
  }
}

}  // namespace pellucid::PELLUCID_ISA
