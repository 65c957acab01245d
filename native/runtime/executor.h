// Runs plans: phases in order, shards on threads, and nothing decided or allocated on the way.
#pragma once

#include <cstdint>
#include <mutex>
#include <shared_mutex>
#include <vector>

#include "base/aligned_memory.h"
#include "runtime/plan.h"

namespace pellucid {

// Memory that programs keep between runs. Runs that only read it may go on side by side.
struct State {
  explicit State(std::size_t bytes) : memory(bytes) {}
  AlignedMemory memory;
  std::shared_mutex mutex;
  std::uint64_t version = 0;  // counts changes; read and written under the mutex
};

// What one run is about.
struct RunRequest {
  std::vector<void*> externals;
  std::int64_t images = 0;      // in all
  std::int64_t batch_size = 0;  // a step's; the last may be smaller
  std::int64_t first_step = 0;
  std::uint64_t seed = 0;
  const double* learning_rates = nullptr;
  int workers = 1;  // that take steps by turns, each all of one; else shards share every step
};

class Executor {
 public:
  // poison: fill each workspace with 0xA5 before a run, and what is prepared before it is first made, so that
  // a read before a write shows.
  Executor(Plan plan, bool poison) : plan_(std::move(plan)), poison_(poison) {}

  // Run one step for each batch; returns how many were completed, fewer than asked when one met a value that
  // is not finite (that one changed no state).
  std::int64_t run(State& state, const RunRequest& request);

  [[nodiscard]] const Plan& plan() const { return plan_; }

 private:
  // Steps by whole workers; the state is locked. Returns how many were completed.
  std::int64_t run_apart(State& state, const RunRequest& request);
  // Bring what is prepared from the state up to date; the state is locked.
  void prepare(State& state, const RunRequest& request, AlignedMemory& workspace);
  AlignedMemory lease();
  void give_back(AlignedMemory workspace);

  const Plan plan_;
  const bool poison_;
  std::mutex mutex_;
  std::vector<AlignedMemory> idle_;  // workspaces not in use; as many as ever ran at once
  std::mutex preparing_;
  AlignedMemory prepared_;
  const State* prepared_from_ = nullptr;
  std::uint64_t prepared_version_ = 0;
};

}  // namespace pellucid
