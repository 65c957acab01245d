// The register blocks of blocks_correlate (convolution_output.cpp): neighbouring outputs x the vectors of a
// group stay in registers over all taps of some sources. Each weight that is loaded serves all the outputs,
// each cell that is broadcast all the vectors.
#pragma once

#include "base/simd.h"
#include "isa/rectified.h"
#include "kernels/blocks/convolution.h"
#include "kernels/blocks/output_places.h"

namespace pellucid::PELLUCID_ISA {

struct BlockArguments {
  const float* x;
  const Vector* weights;
  OutputPlaces places;
  std::int64_t plane;     // of the source, in floats
  std::int64_t y_step;    // between outputs, in vectors
  std::int64_t y_vector;  // between vectors of the group, likewise
  const SourceEntry* sources;
  std::int64_t source_count;
  std::int64_t first_plane;  // the one at x
  const std::int32_t* taps;  // in floats
  std::int64_t tap_count;
  bool begins;  // rather than adds to what y holds
  bool ends;    // with the last sources: what follows the sums is done
  bool rectify;
  Vector bias[2];  // of the group's vectors
};

// One channel at one tap: OUTPUTS cells, STEP floats apart, times VECTORS of weights.
template <int OUTPUTS, int VECTORS, int STEP>
PELLUCID_INLINE void accumulate(Vector (&sum)[OUTPUTS][VECTORS], const float* cells, const Vector* weights) {
  Vector weight[VECTORS];
  PELLUCID_UNROLL
  for (int v = 0; v < VECTORS; ++v) weight[v] = weights[v];
  PELLUCID_UNROLL
  for (int i = 0; i < OUTPUTS; ++i) {
    const Vector cell = broadcast(cells[i * STEP]);
    PELLUCID_UNROLL
    for (int v = 0; v < VECTORS; ++v) sum[i][v] += cell * weight[v];
  }
  keep_order();
}

// Bring floats that the next block of outputs will read nearer.
template <int FLOATS>
PELLUCID_INLINE void fetch(const float* from) {
  PELLUCID_UNROLL
  for (int i = 0; i < FLOATS; i += 16) __builtin_prefetch(from + i);
}

// A block of outputs, and as many more that follow it.
template <int OUTPUTS, int VECTORS, int STEP>
struct CorrelationBlock {
  static void run(const BlockArguments& a, int blocks) {
    const float* x = a.x;
    OutputPlaces places = a.places;
    for (int block = 0; block < blocks; ++block) {
      Vector sum[OUTPUTS][VECTORS] = {};
      add_sources(a, x, sum);
      if (!a.begins) {
        for_each(a, [&](int i, int v, std::int64_t at) { sum[i][v] += places.y[at]; });
      }
      if (a.ends) finish(a, places, sum);
      for_each(a, [&](int i, int v, std::int64_t at) { places.y[at] = sum[i][v]; });
      if (a.ends && places.signs != nullptr) {
        for_each(a, [&](int i, int v, std::int64_t at) { places.signs[at] = signs_of(sum[i][v]); });
      }
      x += OUTPUTS * STEP;
      places = places.at(OUTPUTS * a.y_step);
    }
  }

  PELLUCID_INLINE static void add_sources(const BlockArguments& a, const float* x,
                                          Vector (&sum)[OUTPUTS][VECTORS]) {
    const Vector* weights = a.weights;
    const std::int32_t* const taps_end = a.taps + a.tap_count;
    const SourceEntry* const sources_end = a.sources + a.source_count;
    for (const SourceEntry* source = a.sources; source != sources_end; ++source) {
      const float* plane = x + (source->plane - a.first_plane) * a.plane + source->first;
      const int count = source->count;
      for (const std::int32_t* tap = a.taps; tap != taps_end; ++tap) {
        const float* cells = plane + *tap;
        if constexpr (STEP > 1) fetch<OUTPUTS * STEP>(cells + OUTPUTS * STEP);
#pragma GCC unroll 2
        for (int channel = 0; channel < count; ++channel, ++cells, weights += VECTORS) {
          accumulate<OUTPUTS, VECTORS, STEP>(sum, cells, weights);
        }
      }
    }
  }

  // Call visit(output, vector, its place).
  template <typename Visit>
  PELLUCID_INLINE static void for_each(const BlockArguments& a, const Visit& visit) {
    std::int64_t at = 0;
    PELLUCID_UNROLL
    for (int i = 0; i < OUTPUTS; ++i, at += a.y_step) {
      PELLUCID_UNROLL
      for (int v = 0; v < VECTORS; ++v) visit(i, v, at + v * a.y_vector);
    }
  }

  PELLUCID_INLINE static void finish(const BlockArguments& a, const OutputPlaces& places,
                                     Vector (&sum)[OUTPUTS][VECTORS]) {
    PELLUCID_UNROLL
    for (int i = 0; i < OUTPUTS; ++i) {
      PELLUCID_UNROLL
      for (int v = 0; v < VECTORS; ++v) sum[i][v] += a.bias[v];
    }
    if (places.addend != nullptr) {
      for_each(a, [&](int i, int v, std::int64_t at) { sum[i][v] += places.addend[at]; });
    }
    if (a.rectify) {
      PELLUCID_UNROLL
      for (int i = 0; i < OUTPUTS; ++i) {
        PELLUCID_UNROLL
        for (int v = 0; v < VECTORS; ++v) sum[i][v] = rectified(sum[i][v]);
      }
    }
    if (places.mask != nullptr) {
      for_each(a, [&](int i, int v, std::int64_t at) {
        sum[i][v] = Signs<1>(places.mask + at).keep(0, sum[i][v]);
      });
    }
  }
};

// Outputs of a block by the vectors of its group.
constexpr int MOST_OUTPUTS = REGISTERS == 32 ? 16 : 12;
constexpr int OUTPUTS_OF[3] = {0, MOST_OUTPUTS, REGISTERS == 32 ? 14 : 6};

template <int STEP>
struct CorrelationTable {
  using Function = void (*)(const BlockArguments&, int blocks);
  Function functions[3][MOST_OUTPUTS + 1] = {};

  constexpr CorrelationTable() {
    fill<1, 1>();
    fill<2, 1>();
  }
  template <int VECTORS, int OUTPUTS>
  constexpr void fill() {
    functions[VECTORS][OUTPUTS] = &CorrelationBlock<OUTPUTS, VECTORS, STEP>::run;
    if constexpr (OUTPUTS < OUTPUTS_OF[VECTORS]) fill<VECTORS, OUTPUTS + 1>();
  }
};

}  // namespace pellucid::PELLUCID_ISA
