// blocks_depthwise_gradient: x, other or null, coefficients or null, delta, rows, columns, taps, scratch,
// totals (parts, blocks, taps, lanes), doubles.
//
// dJ/dw[c, u] = sum over images and positions i of delta[c, i] x[c, cell of i and u]
//
// Some taps' sums stay in registers along a row. Shards share out blocks x parts of the images; each part has
// totals of its own, which depthwise_weight_gradient adds up.
#include "base/simd.h"
#include "kernels/block.h"
#include "kernels/blocks/depthwise.h"
#include "kernels/declarations.h"

namespace pellucid::PELLUCID_ISA {
namespace {

constexpr int MOST_TAPS = 10;

// Positions that are summed in floats before they are added to a double.
constexpr std::int64_t POSITIONS_AT_A_TIME = 256;

struct SumArguments {
  const float* cells;
  const Vector* delta;
  std::int64_t length;       // positions
  std::int64_t step;         // between their cells, in floats
  const std::int32_t* taps;  // from the cells to each tap's, in floats
  Vector* sums;
};

template <int TAPS>
struct SumBlock {
  static void run(const SumArguments& a) {
    Vector sum[TAPS];
    std::int64_t offset[TAPS];
    PELLUCID_UNROLL
    for (int tap = 0; tap < TAPS; ++tap) {
      sum[tap] = a.sums[tap];
      offset[tap] = a.taps[tap];
    }
    const std::int64_t step = a.step;
    const float* cells = a.cells;
    const Vector* const end = a.delta + a.length;
    for (const Vector* delta = a.delta; delta != end; ++delta, cells += step) {
      const Vector gradient = *delta;
      PELLUCID_UNROLL
      for (int tap = 0; tap < TAPS; ++tap) {
        sum[tap] += gradient * *reinterpret_cast<const Vector*>(cells + offset[tap]);
      }
    }
    PELLUCID_UNROLL
    for (int tap = 0; tap < TAPS; ++tap) a.sums[tap] = sum[tap];
  }
};

// SumBlock<TAPS>::run for TAPS up to MOST.
template <int MOST>
struct SumTable {
  using Function = void (*)(const SumArguments&);
  Function functions[MOST + 1] = {};

  constexpr SumTable() { fill<1>(); }
  template <int TAPS>
  constexpr void fill() {
    functions[TAPS] = &SumBlock<TAPS>::run;
    if constexpr (TAPS < MOST) fill<TAPS + 1>();
  }
};

constexpr SumTable<MOST_TAPS> table;

class DepthwiseGradient {
 public:
  explicit DepthwiseGradient(const Call& call)
      : shape_(call.as<DepthwiseAttributes>()),
        ring_(call, call.operand<const std::int32_t>(4), call.operand<const std::int32_t>(5),
              call.operand<Vector>(7)),
        delta_(call.operand<const Vector>(3)),
        taps_(call.operand<const std::int32_t>(6)),
        sums_(call.operand<Vector>(7) + shape_.ring * shape_.width),
        totals_(call.operand<double>(8)),
        batch_(call.run->batch_images),
        blocks_(blocks_of(shape_.channels)) {}

  // Items are numbered (part of the images, block).
  void run(std::int64_t begin, std::int64_t end) {
    for (std::int64_t item = begin; item < end; ++item) {
      const std::int64_t part = item / blocks_;
      const std::int64_t block = item % blocks_;
      double* totals = totals_ + item * shape_.taps * LANES;
      for (std::int64_t i = 0; i < shape_.taps * LANES; ++i) totals[i] = 0;
      clear_sums();
      const std::int64_t last = cut_at(batch_, part + 1, shape_.parts);
      for (std::int64_t image = cut_at(batch_, part, shape_.parts); image < last; ++image) {
        add_plane(image, block, totals);
      }
      flush(totals);
    }
  }

 private:
  void clear_sums() {
    for (std::int64_t tap = 0; tap < shape_.taps; ++tap) sums_[tap] = Vector{};
    pending_ = 0;
  }

  void flush(double* totals) {
    for (std::int64_t tap = 0; tap < shape_.taps; ++tap, totals += LANES) {
      for (int lane = 0; lane < LANES; ++lane) totals[lane] += static_cast<double>(sums_[tap][lane]);
    }
    clear_sums();
  }

  void add_plane(std::int64_t image, std::int64_t block, double* totals) {
    ring_.open(image, block);
    const Vector* delta = delta_ + (image * blocks_ + block) * shape_.out_height * shape_.out_width;
    for (std::int64_t y = 0; y < shape_.out_height; ++y, delta += shape_.out_width) {
      const std::int32_t* taps = taps_ + ring_.hold(y * shape_.row_step) * shape_.taps;
      for (std::int64_t begin = 0; begin < shape_.out_width; begin += POSITIONS_AT_A_TIME) {
        const std::int64_t rest = shape_.out_width - begin;
        const std::int64_t length = rest < POSITIONS_AT_A_TIME ? rest : POSITIONS_AT_A_TIME;
        if (pending_ + length > POSITIONS_AT_A_TIME) flush(totals);
        add_positions(taps, delta, begin, length);
        pending_ += length;
      }
    }
  }

  // All taps of some positions of a row.
  void add_positions(const std::int32_t* taps, const Vector* delta, std::int64_t begin,
                     std::int64_t length) const {
    SumArguments a = {};
    a.cells = reinterpret_cast<const float*>(ring_.cells() + begin * shape_.column_step);
    a.delta = delta + begin;
    a.length = length;
    a.step = shape_.column_step * LANES;
    a.taps = taps;
    a.sums = sums_;
    const Cut cut(static_cast<int>(shape_.taps), MOST_TAPS);
    for (int part = 0; part < cut.parts; ++part) {
      const int size = cut.size(part);
      table.functions[size](a);
      a.taps += size;
      a.sums += size;
    }
  }

  const DepthwiseAttributes& shape_;
  RowRing ring_;
  const Vector* delta_;
  const std::int32_t* taps_;
  Vector* sums_;
  double* totals_;
  std::int64_t batch_;
  std::int64_t blocks_;
  std::int64_t pending_ = 0;  // positions in the sums
};

}  // namespace

// Shared: blocks, in each part of the images.
void blocks_depthwise_gradient(const Call& call) {
  DepthwiseGradient(call).run(call.begin, call.end);
}

}  // namespace pellucid::PELLUCID_ISA
