// Which lanes of a vector are positive, a bit each: all that the gradient of a rectifier asks of its output,
// in a thirty-second of the memory.
#pragma once

#include <cstdint>
#include <cstring>
#include <type_traits>

#include "base/simd.h"
#include "isa/lane_bits.h"

namespace pellucid::PELLUCID_ISA {

// Of one vector. Also in lowering/blocks/epilogue.py.
using SignBits = std::conditional_t<(LANES > 8), std::uint16_t, std::uint8_t>;

// Of up to four neighbouring vectors, the first one's lowest.
using SignWord = std::conditional_t<(LANES > 8), std::uint64_t, std::uint32_t>;

constexpr int SIGN_BITS = 8 * sizeof(SignBits);

PELLUCID_INLINE SignBits signs_of(Vector value) {
  return static_cast<SignBits>(positive_lanes(value));
}

template <int COUNT>
PELLUCID_INLINE void write_signs(const Vector* values, SignBits* to) {
  SignWord word = 0;
  if constexpr (COUNT == 4 && SIGN_BITS == LANES) {
    word = static_cast<SignWord>(positive_lanes_of_four(values));
  } else {
    PELLUCID_UNROLL
    for (int i = 0; i < COUNT; ++i) word |= static_cast<SignWord>(signs_of(values[i])) << (i * SIGN_BITS);
  }
  std::memcpy(to, &word, COUNT * sizeof(SignBits));
}

// The signs of COUNT neighbouring vectors.
template <int COUNT>
class Signs {
 public:
  PELLUCID_INLINE explicit Signs(const SignBits* from) {
    if constexpr (LANES > 8) {
      std::memcpy(bits_, from, sizeof bits_);
    } else {
      std::uint32_t word = 0;
      std::memcpy(&word, from, COUNT);
      // Each lane's own bit moves to the end of its byte.
      const Integers numbers = lane_numbers();
      words_ = (word - Words{}) << (7 - reinterpret_cast<const Words&>(numbers));
    }
  }
  // A value of the i-th vector, or 0 in lanes that have no bit.
  [[nodiscard]] PELLUCID_INLINE Vector keep(int i, Vector value) const {
    if constexpr (LANES > 8) {
      return keep_lanes(bits_[i], value);
    } else {
      const Words last = words_ << (24 - 8 * i);
      return keep_where(reinterpret_cast<const Integers&>(last) < 0, value);
    }
  }

 private:
  Words words_{};
  SignBits bits_[COUNT]{};
};

}  // namespace pellucid::PELLUCID_ISA
