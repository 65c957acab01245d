// Normalisation of parts of each image by their own mean and variance, the batch in the lanes: every lane has
// statistics of its own, and a part is a run of neighbouring cells.
#include "base/powers.h"
#include "base/simd.h"
#include "kernels/declarations.h"
#include "kernels/normalization/sums.h"

namespace pellucid::PELLUCID_ISA {
namespace {

// A part's mean and 1 / sqrt(variance + epsilon).
struct Statistics {
  Vector mean;
  Vector inverse;
};

// In two passes; the second also finds what the rounded mean is wrong by.
PELLUCID_INLINE Statistics statistics_of(const Vector* x, std::int64_t cells, double epsilon) {
  const float share = 1.0F / static_cast<float>(cells);
  const Vector center = sum_cells(cells, [&](std::int64_t i) { return x[i]; }) * share;
  const Vector rest = sum_cells(cells, [&](std::int64_t i) { return x[i] - center; }) * share;
  const Vector mean = center + rest;
  const Vector squares = sum_cells(cells, [&](std::int64_t i) { return (x[i] - mean) * (x[i] - mean); });
  const Vector variance = squares * share + static_cast<float>(epsilon);
  return {mean, 1.0F / square_root(variance)};
}

// Call visit(number of the run's scale and shift, first cell of the run within its part).
template <typename Visit>
PELLUCID_INLINE void for_each_run(const ImageNormalizationAttributes& shape, std::int64_t part,
                                  const Visit& visit) {
  std::int64_t number = part * shape.runs % shape.period;
  for (std::int64_t run = 0; run < shape.runs; ++run) {
    visit(number, run * shape.positions);
    if (++number == shape.period) number = 0;
  }
}

PELLUCID_INLINE std::int64_t part_cells(const ImageNormalizationAttributes& shape) {
  return shape.runs * shape.positions;
}

}  // namespace

// image_normalization_output: x, gamma and beta (period) or null -> (parts, 2) means and inverse deviations,
// y.
void image_normalization_output(const Call& call) {
  const auto& shape = call.as<ImageNormalizationAttributes>();
  const auto* x = call.operand<const Vector>(0);
  const auto* gamma = call.operand<const float>(1);
  const auto* beta = call.operand<const float>(2);
  auto* statistics = call.operand<Vector>(3);
  auto* y = call.operand<Vector>(4);
  const std::int64_t cells = part_cells(shape);
  for (std::int64_t part = 0; part < shape.parts; ++part, x += cells, y += cells) {
    const Statistics own = statistics_of(x, cells, shape.epsilon);
    statistics[2 * part] = own.mean;
    statistics[2 * part + 1] = own.inverse;
    for_each_run(shape, part, [&](std::int64_t number, std::int64_t first) {
      const Vector scale = gamma != nullptr ? own.inverse * gamma[number] : own.inverse;
      const Vector shift = broadcast(beta != nullptr ? beta[number] : 0.0F);
      for (std::int64_t i = first; i < first + shape.positions; ++i) {
        y[i] = (x[i] - own.mean) * scale + shift;
      }
    });
  }
}

// image_normalization_input_gradient: x, delta, gamma or null, statistics ->
// dx = (g - mean(g) - x^ mean(g x^)) / deviation with g = gamma delta.
void image_normalization_input_gradient(const Call& call) {
  const auto& shape = call.as<ImageNormalizationAttributes>();
  const auto* x = call.operand<const Vector>(0);
  const auto* gradient = call.operand<const Vector>(1);
  const auto* gamma = call.operand<const float>(2);
  const auto* statistics = call.operand<const Vector>(3);
  auto* out = call.operand<Vector>(4);
  const std::int64_t cells = part_cells(shape);
  const float share = 1.0F / static_cast<float>(cells);
  for (std::int64_t part = 0; part < shape.parts; ++part, x += cells, gradient += cells, out += cells) {
    const Vector mean = statistics[2 * part];
    const Vector inverse = statistics[2 * part + 1];
    Vector plain = {};
    Vector weighted = {};
    for_each_run(shape, part, [&](std::int64_t number, std::int64_t first) {
      const float scale = gamma != nullptr ? gamma[number] : 1.0F;
      const Vector* run = gradient + first;
      const Vector* values = x + first;
      plain += sum_cells(shape.positions, [&](std::int64_t i) { return run[i]; }) * scale;
      weighted +=
          sum_cells(shape.positions, [&](std::int64_t i) { return run[i] * (values[i] - mean); }) * scale;
    });
    plain *= share;
    weighted *= share * inverse * inverse;
    for_each_run(shape, part, [&](std::int64_t number, std::int64_t first) {
      const float scale = gamma != nullptr ? gamma[number] : 1.0F;
      for (std::int64_t i = first; i < first + shape.positions; ++i) {
        out[i] = inverse * (gradient[i] * scale - plain - (x[i] - mean) * weighted);
      }
    });
  }
}

// image_normalization_affine_gradient: x, delta, statistics -> sums for gamma and for beta (period, lanes),
// or null, to which it adds.
void image_normalization_affine_gradient(const Call& call) {
  const auto& shape = call.as<ImageNormalizationAttributes>();
  const auto* x = call.operand<const Vector>(0);
  const auto* gradient = call.operand<const Vector>(1);
  const auto* statistics = call.operand<const Vector>(2);
  auto* scale_sums = call.operand<Vector>(3);
  auto* shift_sums = call.operand<Vector>(4);
  const std::int64_t cells = part_cells(shape);
  for (std::int64_t part = 0; part < shape.parts; ++part, x += cells, gradient += cells) {
    const Vector mean = statistics[2 * part];
    const Vector inverse = statistics[2 * part + 1];
    for_each_run(shape, part, [&](std::int64_t number, std::int64_t first) {
      const Vector* run = gradient + first;
      const Vector* values = x + first;
      if (scale_sums != nullptr) {
        const auto product = [&](std::int64_t i) { return run[i] * (values[i] - mean); };
        scale_sums[number] += sum_cells(shape.positions, product) * inverse;
      }
      if (shift_sums != nullptr) {
        shift_sums[number] += sum_cells(shape.positions, [&](std::int64_t i) { return run[i]; });
      }
    });
  }
}

}  // namespace pellucid::PELLUCID_ISA
