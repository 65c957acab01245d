#include "runtime/executor.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <utility>

#include "base/thread_pool.h"
#include "isa/floating_point_mode.h"

namespace pellucid {
namespace {

constexpr int MAX_OPERANDS = 17;

// Shares of a range begin on multiples of this, so that no two workers write one cache line.
constexpr std::int64_t RANGE_GRAIN = 16;

// The places a run's operands are resolved against.
struct Memory {
  std::byte* state;
  std::byte* batch;
  std::byte* shards;
  std::byte* tiles;
  void* const* externals;
  std::byte* prepared;
};

// Numbers of the steps that are still to be done.
using StepCounter = std::atomic<std::int64_t>;

// Runs of a plan's phases by some workers, of the steps that they draw from a counter.
class Job {
 public:
  Job(const Plan& plan, const std::vector<Phase>& phases, const RunRequest& request, Memory memory,
      int workers, StepCounter& steps)
      : plan_(plan),
        phases_(phases),
        request_(request),
        memory_(memory),
        workers_(workers),
        steps_(steps),
        barrier_(workers) {
    run_.seed = request.seed;
    run_.first_step = request.first_step;
    run_.shards = plan.shards;
    run_.tile_bytes = plan.tile_bytes;
    run_.shard_bytes = plan.shard_bytes;
    run_.learning_rates = request.learning_rates;
    begin_step();
  }

  void work(int worker) {
    const FlushDenormals mode;
    while (!finished_) {
      for (const Phase& phase : phases_) {
        switch (phase.iteration) {
          case Iteration::tiles:
            for (std::int64_t shard = worker; shard < plan_.shards; shard += workers_)
              run_shard(phase, shard);
            break;
          case Iteration::range:
            run_range(phase, worker);
            break;
          case Iteration::shared:
            run_shared(phase, worker);
            break;
        }
        const bool last = &phase == &phases_.back();
        barrier_.wait([&] { end_phase(last); });
        if (finished_) return;
      }
    }
  }

  [[nodiscard]] std::int64_t completed() const { return completed_; }

 private:
  void begin_step() {
    run_.step = steps_.fetch_add(1, std::memory_order_relaxed);
    run_.first_index = run_.step * request_.batch_size;
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
      begin_step();
    }
  }

  void run_shard(const Phase& phase, std::int64_t shard) {
    for (const Step& step : phase.prologue) call(step, {.shard = shard});
    const std::int64_t begin = run_.tiles * shard / plan_.shards;
    const std::int64_t end = run_.tiles * (shard + 1) / plan_.shards;
    for (std::int64_t tile = begin; tile < end; ++tile) {
      for (const Step& step : phase.steps) call(step, {.shard = shard, .tile = tile});
    }
  }

  void run_range(const Phase& phase, int worker) {
    for (const Step& step : phase.steps) {
      const std::int64_t grain = step.extent >= RANGE_GRAIN * workers_ * 2 ? RANGE_GRAIN : 1;
      const std::int64_t grains = (step.extent + grain - 1) / grain;
      const std::int64_t begin = grains * worker / workers_ * grain;
      const std::int64_t end = std::min(step.extent, grains * (worker + 1) / workers_ * grain);
      if (begin < end) call(step, {.begin = begin, .end = end});
    }
  }

  void run_shared(const Phase& phase, int worker) {
    for (std::int64_t shard = worker; shard < plan_.shards; shard += workers_) {
      for (const Step& step : phase.prologue) call(step, {.shard = shard});
    }
    const std::int64_t total = phase.units * run_.batch_images;
    const std::int64_t chunk = phase.chunk > 0 ? phase.chunk : total;
    for (std::int64_t first = 0; first < total; first += chunk) {
      const std::int64_t units = std::min(chunk, total - first);
      for (const Step& step : phase.steps) {
        if (first > 0 || &step != phase.steps.data()) barrier_.wait([] {});
        share_out(step, worker, first, units);
      }
    }
  }

  void share_out(const Step& step, int worker, std::int64_t first_unit, std::int64_t units) {
    const std::int64_t times[] = {1, run_.batch_images, units};  // numbered as Scale
    const std::int64_t extent = step.extent * times[static_cast<int>(step.scale)];
    for (std::int64_t shard = worker; shard < plan_.shards; shard += workers_) {
      const std::int64_t begin = extent * shard / plan_.shards;
      const std::int64_t end = extent * (shard + 1) / plan_.shards;
      if (begin == end) continue;
      call(step, {.shard = shard, .begin = begin, .end = end, .first_unit = first_unit, .units = units});
    }
  }

  // Where a call works.
  struct Part {
    std::int64_t shard = 0;
    std::int64_t tile = 0;
    std::int64_t begin = 0;
    std::int64_t end = 0;
    std::int64_t first_unit = 0;
    std::int64_t units = 0;
  };

