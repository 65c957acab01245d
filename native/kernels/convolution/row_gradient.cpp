// convolution_row_gradient: output gradient, weights, groups and connections with the roles of the maps
// exchanged -> gradient of the padded input, for stride and dilation 1 along rows.
//
// dJ/dx[c, i + u] += w[o, c, u] delta[o, i]: a run of output cells is scattered into as many input cells and
// kernel_width - 1 more, of several maps at once and all in registers, so that no product with a border's
// zero is formed.
#include "base/simd.h"
#include "kernels/block.h"
#include "kernels/convolution/passes.h"
#include "kernels/convolution/taps.h"
#include "kernels/declarations.h"

namespace pellucid::PELLUCID_ISA {
namespace {

// Longest kernel row that this scheme holds in registers.
constexpr int MAX_TAPS = 7;
constexpr int MAX_MAPS = 4;
constexpr int MAX_RUN = 10;

// Registers for a weight and, where there are many to assign, for the compiler's slips.
constexpr int SPARE = REGISTERS == 32 ? 3 : 1;

// Output cells whose sums over `maps` maps fit, beside the cells themselves.
constexpr int longest_run(int maps, int taps) {
  const int run = (REGISTERS - SPARE - maps * (taps - 1)) / (maps + 1);
  return run < MAX_RUN ? run : MAX_RUN;
}

// Maps to take at a time: what costs least a multiply-add, two of which may begin each cycle. They need
// loads, of which no more may begin; and a sum is added to min(run, taps) times a pass, each time after the
// four cycles of the addition before.
constexpr int preferred_maps(int taps) {
  int best = 1;
  double least = 1e9;
  for (int maps = 1; maps <= MAX_MAPS; ++maps) {
    const int run = longest_run(maps, taps);
    if (run < 1) break;
    const double work = static_cast<double>(maps) * run * taps;
    const double waiting = 8.0 * (run < taps ? run : taps) / work;
    const double loads = (run + maps * taps) / work;
    const double cost = (waiting > 1 ? waiting : 1) + (loads > 1 ? loads : 0.25 * loads);
    if (cost < least) {
      least = cost;
      best = maps;
    }
  }
  return best;
}

struct RowArguments {
  const Vector* gradient;  // at output row 0, at the run's first cell
  const float* weights;
  const Connection* connections;
  Vector* output;
  int connection_count;
  int weight_stride;  // between the kernels of two maps
  int plane;          // cells of a gradient map
  int out_plane;
  const Tap* rows;
  int row_count;
  bool first;  // whether no earlier run of this row has written its last TAPS - 1 cells
};

template <int MAPS, int TAPS, int RUN>
struct RowBlock {
  // Whether there is hardly a register for the last cell, so that it is multiplied straight from memory;
  // where cells are few, that would be a load too many a multiply-add.
  static constexpr bool SCARCE = RUN > 2 && MAPS*(RUN + TAPS - 1) + RUN + 1 >= REGISTERS - SPARE;
  static constexpr int HELD = SCARCE ? RUN - 1 : RUN;

  // 0, RUN, 2 RUN, ..., then 1, RUN + 1, ...
  static constexpr int tap_at(int turn) {
    for (int start = 0; start < RUN; ++start) {
      const int count = start < TAPS ? (TAPS - start + RUN - 1) / RUN : 0;
      if (turn < count) return start + turn * RUN;
      turn -= count;
    }
    return 0;
  }

