#include "base/aligned_memory.h"

#include <sys/mman.h>

#include <new>
#include <utility>

namespace pellucid {

AlignedMemory::AlignedMemory(std::size_t bytes) {
  if (bytes == 0) return;
  // Pages come zeroed and are taken only when touched; huge ones spare the address cache.
  void* pages = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (pages == MAP_FAILED) throw std::bad_alloc();
  madvise(pages, bytes, MADV_HUGEPAGE);
  data_ = static_cast<std::byte*>(pages);
  size_ = bytes;
}

AlignedMemory::~AlignedMemory() {
  if (data_ != nullptr) munmap(data_, size_);
}

AlignedMemory::AlignedMemory(AlignedMemory&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

AlignedMemory& AlignedMemory::operator=(AlignedMemory&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

}  // namespace pellucid
