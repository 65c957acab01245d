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

#include <type_traits>

#include "base/simd.h"
#include "isa/rectified.h"
#include "kernels/attributes.h"
#include "kernels/block.h"
#include "kernels/blocks/convolution.h"
#include "kernels/blocks/description.h"
#include "kernels/call.h"
#include "kernels/transfer/cells.h"

namespace pellucid::PELLUCID_ISA {

// A row of one channel of a caller's image, described.
template <typename Source>
struct ChannelRow {
  const Source* cells;
  float a;
  float c;
  bool rectify;

  PELLUCID_INLINE float operator()(std::int64_t column) const {
    const float value = a * static_cast<float>(cells[column]) + c;
    return rectify && value < 0 ? 0.0F : value;
  }
  // Of LANES columns.
  [[nodiscard]] PELLUCID_INLINE Vector from(std::int64_t column) const {
    const Vector value = a * load_cells(cells + column) + c;
    return rectify ? rectified(value) : value;
  }
};

template <typename Shape>
class Band {
 public:
  // x, other or null, coefficients or null, indices or null.
  Band(const Call& call, const std::int32_t* rows, const std::int32_t* columns)
      : shape_(call.as<Shape>()),
        value_(call, 0, shape_.rectify_source != 0),
        images_(call.operand<const void>(0)),
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
    return static_cast<const float*>(images_) + image * shape_.sources * plane();
  }

  // Copy one plane of an image for output rows [begin, end).
  void copy(std::int64_t image, std::int64_t number, std::int64_t begin, std::int64_t end, float* to) const {
    const std::int64_t cells = shape_.in_height * shape_.in_width;
    switch (static_cast<ImageForm>(shape_.form)) {
      case ImageForm::blocks: {
        const AnyReader reader(value_, shape_.sources, number);
        copy_block(reader, (image * shape_.sources + number) * cells, begin, end,
                   reinterpret_cast<Vector*>(to));
        break;
      }
      case ImageForm::floats:
        copy_channel(static_cast<const float*>(images_) + whole_image(image, number) * cells, number, begin,
                     end, to);
        break;
      case ImageForm::bytes:
        copy_channel(static_cast<const std::uint8_t*>(images_) + whole_image(image, number) * cells, number,
                     begin, end, to);
        break;
    }
  }

 private:
  [[nodiscard]] PELLUCID_INLINE std::int64_t whole_image(std::int64_t image, std::int64_t channel) const {
    const std::int64_t position = first_index_ + image;
    return (indices_ != nullptr ? indices_[position] : position) * shape_.sources + channel;
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

  // first: the plane's first cell.
  void copy_block(const AnyReader& reader, std::int64_t first, std::int64_t begin, std::int64_t end,
                  Vector* to) const {
    const bool is_plain = value_.is_plain();
    for_each_row(begin, end, [&](std::int64_t place, std::int64_t row) {
      const std::int64_t cells = first + row * shape_.in_width;
      if (row < 0) {
        fill_row(to + place);
      } else if (is_plain) {
        copy_row(to + place, [&](std::int64_t column) { return reader.linear.x[cells + column]; });
      } else {
        copy_row(to + place, [&](std::int64_t column) { return reader(cells + column); });
      }
    });
  }

  template <typename Source>
  void copy_channel(const Source* x, std::int64_t channel, std::int64_t begin, std::int64_t end,
                    float* to) const {
    const std::int64_t lane = channel % LANES;
    const Coefficients of_block(value_.linear, blocks_of(shape_.sources), channel / LANES);
    const float a = static_cast<float>(shape_.scale) * of_block.a[lane];
    const float c = of_block.c[lane];
    for_each_row(begin, end, [&](std::int64_t place, std::int64_t row) {
      if (row < 0) {
        fill_row(to + place);
      } else {
        copy_row(to + place, ChannelRow<Source>{x + row * shape_.in_width, a, c, value_.rectify});
      }
    });
  }

  template <typename Cell>
  PELLUCID_INLINE void fill_row(Cell* to) const {
    for (std::int64_t copy = 0; copy < shape_.column_copies; ++copy, to += shape_.slots * shape_.width) {
      for (std::int64_t i = 0; i < shape_.width; ++i) to[i] = Cell{};
    }
  }

  // Cells that lie `step` apart, the first of them in `column`.
  template <typename Cell, typename Read>
  PELLUCID_INLINE static void copy_cells(Cell* to, std::int64_t count, std::int64_t column, std::int64_t step,
                                         const Read& read) {
    if constexpr (std::is_same_v<Cell, float>) {
      if (step == 1 && count >= LANES) {
        for (std::int64_t i = 0; i + LANES < count; i += LANES) store(to + i, read.from(column + i));
        const std::int64_t last = count - LANES;  // may overlap the one before
        store(to + last, read.from(column + last));
        return;
      }
    }
    for (std::int64_t i = 0; i < count; ++i, column += step) to[i] = read(column);
  }

  template <typename Cell, typename Read>
  PELLUCID_INLINE void copy_row(Cell* to, const Read& read) const {
    const std::int32_t* header = columns_ + 1;
    const std::int32_t* cells = header + 3 * shape_.column_copies;
    for (std::int64_t copy = 0; copy < shape_.column_copies; ++copy) {
      const std::int64_t inside = header[0];
      const std::int64_t outside = header[1];
      for (std::int64_t i = 0; i < inside; ++i) to[i] = cells[i] < 0 ? Cell{} : read(cells[i]);
      copy_cells(to + inside, outside - inside, header[2], columns_[0], read);
      for (std::int64_t i = outside; i < shape_.width; ++i) to[i] = cells[i] < 0 ? Cell{} : read(cells[i]);
      header += 3;
      cells += shape_.width;
      to += shape_.slots * shape_.width;
    }
  }

  const Shape& shape_;
  const RectifiedDescription value_;
  const void* images_;  // what value_.linear.x is, in whatever form
  const std::int64_t* indices_;
  std::int64_t first_index_;
  const std::int32_t* rows_;
  const std::int32_t* columns_;
};

}  // namespace pellucid::PELLUCID_ISA
