#include "runtime/executor.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/thread_pool.h"
#include "isa/floating_point_mode.h"

namespace pellucid {
namespace {

constexpr int MAX_OPERANDS = 8;

// Shares of a range begin on multiples of this, so that no two workers write one cache line.
constexpr std::int64_t RANGE_GRAIN = 16;

// The places a run's operands are resolved against.
struct Memory {
  std::byte* state;
  std::byte* batch;
  std::byte* shards;
  std::byte* tiles;
  void* const* externals;
};

// One run of a plan by some workers.
class Job {
 public:
  Job(const Plan& plan, const RunRequest& request, Memory memory, int workers)
      : plan_(plan), request_(request), memory_(memory), workers_(workers), barrier_(workers) {
    run_.seed = request.seed;
    run_.first_step = request.first_step;
    run_.shards = plan.shards;
    run_.tile_bytes = plan.tile_bytes;
    run_.shard_bytes = plan.shard_bytes;
    run_.learning_rates = request.learning_rates;
    begin_step(0);
  }

  void work(int worker) {
    const FlushDenormals mode;
    while (!finished_) {
      for (const Phase& phase : plan_.phases) {
        if (phase.iteration == Iteration::tiles) {
          for (std::int64_t shard = worker; shard < plan_.shards; shard += workers_) run_shard(phase, shard);
        } else {
          run_range(phase, worker);
        }
        const bool last = &phase == &plan_.phases.back();
        barrier_.wait([&] { end_phase(last); });
        if (finished_) return;
      }
    }
  }

  [[nodiscard]] std::int64_t completed() const { return completed_; }

 private:
  void begin_step(std::int64_t step) {
    run_.step = step;
    run_.first_index = step * request_.batch_size;
    run_.batch_images = std::min(request_.batch_size, request_.images - run_.first_index);
    run_.tiles = plan_.tiles(run_.batch_images);
    finished_ = run_.batch_images <= 0;
  }

  // By the last worker to arrive, while the others wait.
  void end_phase(bool last) {
    if (run_.non_finite.load(std::memory_order_relaxed)) {
      finished_ = true;
    } else if (last) {
      ++completed_;
      begin_step(run_.step + 1);
    }
  }

  void run_shard(const Phase& phase, std::int64_t shard) {
    for (const Step& step : phase.prologue) call(step, shard, 0, 0, 0);
    const std::int64_t begin = run_.tiles * shard / plan_.shards;
    const std::int64_t end = run_.tiles * (shard + 1) / plan_.shards;
    for (std::int64_t tile = begin; tile < end; ++tile) {
      for (const Step& step : phase.steps) call(step, shard, tile, 0, 0);
    }
  }

  void run_range(const Phase& phase, int worker) {
    for (const Step& step : phase.steps) {
      const std::int64_t grain = step.extent >= RANGE_GRAIN * workers_ * 2 ? RANGE_GRAIN : 1;
      const std::int64_t grains = (step.extent + grain - 1) / grain;
      const std::int64_t begin = grains * worker / workers_ * grain;
      const std::int64_t end = std::min(step.extent, grains * (worker + 1) / workers_ * grain);
      if (begin < end) call(step, 0, 0, begin, end);
    }
  }

  void call(const Step& step, std::int64_t shard, std::int64_t tile, std::int64_t begin, std::int64_t end) {
    void* operands[MAX_OPERANDS];
    for (std::size_t i = 0; i < step.operands.size(); ++i) operands[i] = place(step.operands[i], shard, tile);
    const std::int64_t first_image = tile * plan_.lanes;
    step.kernel({.operands = operands,
                 .attributes = step.attributes.data(),
                 .run = &run_,
                 .images = std::min(plan_.lanes, run_.batch_images - first_image),
                 .first_image = first_image,
                 .begin = begin,
                 .end = end});
  }

  [[nodiscard]] void* place(Operand operand, std::int64_t shard, std::int64_t tile) const {
    switch (operand.scope) {
      case Scope::state:
        return memory_.state + operand.offset;
      case Scope::batch:
        return memory_.batch + operand.offset;
      case Scope::shard:
        return memory_.shards + shard * plan_.shard_bytes + operand.offset;
      case Scope::tile:
        return memory_.tiles + tile * plan_.tile_bytes + operand.offset;
      case Scope::external:
        return memory_.externals[operand.offset];
      case Scope::none:
        break;
    }
    return nullptr;
  }

  const Plan& plan_;
  const RunRequest& request_;
  const Memory memory_;
  const int workers_;
  Barrier barrier_;
  Run run_;
  bool finished_ = false;  // written only at the barrier
  std::int64_t completed_ = 0;
};

}  // namespace

std::int64_t Executor::run(State& state, const RunRequest& request) {
  std::shared_lock reading(state.mutex, std::defer_lock);
  std::unique_lock writing(state.mutex, std::defer_lock);
  if (plan_.changes_state) {
    writing.lock();
  } else {
    reading.lock();
  }
  AlignedMemory workspace = lease();
  std::byte* base = workspace.data();
  std::byte* shards = base + plan_.batch_bytes;
  const Memory memory = {.state = state.memory.data(),
                         .batch = base,
                         .shards = shards,
                         .tiles = shards + plan_.shards * plan_.shard_bytes,
                         .externals = request.externals.data()};
  const auto attempt = [&](int workers) {
    Job job(plan_, request, memory, workers);
    const auto work = [&job](int worker) { job.work(worker); };
    const bool ran = workers == 1 || ThreadPool::shared().try_run(workers, work);
    if (workers == 1) work(0);
    return std::pair(ran, job.completed());
  };
  // Shards are the plan's, so a run on one worker gives the same bits.
  const std::int64_t tiles = plan_.tiles(std::min(request.batch_size, request.images));
  auto [ran, completed] = attempt(static_cast<int>(std::clamp<std::int64_t>(tiles, 1, plan_.shards)));
  if (!ran) completed = attempt(1).second;
  give_back(std::move(workspace));
  return completed;
}

AlignedMemory Executor::lease() {
  const std::scoped_lock lock(mutex_);
  AlignedMemory workspace;
  if (idle_.empty()) {
    workspace = AlignedMemory(plan_.workspace_bytes());
  } else {
    workspace = std::move(idle_.back());
    idle_.pop_back();
  }
  if (poison_) std::memset(workspace.data(), 0xA5, workspace.size());
  return workspace;
}

void Executor::give_back(AlignedMemory workspace) {
  const std::scoped_lock lock(mutex_);
  idle_.push_back(std::move(workspace));
}

}  // namespace pellucid
