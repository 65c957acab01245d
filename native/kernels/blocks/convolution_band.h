// A band of a convolution's source, copied so that windows are read without a thought for edges or strides.
//
// The cells that a band of output rows reads are copied plane after plane, a plane being a channel block or a
// channel of whole images. Along each axis taps whose first cells are a multiple of the stride apart share
// one copy, of every stride-th cell, so that neighbouring outputs read neighbouring cells. Tables say which
// cell each place of a copy repeats, or that it holds a zero: all kinds of padding are the compiler's.
//
// Where rows are joined, each tap has a copy of its columns for itself, just as wide as the output: then a
// band's outputs read one uninterrupted run of cells.
//
// rows: copies, then for each where its cells begin and how many more it has than the output has rows, then
// the cells. columns: for each copy the first place that lies inside the source, the end of those, and the
// cell of the first; then column copies x width cells. Between such places cells are `step` apart.
#pragma once

#include "base/simd.h"
#include "kernels/attributes.h"
#include "kernels/block.h"
#include "kernels/blocks/convolution.h"
#include "kernels/call.h"

namespace pellucid::PELLUCID_ISA {

// What a plane's cells are put through on the way: rectified(a x + b other + c).
struct Prologue {
  Vector a;
  Vector b;
  Vector c;
  bool is_plain;
  bool adds_other;
  bool rectifies;

  PELLUCID_INLINE Vector of(Vector x, const Vector* other) const {
    Vector value = a * x + c;
    if (adds_other) value += b * *other;
    // Not max(): a NaN stays one.
    return rectifies ? select(value < Vector{}, Vector{}, value) : value;
  }
};

template <typename Shape>
class Band {
 public:
  // x, other or null, coefficients or null, indices or null.
  Band(const Call& call, const std::int32_t* rows, const std::int32_t* columns)
      : shape_(call.as<Shape>()),
        x_(call.operand<const void>(0)),
        other_(call.operand<const float>(1)),
        coefficients_(call.operand<const float>(2)),
        indices_(call.operand<const std::int64_t>(3)),
        first_index_(call.run->first_index),
        rows_(rows),
        columns_(columns) {}

  [[nodiscard]] PELLUCID_INLINE bool is_planar() const {
    return static_cast<ImageForm>(shape_.form) != ImageForm::blocks;
  }
  // Floats between neighbouring cells of a plane.
  [[nodiscard]] PELLUCID_INLINE std::int64_t cell() const { return is_planar() ? 1 : LANES; }
  // Floats between two planes, as kernels read them.
  [[nodiscard]] PELLUCID_INLINE std::int64_t plane() const {
    if (shape_.direct != 0) return shape_.in_height * shape_.in_width * LANES;
    return shape_.plane;
  }
  // Floats between two rows of outputs' cells.
  [[nodiscard]] PELLUCID_INLINE std::int64_t row() const { return shape_.width * cell(); }

  // Where kernels find output row 0 of an image where nothing is copied.
  [[nodiscard]] PELLUCID_INLINE const float* direct(std::int64_t image) const {
    return static_cast<const float*>(x_) + image * shape_.sources * plane();
  }

  // Copy one plane of an image for output rows [begin, end).
  void copy(std::int64_t image, std::int64_t number, std::int64_t begin, std::int64_t end, float* to) const {
    const std::int64_t cells = shape_.in_height * shape_.in_width;
    switch (static_cast<ImageForm>(shape_.form)) {
      case ImageForm::blocks: {
        const std::int64_t first = (image * shape_.sources + number) * cells;
        copy_block(first, prologue(number), begin, end, reinterpret_cast<Vector*>(to));
        break;
      }
      case ImageForm::floats:
        copy_channel(static_cast<const float*>(x_) + whole_image(image, number) * cells, number, begin, end,
                     to);
        break;
      case ImageForm::bytes:
        copy_channel(static_cast<const std::uint8_t*>(x_) + whole_image(image, number) * cells, number, begin,
                     end, to);
        break;
    }
  }

 private:
  [[nodiscard]] PELLUCID_INLINE std::int64_t whole_image(std::int64_t image, std::int64_t channel) const {
    const std::int64_t position = first_index_ + image;
    return (indices_ != nullptr ? indices_[position] : position) * shape_.sources + channel;
  }

