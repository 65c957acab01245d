// blocks_depthwise_output: x, other, coefficients, packed kernels, bias, addend, sums, signs, rows, columns,
// phases, taps, scratch, y. Other, coefficients, bias, addend, sums and signs may be null.
//
// y[c, i] = rectified(bias[c] + addend[c, i] + sum over taps u of w[c, u] x[c, cell of i and u])
//
// It is a depthwise convolution's output, and with the kernels turned round its input's gradient.
// Neighbouring outputs stay in registers over all taps, so that each weight that is loaded serves them all;
// the cells are operands of the multiply-adds.
#include "base/simd.h"
#include "isa/rectified.h"
#include "kernels/block.h"
#include "kernels/blocks/depthwise.h"
#include "kernels/blocks/signs.h"
#include "kernels/declarations.h"

namespace pellucid::PELLUCID_ISA {
namespace {

struct OutputArguments {
  const float* cells;        // of the ring, for the block's first output
  const std::int32_t* taps;  // from there to each tap's cell, in floats
  const std::int32_t* end;   // of the taps
  const Vector* weights;
  std::int64_t step;  // between the cells of neighbouring outputs, in floats
  Vector bias;
  const Vector* addend;
  Vector* y;
  std::int64_t y_step;
  bool rectifies;
};

// STEP: vectors between the cells of neighbouring outputs; 0 where only the arguments say.
template <int OUTPUTS, int STEP>
struct OutputBlock {
  static void run(const OutputArguments& a) {
    const std::int64_t step = STEP > 0 ? STEP * LANES : a.step;
    Vector sum[OUTPUTS];
    PELLUCID_UNROLL
    for (int i = 0; i < OUTPUTS; ++i) sum[i] = a.bias;
    const float* const cells = a.cells;
    const Vector* weights = a.weights;
    const std::int32_t* const end = a.end;
#pragma GCC unroll 1
    for (const std::int32_t* tap = a.taps; tap != end; ++tap, ++weights) {
      const float* cell = cells + *tap;
      const Vector weight = *weights;
      PELLUCID_UNROLL
      for (int i = 0; i < OUTPUTS; ++i, cell += step) {
        sum[i] += weight * *reinterpret_cast<const Vector*>(cell);
      }
      keep_order();
    }
    finish(a, sum);
  }

 private:
  PELLUCID_INLINE static void finish(const OutputArguments& a, Vector (&sum)[OUTPUTS]) {
    if (a.addend != nullptr) {
      PELLUCID_UNROLL
      for (int i = 0; i < OUTPUTS; ++i) sum[i] += a.addend[i * a.y_step];
    }
    if (a.rectifies) {
      // Not max(): a NaN stays one.
      PELLUCID_UNROLL
      for (int i = 0; i < OUTPUTS; ++i) sum[i] = select(sum[i] < Vector{}, Vector{}, sum[i]);
    }
    PELLUCID_UNROLL
    for (int i = 0; i < OUTPUTS; ++i) a.y[i * a.y_step] = sum[i];
  }
};

// Taps along an axis that the outputs of one phase meet.
struct PhaseTaps {
  std::int32_t before;  // taps of the phases before
  std::int32_t count;
};

// One register for the weight, one for a product where multiply-adds are not fused.
constexpr int MOST_OUTPUTS = REGISTERS == 32 ? 28 : 14;

template <int STEP>
struct OutputTable {
  using Function = void (*)(const OutputArguments&);
  Function functions[MOST_OUTPUTS + 1] = {};

  constexpr OutputTable() { fill<1>(); }
  template <int OUTPUTS>
  constexpr void fill() {
    functions[OUTPUTS] = &OutputBlock<OUTPUTS, STEP>::run;
    if constexpr (OUTPUTS < MOST_OUTPUTS) fill<OUTPUTS + 1>();
  }
};

constexpr OutputTable<0> of_any_step;
constexpr OutputTable<1> of_neighbours;
constexpr OutputTable<2> of_every_second;

class DepthwiseOutput {
 public:
  explicit DepthwiseOutput(const Call& call)
      : shape_(call.as<DepthwiseAttributes>()),
        ring_(call, call.operand<const std::int32_t>(8), call.operand<const std::int32_t>(9),
              call.operand<Vector>(12)),
        weights_(call.operand<const Vector>(3)),
        bias_(call.operand<const float>(4)),
        addend_(call.operand<const Vector>(5)),
        sums_(call.operand<double>(6)),
        signs_(call.operand<SignBits>(7)),
        phases_(call.operand<const PhaseTaps>(10)),
        taps_(call.operand<const std::int32_t>(11)),
        y_(call.operand<Vector>(13)),
        blocks_(blocks_of(shape_.channels)),
        functions_(shape_.column_step == 1   ? of_neighbours.functions
                   : shape_.column_step == 2 ? of_every_second.functions
                                             : of_any_step.functions) {}

