// Depthwise convolutions over channel blocks: each channel has one kernel of its own, so that a vector holds
// the same cell of as many convolutions, and a tap costs one multiply-add.
//
// The source is read row by row. A ring holds copies of the rows that one step of output rows reads, with
// whatever lies around the source, so that no window is cut short; each row is copied once, and put through
// its description on the way.
//
// Along an axis output i * phases + p reads, at each tap of phase p, copied cell i * step + the tap's offset.
// A convolution has one phase and its stride as the step; the gradient of its input a phase for each place
// between two steps, and a step of 1. The taps are numbered by the rows' phases, the columns' phases, rows
// and columns. Tables:
//   rows: for each copied row the row of the source that it repeats, or -1 where it is all zeros.
//   columns: the first copied cell that lies inside the source, the end of those, the column of the first;
//     then what each copied cell repeats, as rows have it.
//   phases: for each phase of the rows, then of the columns, taps along that axis before it, and its own.
//   taps: for each place in the ring where a step's first row may lie, from the ring's first cell to each
//     tap's cell for output 0 of that step, in floats.
#pragma once

#include "base/simd.h"
#include "kernels/attributes.h"
#include "kernels/blocks/description.h"
#include "kernels/call.h"

namespace pellucid::PELLUCID_ISA {

class RowRing {
 public:
  // The value is the call's first three operands.
  RowRing(const Call& call, const std::int32_t* rows, const std::int32_t* columns, Vector* cells)
      : shape_(call.as<DepthwiseAttributes>()),
        value_(call, 0),
        rows_(rows),
        columns_(columns),
        cells_(cells),
        blocks_(blocks_of(shape_.channels)) {}

  // Read another plane from now on, of a block of an image.
  void open(std::int64_t image, std::int64_t block) {
    block_ = block;
    plane_ = (image * blocks_ + block) * shape_.in_height * shape_.in_width;
    end_ = -1;
  }

  // Copy what is missing of rows [first, first + the ring's length); `first` never decreases. Returns where
  // in the ring the first lies.
  std::int64_t hold(std::int64_t first) {
    if (first > end_) {
      end_ = first;
      slot_ = 0;
    }
    if (end_ < first + shape_.ring) {
      with_reader(value_, [&]<typename Values> {
        if (shape_.rectify_source != 0) {
          copy_rows<Rectified<Values>>(first + shape_.ring);
        } else {
          copy_rows<Values>(first + shape_.ring);
        }
      });
    }
    return slot_;
  }

  [[nodiscard]] PELLUCID_INLINE const Vector* cells() const { return cells_; }

 private:
  template <typename Values>
  void copy_rows(std::int64_t end) {
    const Values values(value_, blocks_, block_);
    for (; end_ < end; ++end_) {
      Vector* to = cells_ + slot_ * shape_.width;
      if (rows_[end_] < 0) {
        for (std::int64_t i = 0; i < shape_.width; ++i) to[i] = Vector{};
      } else {
        copy(values, rows_[end_], to);
      }
      if (++slot_ == shape_.ring) slot_ = 0;
    }
  }

  template <typename Values>
  PELLUCID_INLINE void copy(const Values& values, std::int64_t row, Vector* to) const {
    const std::int64_t first = plane_ + row * shape_.in_width;
    const std::int64_t inside = columns_[0];
    const std::int64_t outside = columns_[1];
    const std::int32_t* columns = columns_ + 3;
    const auto around = [&](std::int64_t i) {
      to[i] = columns[i] < 0 ? Vector{} : values(first + columns[i]);
    };
    for (std::int64_t i = 0; i < inside; ++i) around(i);
    std::int64_t cell = first + columns_[2];
    for (std::int64_t i = inside; i < outside; ++i, ++cell) to[i] = values(cell);
    for (std::int64_t i = outside; i < shape_.width; ++i) around(i);
  }

  const DepthwiseAttributes& shape_;
  const Description value_;
  const std::int32_t* rows_;
  const std::int32_t* columns_;
  Vector* cells_;
  std::int64_t blocks_;
  std::int64_t block_ = 0;
  std::int64_t plane_ = 0;  // its first cell
  std::int64_t end_ = -1;   // of the rows copied so far
  std::int64_t slot_ = 0;   // in the ring, of that row
};

}  // namespace pellucid::PELLUCID_ISA