  [[nodiscard]] PELLUCID_INLINE Prologue prologue(std::int64_t block) const {
    const bool rectifies = shape_.rectify_source != 0;
    const bool plain = coefficients_ == nullptr && other_ == nullptr && !rectifies;
    Prologue result = {broadcast(1.0F), broadcast(1.0F), Vector{}, plain, other_ != nullptr, rectifies};
    if (coefficients_ != nullptr) {
      const std::int64_t row = shape_.sources * LANES;
      result.a = load(coefficients_ + block * LANES);
      result.b = load(coefficients_ + row + block * LANES);
      result.c = load(coefficients_ + 2 * row + block * LANES);
    }
    return result;
  }

  // Call visit(place in the plane of the first cell of a row's copy, row of the source or -1) for every row.
  template <typename Visit>
  PELLUCID_INLINE void for_each_row(std::int64_t begin, std::int64_t end, const Visit& visit) const {
    const std::int32_t copies = rows_[0];
    const std::int64_t longest = (shape_.rows + shape_.bands - 1) / shape_.bands;
    std::int64_t slot = 0;
    for (std::int32_t copy = 0; copy < copies; ++copy) {
      const std::int32_t* cells = rows_ + rows_[1 + 2 * copy];
      const std::int32_t more = rows_[2 + 2 * copy];
      for (std::int64_t i = begin; i < end + more; ++i) visit((slot + i - begin) * shape_.width, cells[i]);
      slot += longest + more;
    }
  }

  void copy_block(std::int64_t first, const Prologue& prologue, std::int64_t begin, std::int64_t end,
                  Vector* to) const {
    const Vector* x = static_cast<const Vector*>(x_) + first;
    const Vector* other = prologue.adds_other ? reinterpret_cast<const Vector*>(other_) + first : nullptr;
    for_each_row(begin, end, [&](std::int64_t place, std::int64_t row) {
      if (row < 0) {
        fill_row(to + place);
      } else if (prologue.is_plain) {
        const Vector* cells = x + row * shape_.in_width;
        copy_row(to + place, [&](std::int64_t column) { return cells[column]; });
      } else {
        const Vector* cells = x + row * shape_.in_width;
        const Vector* others = prologue.adds_other ? other + row * shape_.in_width : cells;
        copy_row(to + place,
                 [&](std::int64_t column) { return prologue.of(cells[column], others + column); });
      }
    });
  }

  template <typename Source>
  void copy_channel(const Source* x, std::int64_t channel, std::int64_t begin, std::int64_t end,
                    float* to) const {
    const std::int64_t padded = (shape_.sources + LANES - 1) / LANES * LANES;
    auto a = static_cast<float>(shape_.scale);
    float c = 0;
    if (coefficients_ != nullptr) {
      a *= coefficients_[channel];
      c = coefficients_[2 * padded + channel];
    }
    const bool rectifies = shape_.rectify_source != 0;
    for_each_row(begin, end, [&](std::int64_t place, std::int64_t row) {
      if (row < 0) {
        fill_row(to + place);
      } else {
        const Source* cells = x + row * shape_.in_width;
        copy_row(to + place, [&](std::int64_t column) {
          const float value = a * static_cast<float>(cells[column]) + c;
          return rectifies && value < 0 ? 0.0F : value;
        });
      }
    });
  }

  template <typename Cell>
  PELLUCID_INLINE void fill_row(Cell* to) const {
    for (std::int64_t copy = 0; copy < shape_.column_copies; ++copy, to += shape_.slots * shape_.width) {
      for (std::int64_t i = 0; i < shape_.width; ++i) to[i] = Cell{};
    }
  }

  template <typename Cell, typename Read>
  PELLUCID_INLINE void copy_row(Cell* to, const Read& read) const {
    const std::int32_t* header = columns_ + 1;
    const std::int32_t* cells = header + 3 * shape_.column_copies;
    const std::int64_t step = columns_[0];
    for (std::int64_t copy = 0; copy < shape_.column_copies; ++copy) {
      const std::int64_t inside = header[0];
      const std::int64_t outside = header[1];
      for (std::int64_t i = 0; i < inside; ++i) to[i] = cells[i] < 0 ? Cell{} : read(cells[i]);
      std::int64_t column = header[2];
      for (std::int64_t i = inside; i < outside; ++i, column += step) to[i] = read(column);
      for (std::int64_t i = outside; i < shape_.width; ++i) to[i] = cells[i] < 0 ? Cell{} : read(cells[i]);
      header += 3;
      cells += shape_.width;
      to += shape_.slots * shape_.width;
    }
  }

  const Shape& shape_;
  const void* x_;
  const float* other_;
  const float* coefficients_;
  const std::int64_t* indices_;
  std::int64_t first_index_;
  const std::int32_t* rows_;
  const std::int32_t* columns_;
};

}  // namespace pellucid::PELLUCID_ISA
