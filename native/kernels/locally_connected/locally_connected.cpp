// Locally connected layers, the batch in the lanes: output map o at a position has kernels of its own, which
// lie side by side: weights (out_channels, positions, in_channels, kernel).
#include "base/lane_sums.h"
#include "base/simd.h"
#include "kernels/declarations.h"
#include "kernels/pooling/window.h"

namespace pellucid::PELLUCID_ISA {
namespace {

// Output maps whose sums are formed side by side, so that none waits for itself.
constexpr int MAPS = 4;

struct Sizes {
  std::int64_t positions;    // of an output map
  std::int64_t plane;        // cells of an input map
  std::int64_t taps;         // of a kernel of one input map
  std::int64_t output_cell;  // weights of one output cell

  PELLUCID_INLINE explicit Sizes(const LocalConnectionAttributes& shape)
      : positions(shape.out_height * shape.out_width),
        plane(shape.in_height * shape.in_width),
        taps(shape.kernel_height * shape.kernel_width),
        output_cell(shape.channels * taps) {}
};

// Call visit(window of the first input map, position) for every position of an output map.
template <typename Visit>
PELLUCID_INLINE void for_each_position(const LocalConnectionAttributes& shape, const Visit& visit) {
  const PoolingAxis rows = pooling_rows(shape);
  const PoolingAxis columns = pooling_columns(shape);
  std::int64_t position = 0;
  for (std::int64_t y = 0; y < rows.out; ++y) {
    const Reach down = rows.at(y);
    for (std::int64_t x = 0; x < columns.out; ++x, ++position) {
      const Reach along = columns.at(x);
      const std::int64_t first = down.first * columns.in + along.first;
      visit(Window{first, down.taps, along.taps, columns.in, 1, 1.0F}, position);
    }
  }
}

// Call visit(input cell, weight's place) for every tap of a window that lies inside, in all input maps.
template <typename Visit>
PELLUCID_INLINE void for_each_tap(const LocalConnectionAttributes& shape, const Sizes& sizes,
                                  const Window& window, const Visit& visit) {
  for (std::int64_t channel = 0; channel < shape.channels; ++channel) {
    for (int v = window.rows.begin; v < window.rows.end; ++v) {
      for (int u = window.columns.begin; u < window.columns.end; ++u) {
        visit(channel * sizes.plane + window.cell(v, u), channel * sizes.taps + v * shape.kernel_width + u);
      }
    }
  }
}

// Sums of COUNT output maps at one position; their weights are `step` apart.
template <int COUNT>
PELLUCID_INLINE void output_cells(const LocalConnectionAttributes& shape, const Sizes& sizes,
                                  const Window& window, const Vector* x, const float* weights,
                                  Vector (&sums)[COUNT]) {
  const std::int64_t step = sizes.positions * sizes.output_cell;
  for_each_tap(shape, sizes, window, [&](std::int64_t cell, std::int64_t tap) {
    const Vector value = x[cell];
    PELLUCID_UNROLL
    for (int map = 0; map < COUNT; ++map) sums[map] += weights[map * step + tap] * value;
  });
}

template <int COUNT>
PELLUCID_INLINE void output_maps(const Call& call, std::int64_t map, const Window& window,
                                 std::int64_t position) {
  const auto& shape = call.as<LocalConnectionAttributes>();
  const Sizes sizes(shape);
  const auto* biases = call.operand<const float>(2);
  auto* y = call.operand<Vector>(3);
  const std::int64_t first = map * sizes.positions + position;
  Vector sums[COUNT];
  for (int i = 0; i < COUNT; ++i) {
    sums[i] = broadcast(biases != nullptr ? biases[first + i * sizes.positions] : 0.0F);
  }
  const auto* weights = call.operand<const float>(1) + first * sizes.output_cell;
  output_cells<COUNT>(shape, sizes, window, call.operand<const Vector>(0), weights, sums);
  for (int i = 0; i < COUNT; ++i) y[first + i * sizes.positions] = sums[i];
}

// One tensor of all tiles.
struct Tiles {
  const char* first;
  std::int64_t bytes;

