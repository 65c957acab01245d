// Between arrays of whole images, (images, cells), and tiles, (cells, lanes).
#include "base/simd.h"
#include "base/transpose.h"
#include "kernels/declarations.h"
#include "kernels/transfer/cells.h"
#include "kernels/transfer/scatter.h"

namespace pellucid::PELLUCID_ISA {
namespace {

// The number, in the caller's arrays, of the image in each lane; the first image's where a lane has none.
struct Images {
  std::int64_t number[LANES];

  Images(const Call& call, const std::int64_t* indices) {
    for (int lane = 0; lane < LANES; ++lane) {
      const std::int64_t position =
          call.run->first_index + call.first_image + (lane < call.images ? lane : 0);
      number[lane] = indices != nullptr ? indices[position] : position;
    }
  }
};

// `width` cells of each image, from `cell` on, times scale -> as many vectors.
template <typename Source>
PELLUCID_INLINE void gather_cells(const Source* const (&images)[LANES], std::int64_t count, std::int64_t cell,
                                  std::int64_t width, float scale, Vector* to) {
  if (width < LANES) {
    auto* out = reinterpret_cast<float*>(to);
    for (std::int64_t x = 0; x < width; ++x) {
      for (int lane = 0; lane < LANES; ++lane, ++out) {
        *out = lane < count ? static_cast<float>(images[lane][cell + x]) * scale : 0.0F;
      }
    }
    return;
  }
  for (std::int64_t x = 0; x < width; x += LANES) {
    if (x + LANES > width) x = width - LANES;  // the last square overlaps the one before
    Vector rows[LANES];
    for (int lane = 0; lane < LANES; ++lane) {
      // A select, not a product with 0: the first image's NaN must not reach lanes without an image.
      rows[lane] = lane < count ? load_cells(images[lane] + cell + x) * scale : Vector{};
    }
    transpose(rows);
    for (int row = 0; row < LANES; ++row) to[x + row] = rows[row];
  }
}

// Where each lane's image begins.
template <typename Source>
struct Places {
  const Source* place[LANES];

  Places(const Call& call, std::int64_t cells) {
    const Images images(call, call.operand<const std::int64_t>(1));
    for (int lane = 0; lane < LANES; ++lane) {
      place[lane] = call.operand<const Source>(0) + images.number[lane] * cells;
    }
  }
};

template <typename Source>
PELLUCID_INLINE void gather(const Call& call) {
  const auto& shape = call.as<GatherAttributes>();
  const Places<Source> images(call, shape.cells);
  gather_cells(images.place, call.images, 0, shape.cells, static_cast<float>(shape.scale),
               call.operand<Vector>(2));
}

PELLUCID_INLINE Vector* clear_cells(Vector* to, std::int64_t cells) {
  for (std::int64_t cell = 0; cell < cells; ++cell) to[cell] = Vector{};
  return to + cells;
}

template <typename Source>
PELLUCID_INLINE void gather_padded(const Call& call) {
  const auto& shape = call.as<PaddedGatherAttributes>();
  const std::int64_t padded_width = shape.left + shape.width + shape.right;
  const auto scale = static_cast<float>(shape.scale);
  const Places<Source> images(call, shape.channels * shape.height * shape.width);
  auto* to = call.operand<Vector>(2);
  std::int64_t cell = 0;
  for (std::int64_t channel = 0; channel < shape.channels; ++channel) {
    to = clear_cells(to, shape.top * padded_width);
    for (std::int64_t y = 0; y < shape.height; ++y, cell += shape.width) {
      to = clear_cells(to, shape.left);
      gather_cells(images.place, call.images, cell, shape.width, scale, to);
      to = clear_cells(to + shape.width, shape.right);
    }
    to = clear_cells(to, shape.bottom * padded_width);
  }
}

}  // namespace

// gather_bytes: images (uint8), indices or null -> tile, times scale.
void gather_bytes(const Call& call) {
  gather<std::uint8_t>(call);
}

// gather_floats: images (float), indices or null -> tile, times scale.
void gather_floats(const Call& call) {
  gather<float>(call);
}

// gather_padded_bytes: images (uint8), indices or null -> tile with zeros around every map, times scale.
void gather_padded_bytes(const Call& call) {
  gather_padded<std::uint8_t>(call);
}

// gather_padded_floats: images (float), indices or null -> tile with zeros around every map, times scale.
void gather_padded_floats(const Call& call) {
  gather_padded<float>(call);
}

// gather_classes: classes (int64), indices or null -> (lanes) int32, -1 where a lane has no image.
void gather_classes(const Call& call) {
  const auto* from = call.operand<const std::int64_t>(0);
  const Images images(call, call.operand<const std::int64_t>(1));
  auto* to = call.operand<std::int32_t>(2);
  for (int lane = 0; lane < LANES; ++lane) {
    to[lane] = lane < call.images ? static_cast<std::int32_t>(from[images.number[lane]]) : -1;
  }
}

// scatter_floats: tile -> arrays (float).
void scatter_floats(const Call& call) {
  const std::int64_t cells = call.as<CellsAttributes>().cells;
  const auto* from = call.operand<const float>(0);
  float* to = call.operand<float>(1) + (call.run->first_index + call.first_image) * cells;
  scatter_lanes(from, cells, call.images, to, cells);
}

// transpose_lanes: tile (in_features, lanes) -> (lanes, row), in_features rounded up to whole vectors and
// zero beyond them.
void transpose_lanes(const Call& call) {
  const auto& shape = call.as<LinearAttributes>();
  const auto* from = call.operand<const float>(0);
  auto* to = call.operand<float>(1);
  std::int64_t i = 0;
  for (; i + LANES <= shape.in_features; i += LANES) {
    Vector rows[LANES];
    for (int row = 0; row < LANES; ++row) rows[row] = load(from + (i + row) * LANES);
    transpose(rows);
    for (int lane = 0; lane < LANES; ++lane) store(to + lane * shape.row + i, rows[lane]);
  }
  if (i == shape.row) return;
  Vector rows[LANES];
  for (int row = 0; row < LANES; ++row) {
    rows[row] = i + row < shape.in_features ? load(from + (i + row) * LANES) : Vector{};
  }
  transpose(rows);
  for (int lane = 0; lane < LANES; ++lane) store(to + lane * shape.row + i, rows[lane]);
}

}  // namespace pellucid::PELLUCID_ISA
