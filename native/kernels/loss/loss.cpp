// Losses, the batch in the lanes: value into the shard's totals, gradient of the batch's mean, right answers.
#include "base/simd.h"
#include "base/vector_math.h"
#include "kernels/declarations.h"
#include "kernels/loss/totals.h"

namespace pellucid::PELLUCID_ISA {
namespace {

// Number of the first largest score in each lane.
PELLUCID_INLINE Integers best_class(const Vector* scores, std::int64_t classes) {
  Vector best = scores[0];
  Integers winner = {};
  for (std::int64_t k = 1; k < classes; ++k) {
    const Integers better = scores[k] > best;
    best = select(better, scores[k], best);
    winner = select(better, broadcast_integer(static_cast<std::int32_t>(k)), winner);
  }
  return winner;
}

PELLUCID_INLINE void count_correct(const Call& call, const Vector* scores, Integers classes,
                                   std::int64_t count, LossTotals& totals) {
  const Integers winner = best_class(scores, count);
  for (std::int64_t lane = 0; lane < call.images; ++lane)
    totals.correct += winner[lane] == classes[lane] ? 1 : 0;
}

// delta = z - T and 1/2 |z - T|^2, T given by target(k).
template <typename Target>
PELLUCID_INLINE void squared_error(const Call& call, Target target) {
  const auto& shape = call.as<LossAttributes>();
  const auto* scores = call.operand<const Vector>(0);
  auto* gradient = call.operand<Vector>(2);
  auto& totals = *call.operand<LossTotals>(3);
  const Integers valid = valid_lanes(call.images);
  const Vector share = broadcast(1.0F / static_cast<float>(call.run->batch_images));
  double sum[LANES] = {};
  for (std::int64_t k = 0; k < shape.classes; ++k) {
    const Vector difference = scores[k] - target(k);
    gradient[k] = keep_where(valid, difference * share);
    for (std::int64_t lane = 0; lane < call.images; ++lane) {
      sum[lane] += 0.5 * static_cast<double>(difference[lane]) * static_cast<double>(difference[lane]);
    }
  }
  for (std::int64_t lane = 0; lane < call.images; ++lane) totals.loss += sum[lane];
}

// Softmax cross-entropy and LeNet-5's criterion, T given by target(k) before smoothing:
// J = (sum_k T[k]) log D - sum_k T[k] z[k] and delta = (sum_k T[k]) exp(z) / D - T with D = sum_k exp(z[k]).
// LeNet-5's adds exp(-rubbish distance) to D and takes sum_k T[k] as 1.
template <typename Target>
PELLUCID_INLINE void log_loss(const Call& call, Target target) {
  const auto& shape = call.as<LossAttributes>();
  const auto* scores = call.operand<const Vector>(0);
  auto* gradient = call.operand<Vector>(2);
  auto& totals = *call.operand<LossTotals>(3);
  const Integers valid = valid_lanes(call.images);

  Vector highest = scores[0];
  for (std::int64_t k = 1; k < shape.classes; ++k) highest = select(scores[k] > highest, scores[k], highest);
  Vector denominator = {};
  if (shape.has_rubbish != 0) {
    const Vector rubbish = broadcast(static_cast<float>(-shape.rubbish_distance));
    highest = select(rubbish > highest, rubbish, highest);
    denominator = exponential(rubbish - highest);
  }
  const Vector kept = broadcast(static_cast<float>(1.0 - shape.smoothing));
  const Vector spread = broadcast(static_cast<float>(shape.smoothing / static_cast<double>(shape.classes)));
  Vector expected = {};  // sum_k T[k] (z[k] - highest)
  Vector total = {};     // sum_k T[k]
  for (std::int64_t k = 0; k < shape.classes; ++k) {
    const Vector t = kept * target(k) + spread;
    gradient[k] = exponential(scores[k] - highest);
    denominator += gradient[k];
    expected += t * (scores[k] - highest);
    total += t;
  }
  if (shape.has_rubbish != 0) total = broadcast(1.0F);
  const Vector share = broadcast(1.0F / static_cast<float>(call.run->batch_images));
  for (std::int64_t k = 0; k < shape.classes; ++k) {
    const Vector t = kept * target(k) + spread;
    gradient[k] = keep_where(valid, (gradient[k] / denominator * total - t) * share);
  }
  for (std::int64_t lane = 0; lane < call.images; ++lane) {
    const double logarithm = __builtin_log(static_cast<double>(denominator[lane]));
    totals.loss += static_cast<double>(total[lane]) * logarithm - static_cast<double>(expected[lane]);
  }
}

PELLUCID_INLINE Vector one_where(Integers classes, std::int64_t k) {
  return select(classes == broadcast_integer(static_cast<std::int32_t>(k)), broadcast(1.0F), Vector{});
}

}  // namespace

// cross_entropy_classes: scores, classes -> delta, totals; T is 1 at the class and 0 elsewhere.
void cross_entropy_classes(const Call& call) {
  const Integers classes = *call.operand<const Integers>(1);
  log_loss(call, [=](std::int64_t k) { return one_where(classes, k); });
  const auto& shape = call.as<LossAttributes>();
  count_correct(call, call.operand<const Vector>(0), classes, shape.classes, *call.operand<LossTotals>(3));
}

// cross_entropy_arrays: scores, targets (lanes) -> delta, totals.
void cross_entropy_arrays(const Call& call) {
  const auto* targets = call.operand<const Vector>(1);
  log_loss(call, [=](std::int64_t k) { return targets[k]; });
}

// squared_error_classes: scores, classes -> delta, totals; the target is 1 at the class and 0 elsewhere.
void squared_error_classes(const Call& call) {
  const Integers classes = *call.operand<const Integers>(1);
  squared_error(call, [=](std::int64_t k) { return one_where(classes, k); });
  const auto& shape = call.as<LossAttributes>();
  count_correct(call, call.operand<const Vector>(0), classes, shape.classes, *call.operand<LossTotals>(3));
}

// squared_error_arrays: scores, targets (lanes) -> delta, totals.
void squared_error_arrays(const Call& call) {
  const auto* targets = call.operand<const Vector>(1);
  squared_error(call, [=](std::int64_t k) { return targets[k]; });
}

// report_loss, a range of 1: totals of all shards -> losses[step], correct[step].
void report_loss(const Call& call) {
  LossTotals sum = {};
  for (std::int64_t shard = 0; shard < call.run->shards; ++shard) {
    const auto& part =
        *reinterpret_cast<const LossTotals*>(call.operand<const char>(0) + shard * call.run->shard_bytes);
    sum.loss += part.loss;
    sum.correct += part.correct;
  }
  const double mean = sum.loss / static_cast<double>(call.run->batch_images);
  if (!__builtin_isfinite(mean)) call.run->non_finite.store(true);
  call.operand<double>(1)[call.run->step] = mean;
  call.operand<std::int64_t>(2)[call.run->step] = sum.correct;
}

}  // namespace pellucid::PELLUCID_ISA