  static void run(const RowArguments& a) {
    Vector sum[MAPS][RUN + TAPS - 1] = {};
    if (!a.first) {
      PELLUCID_UNROLL
      for (int map = 0; map < MAPS; ++map) {
        PELLUCID_UNROLL
        for (int cell = 0; cell < TAPS - 1; ++cell) sum[map][cell] = a.output[map * a.out_plane + cell];
      }
    }
    for (int v = 0; v < a.row_count; ++v) {
      const Vector* rows = a.gradient + a.rows[v].cell;
      const float* weights = a.weights + a.rows[v].weight;
      const std::int64_t plane = a.plane;
      const std::int64_t weight_stride = a.weight_stride;
      const Connection* const end = a.connections + a.connection_count;
      for (const Connection* connection = a.connections; connection != end; ++connection) {
        const Vector* row = rows + connection->map * plane;
        const float* weight = weights + connection->weight;
        Vector cells[HELD];
        PELLUCID_UNROLL
        for (int cell = 0; cell < HELD; ++cell) cells[cell] = row[cell];
        const Vector* const last = row + RUN - 1;
        // Taps RUN apart add to different sums, so one need not wait for another.
        PELLUCID_UNROLL
        for (int turn = 0; turn < TAPS; ++turn) {
          const int tap = tap_at(turn);
          PELLUCID_UNROLL
          for (int map = 0; map < MAPS; ++map) {
            const Vector w = broadcast(weight[map * weight_stride + tap]);
            PELLUCID_UNROLL
            for (int cell = 0; cell < HELD; ++cell) sum[map][cell + tap] += w * cells[cell];
            if constexpr (SCARCE) sum[map][RUN - 1 + tap] += w * *reread(last);
          }
          if constexpr (RUN > 2) keep_order();
        }
      }
    }
    PELLUCID_UNROLL
    for (int map = 0; map < MAPS; ++map) {
      PELLUCID_UNROLL
      for (int cell = 0; cell < RUN + TAPS - 1; ++cell) a.output[map * a.out_plane + cell] = sum[map][cell];
    }
  }
};

// RowBlock<MAPS, TAPS, RUN>::run for every block that may be chosen, TAPS up to LONGEST.
template <int LONGEST>
struct RowTable {
  decltype(&RowBlock<1, 1, 1>::run) functions[LONGEST + 1][MAX_MAPS + 1][MAX_RUN + 1] = {};

  constexpr RowTable() { fill_taps<1>(); }

  template <int TAPS>
  constexpr void fill_taps() {
    fill_maps<1, TAPS>();
    if constexpr (TAPS < LONGEST) fill_taps<TAPS + 1>();
  }
  template <int MAPS, int TAPS>
  constexpr void fill_maps() {
    fill_runs<MAPS, TAPS, 1>();
    if constexpr (MAPS < preferred_maps(TAPS)) fill_maps<MAPS + 1, TAPS>();
  }
  template <int MAPS, int TAPS, int RUN>
  constexpr void fill_runs() {
    functions[TAPS][MAPS][RUN] = &RowBlock<MAPS, TAPS, RUN>::run;
    if constexpr (RUN < longest_run(MAPS, TAPS)) fill_runs<MAPS, TAPS, RUN + 1>();
  }
};

constexpr RowTable<MAX_TAPS> blocks;

}  // namespace

void scatter_rows(const ConvolutionAttributes& shape, const Vector* gradient, const float* weights,
                  const ConnectionGroup* groups, const Connection* connections, Vector* output) {
  const int in_width = static_cast<int>(shape.in_width);
  const int out_width = static_cast<int>(shape.out_width);
  const int taps = static_cast<int>(shape.kernel_width);
  RowArguments a = {};
  a.plane = static_cast<int>(shape.out_height) * out_width;
  a.out_plane = static_cast<int>(shape.in_height) * in_width;
  Tap rows[MAX_KERNEL];
  a.rows = rows;

  for (int g = 0; g < shape.groups; ++g) {
    const ConnectionGroup group = groups[g];
    a.connections = connections + group.first_connection;
    a.connection_count = group.connections;
    a.weight_stride = group.weight_stride;
    const int most = preferred_maps(taps);
    for (int y = 0; y < shape.in_height; ++y) {
      a.row_count = list_taps(y, static_cast<int>(shape.kernel_height),
                              static_cast<int>(shape.dilation_height), static_cast<int>(shape.stride_height),
                              static_cast<int>(shape.out_height), taps, out_width, rows);
      int count = 0;
      for (int map = 0; map < group.count; map += count) {
        count = next_maps(group.count - map, most);
        const Cut runs(out_width, longest_run(count, taps));
        a.weights = weights + static_cast<std::int64_t>(map) * group.weight_stride;
        Vector* out = output + static_cast<std::int64_t>(group.first + map) * a.out_plane + y * in_width;
        for (int piece = 0, x = 0; piece < runs.parts; x += runs.size(piece++)) {
          a.gradient = gradient + x;
          a.output = out + x;
          a.first = piece == 0;
          blocks.functions[taps][count][runs.size(piece)](a);
        }
      }
    }
  }
}

void convolution_row_gradient(const Call& call) {
  scatter_rows(call.as<ConvolutionAttributes>(), call.operand<const Vector>(0), call.operand<const float>(1),
               call.operand<const ConnectionGroup>(2), call.operand<const Connection>(3),
               call.operand<Vector>(4));
}

}  // namespace pellucid::PELLUCID_ISA
