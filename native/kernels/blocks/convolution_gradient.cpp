// Gradients of a convolution's kernels and biases over channel blocks.
//
// dJ/dw[o, c, u] = sum over images and positions i of delta[o, i] x[c, cell of i and u]
//
// Some cells (channels and taps) x the vectors of a group of outputs stay in registers over a band's
// positions. Shards share out groups of outputs x sources: each goes through all images for what is its own,
// so nothing is left to be reduced.
#include "base/simd.h"
#include "kernels/block.h"
#include "kernels/blocks/convolution_band.h"
#include "kernels/blocks/convolution_kernels.h"
#include "kernels/declarations.h"

namespace pellucid::PELLUCID_ISA {
namespace {

// Cells to hold in one block with one vector or two.
constexpr int MOST_CELLS = REGISTERS == 32 ? 10 : 8;
constexpr int CELLS_OF[3] = {0, MOST_CELLS, REGISTERS == 32 ? 10 : 6};

struct SumArguments {
  const float* x;
  const float* delta;
  Vector* totals;
  std::int64_t offsets[MOST_CELLS];  // of the cells from x, in floats
  std::int64_t vector;               // between the group's vectors of delta, in floats
  std::int64_t runs;                 // of positions without gaps
  std::int64_t length;               // of a run
  std::int64_t x_run;                // between two runs, in floats
  std::int64_t delta_run;
};

// Neighbouring positions' cells lie STEP floats apart.
template <int CELLS, int VECTORS, int STEP>
struct SumBlock {
  static void run(const SumArguments& a) {
    Vector sum[CELLS][VECTORS] = {};
    std::int64_t offset[CELLS];
    PELLUCID_UNROLL
    for (int cell = 0; cell < CELLS; ++cell) offset[cell] = a.offsets[cell];
    for (std::int64_t run = 0; run < a.runs; ++run) {
      const float* x = a.x + run * a.x_run;
      const float* delta = a.delta + run * a.delta_run;
      const float* const end = delta + a.length * LANES;
      for (; delta != end; delta += LANES, x += STEP) {
        Vector gradient[VECTORS];
        PELLUCID_UNROLL
        for (int v = 0; v < VECTORS; ++v) {
          gradient[v] = *reinterpret_cast<const Vector*>(delta + v * a.vector);
        }
        PELLUCID_UNROLL
        for (int cell = 0; cell < CELLS; ++cell) {
          const Vector value = broadcast(x[offset[cell]]);
          PELLUCID_UNROLL
          for (int v = 0; v < VECTORS; ++v) sum[cell][v] += value * gradient[v];
        }
      }
    }
    PELLUCID_UNROLL
    for (int cell = 0; cell < CELLS; ++cell) {
      PELLUCID_UNROLL
      for (int v = 0; v < VECTORS; ++v) a.totals[cell * VECTORS + v] += sum[cell][v];
    }
  }
};

template <int STEP>
struct SumTable {
  using Function = void (*)(const SumArguments&);
  Function functions[3][MOST_CELLS + 1] = {};

  constexpr SumTable() {
    fill<1, 1>();
    fill<2, 1>();
  }
  template <int VECTORS, int CELLS>
  constexpr void fill() {
    functions[VECTORS][CELLS] = &SumBlock<CELLS, VECTORS, STEP>::run;
    if constexpr (CELLS < CELLS_OF[VECTORS]) fill<VECTORS, CELLS + 1>();
  }
};

constexpr SumTable<LANES> of_blocks;
constexpr SumTable<1> of_channels;

class KernelGradient {
 public:
  explicit KernelGradient(const Call& call)
      : shape_(call.as<KernelGradientAttributes>()),
        band_(call, call.operand<const std::int32_t>(8), call.operand<const std::int32_t>(9)),
        delta_(call.operand<const float>(4)),
        groups_(call.operand<const OutputGroup>(5)),
        sources_(call.operand<const SourceEntry>(6)),
        taps_(call.operand<const std::int32_t>(7)),
        kernels_({call.operand<const std::int32_t>(10), shape_.in_channels, shape_.out_channels,
                  shape_.channel_groups, shape_.taps}),
        scratch_(call.operand<float>(11)),
        totals_(call.operand<Vector>(12)),
        gradient_(call.operand<float>(13)),
        batch_(call.run->batch_images),
        vectors_(blocks_of(shape_.out_channels)),
        map_(shape_.rows * shape_.columns * LANES) {}