  // Items are numbered (image, block, part of the rows).
  void run(std::int64_t begin, std::int64_t end) {
    const std::int64_t steps = (shape_.out_height + shape_.row_phases - 1) / shape_.row_phases;
    for (std::int64_t item = begin; item < end; ++item) {
      const std::int64_t part = item % shape_.parts;
      plane_ = item / shape_.parts;
      ring_.open(plane_ / blocks_, plane_ % blocks_);
      choose_block(plane_ % blocks_);
      const std::int64_t last = cut_at(steps, part + 1, shape_.parts);
      for (std::int64_t step = cut_at(steps, part, shape_.parts); step < last; ++step) run_step(step);
    }
  }

 private:
  void choose_block(std::int64_t block) {
    block_ = block;
    OutputArguments a = {};
    a.step = shape_.column_step * LANES;
    a.y_step = shape_.column_phases;
    a.rectifies = shape_.rectify != 0;
    const std::int64_t rest = shape_.channels - block * LANES;
    for (int lane = 0; bias_ != nullptr && lane < LANES && lane < rest; ++lane) {
      a.bias[lane] = bias_[block * LANES + lane];
    }
    arguments_ = a;
  }

  // A row of each phase.
  void run_step(std::int64_t step) {
    const std::int32_t* taps = taps_ + ring_.hold(step * shape_.row_step) * shape_.taps;
    for (std::int64_t phase = 0; phase < shape_.row_phases; ++phase) {
      const std::int64_t y = step * shape_.row_phases + phase;
      if (y < shape_.out_height) run_row(y, phases_[phase], taps);
    }
  }

  void run_row(std::int64_t y, const PhaseTaps& rows, const std::int32_t* taps) {
    const std::int64_t first = (plane_ * shape_.out_height + y) * shape_.out_width;
    const std::int64_t phases = shape_.column_phases;
    OutputArguments& a = arguments_;
    for (std::int64_t phase = 0; phase < phases && phase < shape_.out_width; ++phase) {
      const PhaseTaps& columns = phases_[shape_.row_phases + phase];
      const std::int64_t tap = rows.before * shape_.kernel_width + rows.count * columns.before;
      a.taps = taps + tap;
      a.end = a.taps + rows.count * columns.count;
      a.weights = weights_ + block_ * shape_.taps + tap;
      a.cells = reinterpret_cast<const float*>(ring_.cells());
      a.y = y_ + first + phase;
      a.addend = addend_ == nullptr ? nullptr : addend_ + first + phase;
      run_columns(a, static_cast<int>((shape_.out_width - phase + phases - 1) / phases));
    }
    if (sums_ != nullptr) add_moments(y_ + first);
    if (signs_ == nullptr) return;
    for (std::int64_t x = first; x < first + shape_.out_width; ++x) signs_[x] = signs_of(y_[x]);
  }

  void run_columns(OutputArguments& a, int count) const {
    const Cut cut(count, MOST_OUTPUTS);
    for (int part = 0; part < cut.parts; ++part) {
      const int outputs = cut.size(part);
      functions_[outputs](a);
      a.cells += outputs * a.step;
      a.y += outputs * a.y_step;
      if (a.addend != nullptr) a.addend += outputs * a.y_step;
    }
  }

  // Of a row that was written.
  void add_moments(const Vector* row) const {
    Vector sum = {};
    Vector squares = {};
    for (std::int64_t x = 0; x < shape_.out_width; ++x) {
      sum += row[x];
      squares += row[x] * row[x];
    }
    double* totals = sums_ + block_ * LANES;
    for (int lane = 0; lane < LANES; ++lane) {
      totals[lane] += static_cast<double>(sum[lane]);
      totals[blocks_ * LANES + lane] += static_cast<double>(squares[lane]);
    }
  }

  const DepthwiseAttributes& shape_;
  RowRing ring_;
  const Vector* weights_;
  const float* bias_;
  const Vector* addend_;
  double* sums_;
  SignBits* signs_;
  const PhaseTaps* phases_;
  const std::int32_t* taps_;
  Vector* y_;
  std::int64_t blocks_;
  const OutputTable<0>::Function* functions_;
  OutputArguments arguments_ = {};
  std::int64_t plane_ = 0;
  std::int64_t block_ = 0;
};

}  // namespace

// Shared: parts of the rows of all blocks, of all images.
void blocks_depthwise_output(const Call& call) {
  DepthwiseOutput(call).run(call.begin, call.end);
}

}  // namespace pellucid::PELLUCID_ISA
