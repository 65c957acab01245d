// Between arrays of whole images, (images, cells), and tiles, (cells, lanes).
#include "base/simd.h"
#include "kernels/declarations.h"

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

template <typename Source>
PELLUCID_INLINE void gather(const Call& call) {
  const auto& shape = call.as<GatherAttributes>();
  const auto* from = call.operand<const Source>(0);
  const Images images(call, call.operand<const std::int64_t>(1));
  auto* to = call.operand<float>(2);
  const auto scale = static_cast<float>(shape.scale);
  for (int lane = 0; lane < LANES; ++lane) {
    const Source* image = from + images.number[lane] * shape.cells;
    for (std::int64_t cell = 0; cell < shape.cells; ++cell) {
      // A select, not a product with 0: the first image's NaN must not reach lanes without an image.
      to[cell * LANES + lane] = lane < call.images ? static_cast<float>(image[cell]) * scale : 0.0F;
    }
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
  for (std::int64_t lane = 0; lane < call.images; ++lane) {
    for (std::int64_t cell = 0; cell < cells; ++cell) to[lane * cells + cell] = from[cell * LANES + lane];
  }
}

// transpose_lanes: tile (in_features, lanes) -> (lanes, row), row >= in_features and zero beyond them.
void transpose_lanes(const Call& call) {
  const auto& shape = call.as<LinearAttributes>();
  const auto* from = call.operand<const float>(0);
  auto* to = call.operand<float>(1);
  for (std::int64_t lane = 0; lane < LANES; ++lane) {
    float* row = to + lane * shape.row;
    for (std::int64_t i = 0; i < shape.in_features; ++i) row[i] = from[i * LANES + lane];
    for (std::int64_t i = shape.in_features; i < shape.row; ++i) row[i] = 0.0F;
  }
}

}  // namespace pellucid::PELLUCID_ISA
