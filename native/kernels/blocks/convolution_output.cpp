// blocks_correlate: x, other, coefficients, indices, packed kernels, bias, addend, mask, sums, signs, groups,
// sources, taps, rows, columns, scratch, y. All but the tables, the kernels and y may be null, as the source
// has it.
//
// y[o, i] = rectified(bias[o] + addend[o, i] + sum over sources c and taps u of w[o, c, u] x[c, cell of i and
// u]), or 0 where the mask, signs of another such call, has no bit at [o, i]
//
// It is a convolution's output, and with the kernels turned round its input's gradient; there, a stride makes
// a call of every phase of positions, each with the taps that meet it.
#include "base/simd.h"
#include "isa/rectified.h"
#include "kernels/block.h"
#include "kernels/blocks/convolution_band.h"
#include "kernels/blocks/correlation_block.h"
#include "kernels/blocks/moments.h"
#include "kernels/declarations.h"

namespace pellucid::PELLUCID_ISA {
namespace {

constexpr CorrelationTable<LANES> of_blocks;
constexpr CorrelationTable<1> of_channels;

// Weights of a group's sources that a pass over the band's outputs reads, at most: they stay in the L1 cache.
constexpr std::int64_t WEIGHTS_AT_A_TIME = REGISTERS == 32 ? 8192 : 2560;

class Correlation {
 public:
  explicit Correlation(const Call& call)
      : shape_(call.as<BlockCorrelationAttributes>()),
        band_(call, call.operand<const std::int32_t>(13), call.operand<const std::int32_t>(14)),
        weights_(call.operand<const Vector>(4)),
        bias_(call.operand<const float>(5)),
        places_{.addend = call.operand<const Vector>(6),
                .mask = call.operand<const SignBits>(7),
                .signs = call.operand<SignBits>(9),
                .y = call.operand<Vector>(16)},
        sums_(call.operand<double>(8)),
        groups_(call.operand<const OutputGroup>(10)),
        sources_(call.operand<const SourceEntry>(11)),
        taps_(call.operand<const std::int32_t>(12)),
        scratch_(call.operand<float>(15)),
        batch_(call.run->batch_images),
        vectors_(blocks_of(shape_.out_channels)),
        map_(shape_.out_height * shape_.out_width) {}

  // Items are numbered (part of the groups, image, band); images of one part are taken several at a time.
  void run(std::int64_t begin, std::int64_t end) {
    while (begin < end) {
      const std::int64_t band = begin % shape_.bands;
      first_image_ = begin / shape_.bands % batch_;
      const std::int64_t part = begin / shape_.bands / batch_;
      images_ = 1;
      while (images_ < shape_.images && begin + images_ < end && first_image_ + images_ < batch_) ++images_;
      row_ = cut_at(shape_.rows, band, shape_.bands);
      row_end_ = cut_at(shape_.rows, band + 1, shape_.bands);
      run_part(cut_at(shape_.groups, part, shape_.parts), cut_at(shape_.groups, part + 1, shape_.parts));
      begin += images_;
    }
  }

 private:
  // All planes that the groups read, a chunk of them at a time.
  void run_part(std::int64_t first_group, std::int64_t last_group) {
    std::int64_t first = shape_.sources;
    std::int64_t last = 0;
    for (std::int64_t g = first_group; g < last_group; ++g) {
      const OutputGroup& group = groups_[g];
      if (group.sources == 0) continue;
      const std::int64_t begin = sources_[group.first_source].plane;
      const std::int64_t end = sources_[group.first_source + group.sources - 1].plane + 1;
      first = begin < first ? begin : first;
      last = end > last ? end : last;
    }
    if (shape_.taps == 0) last = first;
    do {
      const std::int64_t end =
          shape_.direct != 0 || first + shape_.chunk > last ? last : first + shape_.chunk;
      if (shape_.direct == 0) copy(first, end);
      for (std::int64_t g = first_group; g < last_group; ++g) {
        run_group(groups_[g], first, end);
        if (end >= last && sums_ != nullptr) sum_up(groups_[g]);
      }
      first = end;
    } while (first < last);
  }

  void copy(std::int64_t first, std::int64_t end) {
    first_plane_ = first;
    float* to = scratch_;
    for (std::int64_t image = 0; image < images_; ++image) {
      for (std::int64_t plane = first; plane < end; ++plane, to += band_.plane()) {
        band_.copy(first_image_ + image, plane, row_, row_end_, to);
      }
      to += (shape_.chunk - (end - first)) * band_.plane();
    }
  }

  [[nodiscard]] const float* source(std::int64_t image) const {
    if (shape_.direct != 0) return band_.direct(first_image_ + image) + row_ * band_.row();
    return scratch_ + image * shape_.chunk * band_.plane();
  }

  // Where an output lies: of the first vector of a group, row and column as the call counts them.
  [[nodiscard]] std::int64_t place(std::int64_t image, std::int64_t vector, std::int64_t row) const {
    const std::int64_t y = row * shape_.row_step + shape_.first_row;
    return ((first_image_ + image) * vectors_ + vector) * map_ + y * shape_.out_width + shape_.first_column;
  }