  // Items are numbered (part of the groups, part of the sources that they read).
  void run(std::int64_t begin, std::int64_t end) {
    for (std::int64_t item = begin; item < end; ++item) {
      const std::int64_t part = item / shape_.source_parts;
      first_group_ = cut_at(shape_.groups, part, shape_.parts);
      last_group_ = cut_at(shape_.groups, part + 1, shape_.parts);
      choose_planes(item % shape_.source_parts);
      sum_up();
      unpack();
    }
  }

 private:
  void choose_planes(std::int64_t part) {
    std::int64_t first = shape_.sources;
    std::int64_t last = 0;
    for (std::int64_t g = first_group_; g < last_group_; ++g) {
      const SourceEntry* sources = sources_ + groups_[g].first_source;
      const std::int64_t begin = sources[0].plane;
      const std::int64_t end = sources[groups_[g].sources - 1].plane + 1;
      first = begin < first ? begin : first;
      last = end > last ? end : last;
    }
    first_plane_ = first + cut_at(last - first, part, shape_.source_parts);
    last_plane_ = first + cut_at(last - first, part + 1, shape_.source_parts);
  }

  // Call visit(group, its first source that the item sums, the end of those, where their totals begin) for
  // every group.
  template <typename Visit>
  PELLUCID_INLINE void for_each_group(const Visit& visit) const {
    Vector* totals = totals_;
    for (std::int64_t g = first_group_; g < last_group_; ++g) {
      const OutputGroup& group = groups_[g];
      const SourceEntry* begin = sources_ + group.first_source;
      const SourceEntry* const last = begin + group.sources;
      while (begin != last && begin->plane < first_plane_) ++begin;
      const SourceEntry* end = begin;
      while (end != last && end->plane < last_plane_) ++end;
      visit(group, begin, end, totals);
      totals += cells(begin, end) * group.vectors;
    }
  }

  // Call visit(group, source, where its totals begin) for everything that the item sums.
  template <typename Visit>
  PELLUCID_INLINE void for_each_source(const Visit& visit) const {
    for_each_group(
        [&](const OutputGroup& group, const SourceEntry* begin, const SourceEntry* end, Vector* totals) {
          for (const SourceEntry* source = begin; source != end; ++source) {
            visit(group, *source, totals);
            totals += shape_.taps * source->count * group.vectors;
          }
        });
  }

  // Cells of some sources: channels and taps.
  [[nodiscard]] std::int64_t cells(const SourceEntry* begin, const SourceEntry* end) const {
    std::int64_t channels = 0;
    for (const SourceEntry* source = begin; source != end; ++source) channels += source->count;
    return channels * shape_.taps;
  }

  void sum_up() {
    for_each_group(
        [&](const OutputGroup& group, const SourceEntry* begin, const SourceEntry* end, Vector* totals) {
          const std::int64_t values = cells(begin, end) * group.vectors;
          for (std::int64_t i = 0; i < values; ++i) totals[i] = Vector{};
        });
    for (std::int64_t image = 0; image < batch_; image += shape_.images) {
      const std::int64_t images = image + shape_.images < batch_ ? shape_.images : batch_ - image;
      for (std::int64_t band = 0; band < shape_.bands; ++band) {
        add_band(image, images, cut_at(shape_.rows, band, shape_.bands),
                 cut_at(shape_.rows, band + 1, shape_.bands));
      }
    }
  }

  void add_band(std::int64_t first_image, std::int64_t images, std::int64_t row, std::int64_t row_end) {
    const bool direct = shape_.direct != 0;
    const bool joined = shape_.joined != 0;
    const std::int64_t plane = band_.plane();
    float* to = scratch_;
    for (std::int64_t image = 0; image < images && !direct; ++image) {
      for (std::int64_t p = first_plane_; p < last_plane_; ++p, to += plane) {
        band_.copy(first_image + image, p, row, row_end, to);
      }
    }
    SumArguments a = {};
    a.vector = map_;
    a.runs = joined ? images : row_end - row;
    a.length = joined ? (row_end - row) * shape_.columns : shape_.columns;
    const std::int64_t x_image = (direct ? shape_.sources : last_plane_ - first_plane_) * plane;
    a.x_run = joined ? x_image : band_.row();
    a.delta_run = joined ? vectors_ * map_ : shape_.columns * LANES;
    a.x = direct ? band_.direct(first_image) + first_plane_ * plane + row * band_.row() : scratch_;
    for_each_group(
        [&](const OutputGroup& group, const SourceEntry* begin, const SourceEntry* end, Vector* totals) {
          a.delta = delta_ + (first_image * vectors_ + group.first) * map_ + row * shape_.columns * LANES;
          a.totals = totals;
          add_group(a, group, begin, end);
        });
  }

