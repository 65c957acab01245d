// A rectifier whose negative slope is a parameter, of each channel or of all: y = x if x > 0 else a x.
#include "base/simd.h"
#include "kernels/declarations.h"

namespace pellucid::PELLUCID_ISA {
namespace {

// The slopes of one block of channels.
PELLUCID_INLINE Vector block_slopes(const PReluAttributes& shape, const float* weight, std::int64_t block) {
  if (shape.shared != 0) return broadcast(weight[0]);
  Vector slopes = {};
  for (int lane = 0; lane < LANES && block * LANES + lane < shape.channels; ++lane) {
    slopes[lane] = weight[block * LANES + lane];
  }
  return slopes;
}

PELLUCID_INLINE void rectify(const Vector* x, Vector slope, Vector* y, std::int64_t cells) {
  for (std::int64_t cell = 0; cell < cells; ++cell) {
    y[cell] = select(x[cell] > Vector{}, x[cell], slope * x[cell]);
  }
}

// dx, unless null.
PELLUCID_INLINE void propagate(const Vector* delta, const Vector* x, Vector slope, Vector* dx,
                               std::int64_t cells) {
  if (dx == nullptr) return;
  for (std::int64_t cell = 0; cell < cells; ++cell) {
    dx[cell] = select(x[cell] > Vector{}, delta[cell], slope * delta[cell]);
  }
}

// What one cell adds to dJ/da.
PELLUCID_INLINE Vector addend(Vector delta, Vector x) {
  return select(x > Vector{}, Vector{}, x * delta);
}

}  // namespace

// prelu_output: x, slopes -> y.
void prelu_output(const Call& call) {
  const auto& shape = call.as<PReluAttributes>();
  const auto* weight = call.operand<const float>(1);
  for (std::int64_t channel = 0; channel < shape.channels; ++channel) {
    const std::int64_t first = channel * shape.positions;
    const Vector slope = broadcast(weight[shape.shared != 0 ? 0 : channel]);
    rectify(call.operand<const Vector>(0) + first, slope, call.operand<Vector>(2) + first, shape.positions);
  }
}

// prelu_gradient: delta, x, slopes -> dx or null; sums (slopes, lanes) or null, to which dJ/da is added.
void prelu_gradient(const Call& call) {
  const auto& shape = call.as<PReluAttributes>();
  const auto* weight = call.operand<const float>(2);
  auto* dx = call.operand<Vector>(3);
  auto* sums = call.operand<Vector>(4);
  for (std::int64_t channel = 0; channel < shape.channels; ++channel) {
    const auto* delta = call.operand<const Vector>(0) + channel * shape.positions;
    const auto* x = call.operand<const Vector>(1) + channel * shape.positions;
    const std::int64_t number = shape.shared != 0 ? 0 : channel;
    propagate(delta, x, broadcast(weight[number]), dx != nullptr ? dx + channel * shape.positions : nullptr,
              shape.positions);
    if (sums == nullptr) continue;
    Vector sum = {};
    for (std::int64_t p = 0; p < shape.positions; ++p) sum += addend(delta[p], x[p]);
    sums[number] += sum;
  }
}

// blocks_prelu_output: x, slopes -> y. Shared: blocks of all images.
void blocks_prelu_output(const Call& call) {
  const auto& shape = call.as<PReluAttributes>();
  const std::int64_t blocks = blocks_of(shape.channels);
  for (std::int64_t item = call.begin; item < call.end; ++item) {
    const std::int64_t first = item * shape.positions;
    const Vector slopes = block_slopes(shape, call.operand<const float>(1), item % blocks);
    rectify(call.operand<const Vector>(0) + first, slopes, call.operand<Vector>(2) + first, shape.positions);
  }
}

// blocks_prelu_gradient: delta, x, slopes -> dx or null; what each cell adds to dJ/da, or null. Shared:
// blocks of all images.
void blocks_prelu_gradient(const Call& call) {
  const auto& shape = call.as<PReluAttributes>();
  const std::int64_t blocks = blocks_of(shape.channels);
  auto* dx = call.operand<Vector>(3);
  auto* addends = call.operand<Vector>(4);
  for (std::int64_t item = call.begin; item < call.end; ++item) {
    const std::int64_t first = item * shape.positions;
    const auto* delta = call.operand<const Vector>(0) + first;
    const auto* x = call.operand<const Vector>(1) + first;
    const Vector slopes = block_slopes(shape, call.operand<const float>(2), item % blocks);
    propagate(delta, x, slopes, dx != nullptr ? dx + first : nullptr, shape.positions);
    if (addends == nullptr) continue;
    for (std::int64_t p = 0; p < shape.positions; ++p) addends[first + p] = addend(delta[p], x[p]);
  }
}

// total_values: numbers -> their sum. Shared: 1.
void total_values(const Call& call) {
  const std::int64_t cells = call.as<CellsAttributes>().cells;
  const auto* values = call.operand<const float>(0);
  double total = 0;
  for (std::int64_t cell = 0; cell < cells; ++cell) total += static_cast<double>(values[cell]);
  *call.operand<float>(1) = static_cast<float>(total);
}

}  // namespace pellucid::PELLUCID_ISA
