// Threads that live as long as the process and wait, first spinning, then asleep, for work.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace pellucid {

// Where the workers of one job meet. The last to arrive runs `completion` before any leaves.
class Barrier {
 public:
  explicit Barrier(int workers) : workers_(workers) {}

  template <typename Completion>
  void wait(const Completion& completion) {
    const std::uint32_t round = round_.load(std::memory_order_acquire);
    if (arrived_.fetch_add(1, std::memory_order_acq_rel) == workers_ - 1) {
      completion();
      arrived_.store(0, std::memory_order_relaxed);
      round_.store(round + 1, std::memory_order_release);
      round_.notify_all();
    } else {
      sleep_until_past(round);
    }
  }

 private:
  void sleep_until_past(std::uint32_t round);

  const int workers_;
  alignas(64) std::atomic<int> arrived_{0};
  alignas(64) std::atomic<std::uint32_t> round_{0};
};

class ThreadPool {
 public:
  // The pool of this process, made on first use and again in a forked child.
  static ThreadPool& shared();

  // Call job(worker) for worker in [0, workers), worker 0 on the calling thread, and return when all have.
  // False, with nothing called, when another thread is using the pool.
  bool try_run(int workers, const std::function<void(int)>& job);

  ThreadPool() = default;
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;
  ThreadPool(ThreadPool&&) = delete;
  ThreadPool& operator=(ThreadPool&&) = delete;

 private:
  void work(int worker, std::uint32_t seen);

  std::mutex in_use_;
  std::vector<std::thread> threads_;
  const std::function<void(int)>* job_ = nullptr;
  int active_ = 0;
  std::atomic<bool> stopping_{false};
  alignas(64) std::atomic<std::uint32_t> round_{0};
  alignas(64) std::atomic<int> pending_{0};
};

}  // namespace pellucid
