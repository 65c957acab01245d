// Max pooling of channel blocks. The winner of each window is kept as the number of its tap, in a byte where
// the window has few enough.
#include "base/simd.h"
#include "isa/rectified.h"
#include "kernels/blocks/planes.h"
#include "kernels/declarations.h"

namespace pellucid::PELLUCID_ISA {
namespace {

using Bytes = std::uint8_t __attribute__((vector_size(LANES)));

struct NoWinners {
  static constexpr bool KEPT = false;
  PELLUCID_INLINE NoWinners(const Call&, int) {}
  PELLUCID_INLINE void put(std::int64_t, Integers) const {}
};

// Taps below 255, which stands for none.
struct ByteWinners {
  static constexpr bool KEPT = true;
  std::uint8_t* places;

  PELLUCID_INLINE ByteWinners(const Call& call, int operand) : places(call.operand<std::uint8_t>(operand)) {}
  PELLUCID_INLINE void put(std::int64_t cell, Integers winner) const {
    const Bytes bytes = __builtin_convertvector(winner, Bytes);
    std::memcpy(places + cell * LANES, &bytes, sizeof bytes);
  }
  [[nodiscard]] PELLUCID_INLINE Integers get(std::int64_t cell) const {
    Bytes bytes;
    std::memcpy(&bytes, places + cell * LANES, sizeof bytes);
    return __builtin_convertvector(bytes, Integers);
  }
};

struct WideWinners {
  static constexpr bool KEPT = true;
  Integers* places;

  PELLUCID_INLINE WideWinners(const Call& call, int operand) : places(call.operand<Integers>(operand)) {}
  PELLUCID_INLINE void put(std::int64_t cell, Integers winner) const { places[cell] = winner; }
  [[nodiscard]] PELLUCID_INLINE Integers get(std::int64_t cell) const { return places[cell]; }
};

// Windows of up to 254 taps have their winners in bytes; lowering/blocks/pooling.py knows the same number.
constexpr std::int64_t LARGEST_BYTE_WINDOW = 254;

PELLUCID_INLINE bool fits_bytes(const PoolingAttributes& shape) {
  return shape.kernel_height * shape.kernel_width <= LARGEST_BYTE_WINDOW;
}

template <int HEIGHT, int WIDTH, typename Values, typename Winners>
void pool(const Call& call) {
  const auto& shape = call.as<PoolingAttributes>();
  const Winners winners(call, 3);
  auto* y = call.operand<Vector>(4);
  const bool rectify = shape.rectify != 0;
  for_each_plane<Values>(call, [&](const Values& values, std::int64_t in, std::int64_t out) {
    const auto visit = [&](const Window& window, std::int64_t place) {
      const int width = static_cast<int>(shape.kernel_width);
      Integers winner = broadcast_integer(window.rows.begin * width + window.columns.begin);
      Vector best = values(in + window.cell(window.rows.begin, window.columns.begin));
      PELLUCID_UNROLL
      for (int v = window.rows.begin; v < window.rows.end; ++v) {
        PELLUCID_UNROLL
        for (int u = window.columns.begin; u < window.columns.end; ++u) {
          const Vector cell = values(in + window.cell(v, u));
          // The first maximum wins, and a NaN beats every number.
          const Integers better = ~(cell <= best) & (best == best);
          best = select(better, cell, best);
          if constexpr (Winners::KEPT) winner = select(better, broadcast_integer(v * width + u), winner);
        }
      }
      if (rectify) {
        if constexpr (Winners::KEPT) winner = select(best > Vector{}, winner, broadcast_integer(-1));
        best = rectified(best);
      }
      y[out + place] = best;
      winners.put(out + place, winner);
    };
    for_each_window_of_plane<HEIGHT, WIDTH>(shape, visit);
  });
}

template <int HEIGHT, int WIDTH, typename Values>
PELLUCID_INLINE void pool_with_winners(const Call& call) {
  if (call.operand<void>(3) == nullptr) return pool<HEIGHT, WIDTH, Values, NoWinners>(call);
  if constexpr (HEIGHT == 0) {
    if (!fits_bytes(call.as<PoolingAttributes>())) return pool<HEIGHT, WIDTH, Values, WideWinners>(call);
  }
  pool<HEIGHT, WIDTH, Values, ByteWinners>(call);
}

template <int HEIGHT, int WIDTH, typename Values, typename Winners>
void scatter(const Call& call) {
  const auto& shape = call.as<PoolingAttributes>();
  const Winners winners(call, 3);
  auto* x = call.operand<Vector>(4);
  const bool once = tiles_input(shape);
  for_each_plane<Values>(call, [&](const Values& gradient, std::int64_t in, std::int64_t out) {
    Vector* plane = x + in;
    if (!once) clear_plane(shape, plane);
    const auto visit = [&](const Window& window, std::int64_t place) {
      const Vector delta = gradient(out + place);
      const Integers winner = winners.get(out + place);
      const int width = static_cast<int>(shape.kernel_width);
      PELLUCID_UNROLL
      for (int v = window.rows.begin; v < window.rows.end; ++v) {
        PELLUCID_UNROLL
        for (int u = window.columns.begin; u < window.columns.end; ++u) {
          const Vector share = keep_where(winner == broadcast_integer(v * width + u), delta);
          Vector& cell = plane[window.cell(v, u)];
          cell = once ? share : cell + share;
        }
      }
    };
    for_each_window_of_plane<HEIGHT, WIDTH>(shape, visit);
  });
}

}  // namespace

// blocks_max_pooling_output: x, other or null, coefficients or null -> winners unless null, y. With `rectify`
// a ReLU comes first: the largest x decides, and a window without a positive one has no winner. Shared:
// blocks of all images.
void blocks_max_pooling_output(const Call& call) {
  with_window(call.as<PoolingAttributes>(), [&]<int HEIGHT, int WIDTH> {
    with_reader(Description(call, 0),
                [&]<typename Values> { pool_with_winners<HEIGHT, WIDTH, Values>(call); });
  });
}

// blocks_max_pooling_gradient: delta, other or null, coefficients or null, winners -> dx. Shared: blocks of
// all images.
void blocks_max_pooling_gradient(const Call& call) {
  const auto& shape = call.as<PoolingAttributes>();
  with_reader(Description(call, 0), [&]<typename Values> {
    if (!fits_bytes(shape)) return scatter<0, 0, Values, WideWinners>(call);
    with_window(shape, [&]<int HEIGHT, int WIDTH> { scatter<HEIGHT, WIDTH, Values, ByteWinners>(call); });
  });
}

}  // namespace pellucid::PELLUCID_ISA
