// Losses, the batch in the lanes: value into the shard's totals, gradient of the batch's mean, right answers.
#include "base/simd.h"
#include "base/vector_math.h"
#include "isa/rectified.h"
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

PELLUCID_INLINE Integers classes_of(const Call& call) {
  return *call.operand<const Integers>(1);
}

// An image is right where its largest cell is its class's first.
PELLUCID_INLINE void count_correct(const Call& call) {
  const auto& shape = call.as<LossAttributes>();
  if (shape.counted == 0) return;
  const Integers winner = best_class(call.operand<const Vector>(0), shape.classes * shape.positions);
  const Integers classes = classes_of(call);
  auto& totals = *call.operand<LossTotals>(3);
  for (std::int64_t lane = 0; lane < call.images; ++lane)
    totals.correct += winner[lane] == classes[lane] ? 1 : 0;
}

// What the loss of one image is worth in the batch's mean.
PELLUCID_INLINE Vector image_share(const Call& call) {
  const double weight = call.as<LossAttributes>().weight;
  return broadcast(static_cast<float>(weight / static_cast<double>(call.run->batch_images)));
}

// Losses that are a sum over cells: visit(z, T, loss) gives delta and sets what the cell adds, T given by
// target(class, cell).
template <typename Target, typename Visit>
PELLUCID_INLINE void sum_over_cells(const Call& call, Target target, Visit visit) {
  const auto& shape = call.as<LossAttributes>();
  const auto* scores = call.operand<const Vector>(0);
  auto* gradient = call.operand<Vector>(2);
  auto& totals = *call.operand<LossTotals>(3);
  const Integers valid = valid_lanes(call.images);
  const Vector share = image_share(call);
  double sum[LANES] = {};
  for (std::int64_t k = 0; k < shape.classes; ++k) {
    for (std::int64_t cell = k * shape.positions; cell < (k + 1) * shape.positions; ++cell) {
      Vector loss;
      gradient[cell] = keep_where(valid, visit(scores[cell], target(k, cell), loss) * share);
      for (std::int64_t lane = 0; lane < call.images; ++lane) sum[lane] += static_cast<double>(loss[lane]);
    }
  }
  for (std::int64_t lane = 0; lane < call.images; ++lane) totals.loss += shape.weight * sum[lane];
}

// delta = z - T and 1/2 |z - T|^2.
template <typename Target>
PELLUCID_INLINE void squared_error(const Call& call, Target target) {
  sum_over_cells(call, target, [](Vector z, Vector t, Vector& loss) {
    const Vector difference = z - t;
    loss = 0.5F * difference * difference;
    return difference;
  });
}

// delta = sign(z - T) and |z - T|.
template <typename Target>
PELLUCID_INLINE void absolute_error(const Call& call, Target target) {
  sum_over_cells(call, target, [](Vector z, Vector t, Vector& loss) {
    loss = magnitude(z - t);
    const Vector above = select(z > t, broadcast(1.0F), Vector{});
    return select(z < t, broadcast(-1.0F), above);
  });
}

// delta = -T where T z is less than the margin, and max(0, margin - T z); T is -1 or 1.
template <typename Target>
PELLUCID_INLINE void hinge(const Call& call, Target target) {
  const auto margin = static_cast<float>(call.as<LossAttributes>().margin);
  sum_over_cells(call, target, [=](Vector z, Vector t, Vector& loss) {
    const Vector product = t * z;
    loss = rectified(margin - product);
    return keep_where(product < broadcast(margin), -t);
  });
}

// Softmax cross-entropy and LeNet-5's criterion at each position, T given by target(class, cell) before
// smoothing: J = (sum_k T[k]) log D - sum_k T[k] z[k] and delta = (sum_k T[k]) exp(z) / D - T with D = sum_k
// exp(z[k]). LeNet-5's adds exp(-rubbish distance) to D and takes sum_k T[k] as 1.
template <typename Target>
PELLUCID_INLINE void log_loss_at(const Call& call, std::int64_t position, Target target) {
  const auto& shape = call.as<LossAttributes>();
  const auto* scores = call.operand<const Vector>(0);
  auto* gradient = call.operand<Vector>(2);
  auto& totals = *call.operand<LossTotals>(3);
  const Integers valid = valid_lanes(call.images);
  const std::int64_t end = shape.classes * shape.positions;

  Vector highest = scores[position];
  for (std::int64_t cell = position; cell < end; cell += shape.positions)
    highest = select(scores[cell] > highest, scores[cell], highest);
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
    const std::int64_t cell = k * shape.positions + position;
    const Vector t = kept * target(k, cell) + spread;
    gradient[cell] = exponential(scores[cell] - highest);
    denominator += gradient[cell];
    expected += t * (scores[cell] - highest);
    total += t;
  }
  if (shape.has_rubbish != 0) {  // log D counts once, whatever T sums to
    expected -= (1.0F - total) * highest;
    total = broadcast(1.0F);
  }
  const Vector share = image_share(call);
  for (std::int64_t k = 0; k < shape.classes; ++k) {
    const std::int64_t cell = k * shape.positions + position;
    const Vector t = kept * target(k, cell) + spread;
    gradient[cell] = keep_where(valid, (gradient[cell] / denominator * total - t) * share);
  }
  for (std::int64_t lane = 0; lane < call.images; ++lane) {
    const double logarithm = __builtin_log(static_cast<double>(denominator[lane]));
    const double loss = static_cast<double>(total[lane]) * logarithm - static_cast<double>(expected[lane]);
    totals.loss += shape.weight * loss;
  }
}

template <typename Target>
PELLUCID_INLINE void log_loss(const Call& call, Target target) {
  const std::int64_t positions = call.as<LossAttributes>().positions;
  for (std::int64_t position = 0; position < positions; ++position) log_loss_at(call, position, target);
}

// T for classes: `other` but at the image's class, where it is 1.
PELLUCID_INLINE auto class_targets(const Call& call, float other) {
  const Integers classes = classes_of(call);
  return [=](std::int64_t k, std::int64_t) {
    const Integers own = classes == broadcast_integer(static_cast<std::int32_t>(k));
    return select(own, broadcast(1.0F), broadcast(other));
  };
}

PELLUCID_INLINE auto array_targets(const Call& call) {
  const auto* targets = call.operand<const Vector>(1);
  return [=](std::int64_t, std::int64_t cell) { return targets[cell]; };
}

}  // namespace

// For each loss: scores, classes -> delta, totals; T is 1 at the class and 0 (for a hinge -1) elsewhere. Or
// scores, targets (lanes) -> delta, totals.
void cross_entropy_classes(const Call& call) {
  log_loss(call, class_targets(call, 0.0F));
  count_correct(call);
}
void cross_entropy_arrays(const Call& call) {
  log_loss(call, array_targets(call));
}

void squared_error_classes(const Call& call) {
  squared_error(call, class_targets(call, 0.0F));
  count_correct(call);
}
void squared_error_arrays(const Call& call) {
  squared_error(call, array_targets(call));
}

void absolute_error_classes(const Call& call) {
  absolute_error(call, class_targets(call, 0.0F));
  count_correct(call);
}
void absolute_error_arrays(const Call& call) {
  absolute_error(call, array_targets(call));
}

void hinge_classes(const Call& call) {
  hinge(call, class_targets(call, -1.0F));
  count_correct(call);
}
void hinge_arrays(const Call& call) {
  hinge(call, array_targets(call));
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
