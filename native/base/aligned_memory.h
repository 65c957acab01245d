// A block of zeroed memory on a cache-line boundary. It is not a tensor: it has no shape and no type.
#pragma once

#include <cstddef>

namespace pellucid {

class AlignedMemory {
 public:
  static constexpr std::size_t ALIGNMENT = 64;

  AlignedMemory() = default;
  explicit AlignedMemory(std::size_t bytes);
  ~AlignedMemory();
  AlignedMemory(AlignedMemory&& other) noexcept;
  AlignedMemory& operator=(AlignedMemory&& other) noexcept;
  AlignedMemory(const AlignedMemory&) = delete;
  AlignedMemory& operator=(const AlignedMemory&) = delete;

  [[nodiscard]] std::byte* data() const { return data_; }
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace pellucid
