// Products of two matrices, the batch in the lanes: y[i,j] = sum_k a[i,k] b[k,j]. Some columns of b at a time
// are put side by side first, where they stay in the cache for many rows; so b may also be plain numbers, the
// same for every image.
#include "base/simd.h"
#include "kernels/declarations.h"

namespace pellucid::PELLUCID_ISA {
namespace {

constexpr int COLUMNS = 6;  // engines/native/lowering/matrix_product.py has the same
constexpr int ROWS = ACCUMULATORS / COLUMNS;
constexpr std::int64_t STRIP_BYTES = 128 * 1024;  // of a that is read for one group of columns after another

struct ProductArguments {
  std::int64_t inner;
  std::int64_t row_step;     // of a
  std::int64_t column_step;  // of a
  std::int64_t out_step;
  const Vector* columns;  // (inner, COLUMNS) of b
  std::int64_t count;     // of the columns that are written
};

// COUNT rows of a by COLUMNS columns of b, their products summed in registers.
template <int COUNT>
struct ProductBlock {
  PELLUCID_INLINE static void write(const ProductArguments& p, const Vector* a, Vector* y) {
    Vector sums[COUNT][COLUMNS] = {};
    const Vector* b = p.columns;
    for (std::int64_t k = 0; k < p.inner; ++k, a += p.column_step, b += COLUMNS) {
      Vector left[COUNT];
      PELLUCID_UNROLL
      for (int row = 0; row < COUNT; ++row) left[row] = a[row * p.row_step];
      PELLUCID_UNROLL
      for (int column = 0; column < COLUMNS; ++column) {
        const Vector right = b[column];
        PELLUCID_UNROLL
        for (int row = 0; row < COUNT; ++row) sums[row][column] += left[row] * right;
      }
    }
    PELLUCID_UNROLL
    for (int row = 0; row < COUNT; ++row) {
      PELLUCID_UNROLL
      for (int column = 0; column < COLUMNS; ++column) {
        if (column < p.count) y[row * p.out_step + column] = sums[row][column];
      }
    }
  }
};

// Columns of b from the first on, zeros behind the last.
template <typename Cell>
PELLUCID_INLINE void pack(const MatrixProductAttributes& shape, const Cell* b, std::int64_t count,
                          Vector* columns) {
  for (std::int64_t k = 0; k < shape.inner; ++k) {
    for (int column = 0; column < COLUMNS; ++column, ++columns) {
      *columns = Vector{};
      if (column < count) *columns += b[k * shape.second_row + column * shape.second_column];
    }
  }
}

PELLUCID_INLINE void write_rows(const ProductArguments& p, std::int64_t rows, const Vector* a, Vector* y) {
  std::int64_t i = 0;
  for (; i + ROWS <= rows; i += ROWS) ProductBlock<ROWS>::write(p, a + i * p.row_step, y + i * p.out_step);
  for (; i < rows; ++i) ProductBlock<1>::write(p, a + i * p.row_step, y + i * p.out_step);
}

template <typename Cell>
PELLUCID_INLINE void multiply(const MatrixProductAttributes& shape, const Vector* a, const Cell* b,
                              Vector* columns, Vector* y) {
  const std::int64_t row_bytes = shape.inner * static_cast<std::int64_t>(sizeof(Vector));
  const std::int64_t fitting = STRIP_BYTES / row_bytes / ROWS * ROWS;
  const std::int64_t strip = fitting > 8 * ROWS ? fitting : 8 * ROWS;
  for (std::int64_t i = 0; i < shape.rows; i += strip) {
    const std::int64_t rows = shape.rows - i < strip ? shape.rows - i : strip;
    for (std::int64_t j = 0; j < shape.columns; j += COLUMNS) {
      const std::int64_t count = shape.columns - j < COLUMNS ? shape.columns - j : COLUMNS;
      pack(shape, b + j * shape.second_column, count, columns);
      write_rows({shape.inner, shape.first_row, shape.first_column, shape.columns, columns, count}, rows,
                 a + i * shape.first_row, y + i * shape.columns + j);
    }
  }
}

template <typename Cell>
PELLUCID_INLINE void multiply_all(const Call& call) {
  const auto& shape = call.as<MatrixProductAttributes>();
  for (std::int64_t product = 0; product < shape.products; ++product) {
    multiply(shape, call.operand<const Vector>(0) + product * shape.rows * shape.inner,
             call.operand<const Cell>(1) + product * shape.inner * shape.columns, call.operand<Vector>(2),
             call.operand<Vector>(3) + product * shape.rows * shape.columns);
  }
}

}  // namespace

// matrix_product: a, b, columns (scratch: inner times COLUMNS cells) -> y, so many products one after the
// other.
void matrix_product(const Call& call) {
  if (call.as<MatrixProductAttributes>().second_flat != 0) return multiply_all<float>(call);
  multiply_all<Vector>(call);
}

}  // namespace pellucid::PELLUCID_ISA