  void call(const Step& step, const Part& part) {
    void* operands[MAX_OPERANDS];
    for (std::size_t i = 0; i < step.operands.size(); ++i) {
      operands[i] = place(step.operands[i], part.shard, part.tile);
    }
    const std::int64_t first_image = part.tile * plan_.lanes;
    step.kernel({.operands = operands,
                 .attributes = step.attributes.data(),
                 .run = &run_,
                 .images = std::min(plan_.lanes, run_.batch_images - first_image),
                 .first_image = first_image,
                 .begin = part.begin,
                 .end = part.end,
                 .first_unit = part.first_unit,
                 .units = part.units});
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
      case Scope::prepared:
        return memory_.prepared + operand.offset;
      case Scope::none:
        break;
    }
    return nullptr;
  }

  const Plan& plan_;
  const std::vector<Phase>& phases_;
  const RunRequest& request_;
  const Memory memory_;
  const int workers_;
  StepCounter& steps_;
  Barrier barrier_;
  Run run_;
  bool finished_ = false;  // written only at the barrier
  std::int64_t completed_ = 0;
};

// Carries out phases on the pool, or on this thread alone when the pool is busy: shards are the plan's, so
// the bits are the same. Returns how many steps were completed.
std::int64_t carry_out(const Plan& plan, const std::vector<Phase>& phases, const RunRequest& request,
                       const Memory& memory, int workers) {
  const auto attempt = [&](int count) {
    StepCounter steps{0};
    Job job(plan, phases, request, memory, count, steps);
    const auto work = [&job](int worker) { job.work(worker); };
    const bool ran = count == 1 || ThreadPool::shared().try_run(count, work);
    if (count == 1) work(0);
    return std::pair(ran, job.completed());
  };
  const auto [ran, completed] = attempt(workers);
  return ran ? completed : attempt(1).second;
}

Memory places(const Plan& plan, State& state, const RunRequest& request, const AlignedMemory& workspace,
              const AlignedMemory& prepared) {
  std::byte* shards = workspace.data() + plan.batch_bytes;
  return {.state = state.memory.data(),
          .batch = workspace.data(),
          .shards = shards,
          .tiles = shards + plan.shards * plan.shard_bytes,
          .externals = request.externals.data(),
          .prepared = prepared.data()};
}

}  // namespace

std::int64_t Executor::run(State& state, const RunRequest& request) {
  std::shared_lock reading(state.mutex, std::defer_lock);
  std::unique_lock writing(state.mutex, std::defer_lock);
  if (plan_.changes_state) {
    writing.lock();
    ++state.version;
  } else {
    reading.lock();
  }
  if (request.workers > 1) return run_apart(state, request);
  AlignedMemory workspace = lease();
  prepare(state, request, workspace);
  const std::int64_t tiles = plan_.tiles(std::min(request.batch_size, request.images));
  const std::int64_t useful =
      plan_.shares_images() ? plan_.shards : std::clamp<std::int64_t>(tiles, 1, plan_.shards);
  const Memory memory = places(plan_, state, request, workspace, prepared_);
  const std::int64_t completed = carry_out(plan_, plan_.phases, request, memory, static_cast<int>(useful));
  give_back(std::move(workspace));
  return completed;
}

std::int64_t Executor::run_apart(State& state, const RunRequest& request) {
  const std::int64_t steps = (request.images + request.batch_size - 1) / request.batch_size;
  const int workers = static_cast<int>(std::clamp<std::int64_t>(steps, 1, request.workers));
  std::vector<AlignedMemory> workspaces;
  workspaces.reserve(workers);
  for (int worker = 0; worker < workers; ++worker) workspaces.push_back(lease());
  prepare(state, request, workspaces.front());
  StepCounter next{0};
  std::atomic<std::int64_t> completed{0};
  const auto work = [&](int worker) {
    const Memory memory = places(plan_, state, request, workspaces[worker], prepared_);
    Job job(plan_, plan_.phases, request, memory, 1, next);
    job.work(0);
    completed += job.completed();
  };
  if (workers == 1 || !ThreadPool::shared().try_run(workers, work)) work(0);
  for (AlignedMemory& workspace : workspaces) give_back(std::move(workspace));
  return completed;
}

void Executor::prepare(State& state, const RunRequest& request, AlignedMemory& workspace) {
  if (plan_.preparation.empty()) return;
  const std::scoped_lock lock(preparing_);
  if (prepared_from_ == &state && prepared_version_ == state.version) return;
  if (prepared_.size() == 0) {
    prepared_ = AlignedMemory(static_cast<std::size_t>(plan_.prepared_bytes));
    if (poison_) std::memset(prepared_.data(), 0xA5, prepared_.size());
  }
  RunRequest once = request;
  once.images = once.batch_size = 1;
  const Memory memory = places(plan_, state, once, workspace, prepared_);
  carry_out(plan_, plan_.preparation, once, memory, static_cast<int>(plan_.shards));
  prepared_from_ = &state;
  prepared_version_ = state.version;
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
