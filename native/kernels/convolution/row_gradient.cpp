// convolution_row_gradient: output gradient, weights, groups and connections with the roles of the maps
// exchanged -> gradient of the padded input, for stride and dilation 1 along rows.
//
// dJ/dx[c, i + u] += w[o, c, u] delta[o, i]: a run of output cells is scattered into as many input cells and
// kernel_width - 1 more, all in registers, so that no product with a border's zero is formed.
#include "base/simd.h"
#include "kernels/block.h"
#include "kernels/convolution/convolution.h"
#include "kernels/convolution/taps.h"
#include "kernels/declarations.h"

namespace pellucid::PELLUCID_ISA {
namespace {

// Longest kernel row, and longest run of output cells, that this scheme holds in registers.
constexpr int MAX_TAPS = 7;
constexpr int MAX_RUN = REGISTERS == 32 ? 16 : 12;

// Nothing else stays in a register, so more sums fit than usual; and long runs are needed, for a sum is added
// to once a tap, and two additions to one must lie the latency of a multiply-add apart.
constexpr int SUMS = REGISTERS == 32 ? 28 : 14;

struct RowArguments {
  const Vector* gradient;  // at output row 0, at the run's first cell
  const float* weights;
  const Connection* connections;
  Vector* output;
  int connection_count;
  int plane;  // cells of a gradient map
  const Tap* rows;
  int row_count;
  bool first;  // whether no earlier run of this row has written its last TAPS - 1 cells
};

template <int TAPS, int RUN>
struct RowBlock {
  static void run(const RowArguments& a) {
    Vector sum[RUN + TAPS - 1] = {};
    if (!a.first) {
      PELLUCID_UNROLL
      for (int cell = 0; cell < TAPS - 1; ++cell) sum[cell] = a.output[cell];
    }
    for (int c = 0; c < a.connection_count; ++c) {
      const Connection connection = a.connections[c];
      const Vector* plane = a.gradient + static_cast<std::int64_t>(connection.map) * a.plane;
      for (int v = 0; v < a.row_count; ++v) {
        const Vector* row = plane + a.rows[v].cell;
        const float* weight = a.weights + connection.weight + a.rows[v].weight;
        PELLUCID_UNROLL
        for (int tap = 0; tap < TAPS; ++tap) {
          const Vector w = broadcast(weight[tap]);
          const Vector* cells = reread(row);
          PELLUCID_UNROLL
          for (int cell = 0; cell < RUN; ++cell) sum[cell + tap] += w * cells[cell];
        }
      }
    }
    PELLUCID_UNROLL
    for (int cell = 0; cell < RUN + TAPS - 1; ++cell) a.output[cell] = sum[cell];
  }
};

// RowBlock<TAPS, RUN>::run for every pair whose sums fit the accumulators.
template <int LONGEST>
struct RowTable {
  decltype(&RowBlock<1, 1>::run) functions[LONGEST + 1][MAX_RUN + 1] = {};

  constexpr RowTable() { fill_taps<1>(); }

  template <int TAPS>
  constexpr void fill_taps() {
    fill_runs<TAPS, 1>();
    if constexpr (TAPS < LONGEST) fill_taps<TAPS + 1>();
  }
  template <int TAPS, int RUN>
  constexpr void fill_runs() {
    functions[TAPS][RUN] = &RowBlock<TAPS, RUN>::run;
    if constexpr (RUN < MAX_RUN && RUN + TAPS <= SUMS) fill_runs<TAPS, RUN + 1>();
  }
};

constexpr RowTable<MAX_TAPS> blocks;

}  // namespace

void convolution_row_gradient(const Call& call) {
  const auto& shape = call.as<ConvolutionAttributes>();
  const auto* gradient = call.operand<const Vector>(0);
  const auto* weights = call.operand<const float>(1);
  const auto* groups = call.operand<const ConnectionGroup>(2);
  const auto* connections = call.operand<const Connection>(3);
  auto* output = call.operand<Vector>(4);

  const int in_width = static_cast<int>(shape.in_width);
  const int out_width = static_cast<int>(shape.out_width);
  const int taps = static_cast<int>(shape.kernel_width);
  const Cut runs(out_width, smaller(MAX_RUN, SUMS + 1 - taps));
  RowArguments a = {};
  a.plane = static_cast<int>(shape.out_height) * out_width;
  Tap rows[MAX_KERNEL];
  a.rows = rows;

  for (int g = 0; g < shape.groups; ++g) {
    const ConnectionGroup group = groups[g];
    a.connections = connections + group.first_connection;
    a.connection_count = group.connections;
    for (int y = 0; y < shape.in_height; ++y) {
      a.row_count = list_taps(y, static_cast<int>(shape.kernel_height),
                              static_cast<int>(shape.dilation_height), static_cast<int>(shape.stride_height),
                              static_cast<int>(shape.out_height), taps, out_width, rows);
      for (int map = 0; map < group.count; ++map) {
        a.weights = weights + static_cast<std::int64_t>(map) * group.weight_stride;
        Vector* out =
            output + (static_cast<std::int64_t>(group.first + map) * shape.in_height + y) * in_width;
        for (int part = 0, x = 0; part < runs.parts; x += runs.size(part++)) {
          a.gradient = gradient + x;
          a.output = out + x;
          a.first = part == 0;
          blocks.functions[taps][runs.size(part)](a);
        }
      }
    }
  }
}

}  // namespace pellucid::PELLUCID_ISA
