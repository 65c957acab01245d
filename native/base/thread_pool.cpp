#include "base/thread_pool.h"

#include <pthread.h>

#include <chrono>

namespace pellucid {
namespace {

using Clock = std::chrono::steady_clock;

// Waking a sleeping thread can take a millisecond, so a short wait spins. In the midst of a job it is a long
// one only where the thread waited for lost its core to another program. It must then get this one: a thread
// that yields would hand it to that program instead, for a whole slice of time at every barrier.
constexpr std::chrono::microseconds SPIN{50};
constexpr int LOADS = 256;  // between two looks at the clock

// Between jobs nobody waits for this thread, and the next job seldom is far.
constexpr std::chrono::milliseconds PATIENCE{2};

// Whether it changed while it was watched.
template <typename Value>
bool spin_while_equal(const std::atomic<Value>& variable, Value value) {
  const auto end = Clock::now() + SPIN;
  do {
    for (int load = 0; load < LOADS; ++load) {
      if (variable.load(std::memory_order_acquire) != value) return true;
    }
  } while (Clock::now() < end);
  return false;
}

template <typename Value>
void sleep_while_equal(const std::atomic<Value>& variable, Value value) {
  while (variable.load(std::memory_order_acquire) == value) variable.wait(value, std::memory_order_acquire);
}

template <typename Value>
void wait_while_equal(const std::atomic<Value>& variable, Value value) {
  if (!spin_while_equal(variable, value)) sleep_while_equal(variable, value);
}

template <typename Value>
void idle_while_equal(const std::atomic<Value>& variable, Value value) {
  if (spin_while_equal(variable, value)) return;
  for (const auto end = Clock::now() + PATIENCE; Clock::now() < end;) {
    std::this_thread::yield();
    if (variable.load(std::memory_order_acquire) != value) return;
  }
  sleep_while_equal(variable, value);
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
    idle_while_equal(round_, seen);
    seen = round_.load(std::memory_order_acquire);
    if (stopping_.load()) return;
    if (worker < active_) (*job_)(worker);
    pending_.fetch_sub(1, std::memory_order_acq_rel);
    pending_.notify_one();
  }
}

}  // namespace pellucid