  // All taps and channels of some sources, in blocks that do not mind where one source ends.
  void add_group(SumArguments& a, const OutputGroup& group, const SourceEntry* source,
                 const SourceEntry* end) const {
    if (source == end) return;
    const auto* functions =
        band_.is_planar() ? of_channels.functions[group.vectors] : of_blocks.functions[group.vectors];
    const Cut cut(static_cast<int>(cells(source, end)), CELLS_OF[group.vectors]);
    const std::int64_t plane = band_.plane();
    const std::int32_t* const last_tap = taps_ + shape_.taps - 1;
    const std::int32_t* tap = taps_;
    const auto first_cell = [&] { return (source->plane - first_plane_) * plane + source->first + *tap; };
    std::int64_t next = first_cell();
    int left = source->count;
    for (int part = 0; part < cut.parts; ++part) {
      const int count = cut.size(part);
      for (int cell = 0; cell < count; ++cell) {
        a.offsets[cell] = next++;
        if (--left > 0) continue;
        if (tap == last_tap) ++source;
        tap = tap == last_tap ? taps_ : tap + 1;
        if (source == end) break;
        next = first_cell();
        left = source->count;
      }
      functions[count](a);
      a.totals += count * group.vectors;
    }
  }

  // Into the layer's order.
  void unpack() const {
    for_each_source([&](const OutputGroup& group, const SourceEntry& source, const Vector* totals) {
      const std::int64_t row = group.vectors * LANES;
      for (std::int64_t lane = 0; lane < row; ++lane) {
        const std::int64_t output = group.first * LANES + lane;
        if (output >= shape_.out_channels) break;
        const OutputKernels kernels = kernels_.of(output);
        for (std::int64_t c = 0; c < source.count; ++c) {
          const std::int64_t kernel = kernels.of(source.channel + c);
          if (kernel < 0) continue;
          const float* from = reinterpret_cast<const float*>(totals) + c * row + lane;
          for (std::int64_t tap = 0; tap < shape_.taps; ++tap) {
            gradient_[kernel + tap] = from[tap * source.count * row];
          }
        }
      }
    });
  }

  const KernelGradientAttributes& shape_;
  const Band<KernelGradientAttributes> band_;
  const float* delta_;
  const OutputGroup* groups_;
  const SourceEntry* sources_;
  const std::int32_t* taps_;
  const LayerKernels kernels_;
  float* scratch_;
  Vector* totals_;
  float* gradient_;
  std::int64_t batch_;
  std::int64_t vectors_;  // of delta's map
  std::int64_t map_;      // floats of one vector's map of delta
  std::int64_t first_group_ = 0;
  std::int64_t last_group_ = 0;
  std::int64_t first_plane_ = 0;
  std::int64_t last_plane_ = 0;
};

// Positions that are summed in floats before they are added to a double.
constexpr std::int64_t POSITIONS_AT_A_TIME = 256;

}  // namespace

// blocks_kernel_gradient: x, other, coefficients, indices (as the source has them, or null), delta, groups,
// sources, taps, rows, columns, connections or null, scratch, totals (scratch), gradient.
//
// Shared: parts of the groups x parts of the sources.
void blocks_kernel_gradient(const Call& call) {
  KernelGradient(call).run(call.begin, call.end);
}

// blocks_channel_sums: delta -> each channel's sum over images and positions, the gradient of a bias.
//
// Shared: blocks.
void blocks_channel_sums(const Call& call) {
  const auto& shape = call.as<ChannelAttributes>();
  const auto* delta = call.operand<const Vector>(0);
  auto* gradient = call.operand<float>(1);
  const std::int64_t blocks = blocks_of(shape.channels);
  for (std::int64_t block = call.begin; block < call.end; ++block) {
    double totals[LANES] = {};
    for (std::int64_t image = 0; image < call.run->batch_images; ++image) {
      const Vector* cells = delta + (image * blocks + block) * shape.positions;
      for (std::int64_t begin = 0; begin < shape.positions; begin += POSITIONS_AT_A_TIME) {
        const std::int64_t rest = shape.positions - begin;
        const std::int64_t end = begin + (rest < POSITIONS_AT_A_TIME ? rest : POSITIONS_AT_A_TIME);
        Vector sum = {};
        for (std::int64_t p = begin; p < end; ++p) sum += cells[p];
        for (int lane = 0; lane < LANES; ++lane) totals[lane] += static_cast<double>(sum[lane]);
      }
    }
    for (int lane = 0; lane < LANES && block * LANES + lane < shape.channels; ++lane) {
      gradient[block * LANES + lane] = static_cast<float>(totals[lane]);
    }
  }
}

}  // namespace pellucid::PELLUCID_ISA
