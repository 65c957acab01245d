#include "base/thread_pool.h"

#include <pthread.h>

#include <chrono>

namespace pellucid {
namespace {

// Waking a sleeping thread costs up to a millisecond, so a short wait spins. After the first microsecond the
// spin yields: on a machine with fewer cores than threads the one waited for must get to run.
constexpr int SPINS = 1 << 10;
constexpr std::chrono::milliseconds PATIENCE{2};

template <typename Value>
void wait_while_equal(const std::atomic<Value>& variable, Value value) {
  for (int spin = 0; spin < SPINS; ++spin) {
    if (variable.load(std::memory_order_acquire) != value) return;
  }
  const auto deadline = std::chrono::steady_clock::now() + PATIENCE;
  while (std::chrono::steady_clock::now() < deadline) {
    std::this_thread::yield();
    if (variable.load(std::memory_order_acquire) != value) return;
  }
  while (variable.load(std::memory_order_acquire) == value) variable.wait(value, std::memory_order_acquire);
}

std::atomic<ThreadPool*> shared_pool{nullptr};

}  // namespace

void Barrier::sleep_until_past(std::uint32_t round) {
  wait_while_equal(round_, round);
}

ThreadPool& ThreadPool::shared() {
  static std::once_flag once;
  // A child has none of its parent's threads: it leaves the old pool as it is and makes a new one.
  std::call_once(once, [] { pthread_atfork(nullptr, nullptr, [] { shared_pool.store(nullptr); }); });
  static std::mutex making;
  ThreadPool* pool = shared_pool.load(std::memory_order_acquire);
  if (pool == nullptr) {
    const std::scoped_lock lock(making);
    pool = shared_pool.load(std::memory_order_acquire);
    if (pool == nullptr) {
      pool = new ThreadPool();  // never destroyed: its threads may outlive static destruction
      shared_pool.store(pool, std::memory_order_release);
    }
  }
  return *pool;
}

ThreadPool::~ThreadPool() {
  stopping_.store(true);
  round_.fetch_add(1, std::memory_order_release);
  round_.notify_all();
  for (auto& thread : threads_) thread.join();
}

bool ThreadPool::try_run(int workers, const std::function<void(int)>& job) {
  const std::unique_lock lock(in_use_, std::try_to_lock);
  if (!lock.owns_lock()) return false;
  while (static_cast<int>(threads_.size()) < workers - 1) {
    const int worker = static_cast<int>(threads_.size()) + 1;
    threads_.emplace_back([this, worker, seen = round_.load()] { work(worker, seen); });
  }
  job_ = &job;
  active_ = workers;
  pending_.store(static_cast<int>(threads_.size()), std::memory_order_relaxed);
  round_.fetch_add(1, std::memory_order_release);
  round_.notify_all();
  job(0);
  for (int pending = pending_.load(std::memory_order_acquire); pending != 0;
       pending = pending_.load(std::memory_order_acquire)) {
    wait_while_equal(pending_, pending);
  }
  return true;
}

void ThreadPool::work(int worker, std::uint32_t seen) {
  for (;;) {
    wait_while_equal(round_, seen);
    seen = round_.load(std::memory_order_acquire);
    if (stopping_.load()) return;
    if (worker < active_) (*job_)(worker);
    pending_.fetch_sub(1, std::memory_order_acq_rel);
    pending_.notify_one();
  }
}

}  // namespace pellucid