  // The sources of a group that lie within planes [first, end).
  void run_group(const OutputGroup& group, std::int64_t first, std::int64_t end) {
    const SourceEntry* source = sources_ + group.first_source;
    const SourceEntry* const last = source + group.sources;
    const SourceEntry* const all = source;
    while (source != last && source->plane < first) ++source;
    const std::int64_t most =
        WEIGHTS_AT_A_TIME / ((shape_.taps + (shape_.taps == 0 ? 1 : 0)) * group.vectors * LANES);
    while (source != last && source->plane < end) {
      const SourceEntry* until = source;
      for (std::int64_t channels = 0; until != last && until->plane < end; ++until) {
        channels += until->count;
        if (until != source && channels > most) break;
      }
      BlockArguments a = {};
      a.sources = source;
      a.source_count = until - source;
      a.first_plane = first_plane_;
      a.begins = source == all;
      a.ends = until == last;
      a.weights = weights_ + source->weights;
      run_sources(group, a);
      source = until;
    }
    if (group.sources == 0 || shape_.taps == 0) finish_nothing(group);
  }

  void run_sources(const OutputGroup& group, BlockArguments& a) {
    a.plane = band_.plane();
    a.y_step = shape_.column_step;
    a.y_vector = map_;
    a.taps = taps_;
    a.tap_count = shape_.taps;
    a.rectify = shape_.rectify != 0;
    for (int vector = 0; vector < group.vectors; ++vector) a.bias[vector] = bias(group.first + vector);
    const auto* functions =
        band_.is_planar() ? of_channels.functions[group.vectors] : of_blocks.functions[group.vectors];
    const Cut cut(static_cast<int>(run_length()), OUTPUTS_OF[group.vectors]);
    for (std::int64_t image = 0; image < images_; ++image) {
      for (std::int64_t row = 0; row < runs(); ++row) {
        a.x = source(image) + row * band_.row();
        a.places = places_.at(place(image, group.first, row_ + row));
        if (cut.longer > 0) {
          const int outputs = cut.base + 1;
          functions[outputs](a, cut.longer);
          a.x += cut.longer * outputs * band_.cell();
          a.places = a.places.at(cut.longer * outputs * a.y_step);
        }
        if (cut.parts > cut.longer) functions[cut.base](a, cut.parts - cut.longer);
      }
    }
  }

  // Outputs that follow upon each other: a row's, or where rows are joined the band's.
  [[nodiscard]] std::int64_t runs() const { return shape_.joined != 0 ? 1 : row_end_ - row_; }
  [[nodiscard]] std::int64_t run_length() const {
    return shape_.joined != 0 ? (row_end_ - row_) * shape_.columns : shape_.columns;
  }

  // Call visit(place) for every output of a vector.
  template <typename Visit>
  PELLUCID_INLINE void for_each_output(std::int64_t vector, const Visit& visit) const {
    const std::int64_t length = run_length();
    for (std::int64_t image = 0; image < images_; ++image) {
      for (std::int64_t row = 0; row < runs(); ++row) {
        const std::int64_t first = place(image, vector, row_ + row);
        for (std::int64_t i = 0; i < length; ++i) visit(first + i * shape_.column_step);
      }
    }
  }

  // The outputs of a group that reads nothing.
  void finish_nothing(const OutputGroup& group) {
    for (std::int64_t vector = group.first; vector < group.first + group.vectors; ++vector) {
      const Vector offset = bias(vector);
      for_each_output(vector, [&](std::int64_t at) {
        Vector value = offset;
        if (places_.addend != nullptr) value += places_.addend[at];
        if (shape_.rectify != 0) value = rectified(value);
        if (places_.mask != nullptr) value = Signs<1>(places_.mask + at).keep(0, value);
        places_.y[at] = value;
        if (places_.signs != nullptr) places_.signs[at] = signs_of(value);
      });
    }
  }

  [[nodiscard]] Vector bias(std::int64_t vector) const {
    Vector value = {};
    if (bias_ == nullptr) return value;
    const std::int64_t rest = shape_.out_channels - vector * LANES;
    for (int lane = 0; lane < LANES && lane < rest; ++lane) value[lane] = bias_[vector * LANES + lane];
    return value;
  }

  // The moments of a group's outputs.
  void sum_up(const OutputGroup& group) {
    for (std::int64_t vector = group.first; vector < group.first + group.vectors; ++vector) {
      Moments moments;
      for_each_output(vector, [&](std::int64_t at) { moments.add<1>(places_.y + at); });
      moments.flush(sums_, vector, vectors_);
    }
  }

  const BlockCorrelationAttributes& shape_;
  const Band<BlockCorrelationAttributes> band_;
  const Vector* weights_;
  const float* bias_;
  const OutputPlaces places_;
  double* sums_;
  const OutputGroup* groups_;
  const SourceEntry* sources_;
  const std::int32_t* taps_;
  float* scratch_;
  std::int64_t batch_;
  std::int64_t vectors_;  // of an output map
  std::int64_t map_;      // cells of an output map
  std::int64_t first_image_ = 0;
  std::int64_t images_ = 1;
  std::int64_t row_ = 0;
  std::int64_t row_end_ = 0;
  std::int64_t first_plane_ = 0;
};

}  // namespace

// Shared: parts of the groups x bands, of all images.
void blocks_correlate(const Call& call) {
  Correlation(call).run(call.begin, call.end);
}

}  // namespace pellucid::PELLUCID_ISA