  [[nodiscard]] PELLUCID_INLINE const Vector* operator[](std::int64_t tile) const {
    return reinterpret_cast<const Vector*>(first + tile * bytes);
  }
};

// The gradients of LANES weights of an output cell: products of its delta with the input cells at `offsets`.
PELLUCID_INLINE Vector weight_gradients(const Tiles& x, const Tiles& gradient, std::int64_t tiles,
                                        std::int64_t first, const std::int32_t* offsets, std::int64_t cell) {
  Vector sums[LANES] = {};
  for (std::int64_t tile = 0; tile < tiles; ++tile) {
    const Vector* values = x[tile] + first;
    const Vector delta = gradient[tile][cell];
    PELLUCID_UNROLL
    for (int i = 0; i < LANES; ++i) sums[i] += delta * values[offsets[i]];
  }
  return sum_each(sums);
}

PELLUCID_INLINE float weight_gradient(const Tiles& x, const Tiles& gradient, std::int64_t tiles,
                                      std::int64_t from, std::int64_t cell) {
  Vector sum = {};
  for (std::int64_t tile = 0; tile < tiles; ++tile) sum += gradient[tile][cell] * x[tile][from];
  return sum_lanes(sum);
}

}  // namespace

// local_connections_output: x, weights, biases (as y) or null -> y.
void local_connections_output(const Call& call) {
  const auto& shape = call.as<LocalConnectionAttributes>();
  for_each_position(shape, [&](const Window& window, std::int64_t position) {
    std::int64_t map = 0;
    for (; map + MAPS <= shape.out_channels; map += MAPS) output_maps<MAPS>(call, map, window, position);
    for (; map < shape.out_channels; ++map) output_maps<1>(call, map, window, position);
  });
}

// local_connections_input_gradient: delta, weights -> dx.
void local_connections_input_gradient(const Call& call) {
  const auto& shape = call.as<LocalConnectionAttributes>();
  const Sizes sizes(shape);
  const auto* gradient = call.operand<const Vector>(0);
  const auto* weights = call.operand<const float>(1);
  auto* out = call.operand<Vector>(2);
  clear_input(shape.channels * sizes.plane, out);
  for_each_position(shape, [&](const Window& window, std::int64_t position) {
    for (std::int64_t map = 0; map < shape.out_channels; ++map) {
      const std::int64_t cell = map * sizes.positions + position;
      const Vector delta = gradient[cell];
      const float* own = weights + cell * sizes.output_cell;
      for_each_tap(shape, sizes, window,
                   [&](std::int64_t from, std::int64_t tap) { out[from] += own[tap] * delta; });
    }
  });
}

// local_connections_weight_gradient, a range over output maps: x and delta of all tiles, where the input
// cells of a window lie from its first one (in_channels, kernel) -> dW and, unless null, db.
void local_connections_weight_gradient(const Call& call) {
  const auto& shape = call.as<LocalConnectionAttributes>();
  const Sizes sizes(shape);
  const std::int64_t tiles = blocks_of(call.run->batch_images);
  const Tiles x{call.operand<const char>(0), call.run->tile_bytes};
  const Tiles gradient{call.operand<const char>(1), call.run->tile_bytes};
  const auto* offsets = call.operand<const std::int32_t>(2);
  auto* weights = call.operand<float>(3);
  auto* biases = call.operand<float>(4);
  for (std::int64_t map = call.begin; map < call.end; ++map) {
    for_each_position(shape, [&](const Window& window, std::int64_t position) {
      const std::int64_t cell = map * sizes.positions + position;
      float* own = weights + cell * sizes.output_cell;
      const bool inside = window.rows.begin == 0 && window.rows.end == shape.kernel_height &&
                          window.columns.begin == 0 && window.columns.end == shape.kernel_width;
      if (inside) {
        std::int64_t tap = 0;
        for (; tap + LANES <= sizes.output_cell; tap += LANES) {
          store(own + tap, weight_gradients(x, gradient, tiles, window.first, offsets + tap, cell));
        }
        for (; tap < sizes.output_cell; ++tap) {
          own[tap] = weight_gradient(x, gradient, tiles, window.first + offsets[tap], cell);
        }
      } else {
        for (std::int64_t i = 0; i < sizes.output_cell; ++i) own[i] = 0.0F;  // taps that see only padding
        for_each_tap(shape, sizes, window, [&](std::int64_t from, std::int64_t tap) {
          own[tap] = weight_gradient(x, gradient, tiles, from, cell);
        });
      }
      if (biases == nullptr) return;
      Vector sum = {};
      for (std::int64_t tile = 0; tile < tiles; ++tile) sum += gradient[tile][cell];
      biases[cell] = sum_lanes(sum);
    });
  }
}

}  // namespace pellucid::PELLUCID_ISA
