// One small vector type, written with the compiler's vector extensions. Every file that includes it is
// compiled once for each instruction set, with its own lane count, inside that set's own namespace.
#pragma once

#include <cstdint>
#include <cstring>

#define PELLUCID_INLINE inline __attribute__((always_inline))
#define PELLUCID_UNROLL _Pragma("GCC unroll 32")

namespace pellucid::PELLUCID_ISA {

constexpr int LANES = PELLUCID_LANES;
constexpr int REGISTERS = PELLUCID_REGISTERS;
// Accumulators that a block may hold, leaving registers for what is loaded and broadcast.
constexpr int ACCUMULATORS = REGISTERS == 32 ? 24 : 12;

using Vector = float __attribute__((vector_size(LANES * 4)));
using Integers = std::int32_t __attribute__((vector_size(LANES * 4)));
using Words = std::uint32_t __attribute__((vector_size(LANES * 4)));
using UnalignedVector = float __attribute__((vector_size(LANES * 4), aligned(4), may_alias));

PELLUCID_INLINE Vector broadcast(float value) {
  return value - Vector{};
}
PELLUCID_INLINE Integers broadcast_integer(std::int32_t value) {
  return value - Integers{};
}
PELLUCID_INLINE Vector load(const float* from) {
  return *reinterpret_cast<const UnalignedVector*>(from);
}
PELLUCID_INLINE void store(float* to, Vector value) {
  *reinterpret_cast<UnalignedVector*>(to) = value;
}

// The same pointer, but the compiler cannot know it: so it reads memory again, as an operand of a
// multiply-add, instead of keeping what it read in a register that it does not have.
PELLUCID_INLINE const Vector* reread(const Vector* from) {
  asm("" : "+r"(from));
  return from;
}
// What is read after this is read after what was read before it: the compiler would otherwise begin many
// steps of an unrolled loop at once, and run out of registers.
PELLUCID_INLINE void keep_order() {
  asm volatile("" ::: "memory");
}
PELLUCID_INLINE Vector* reread(Vector* from) {
  asm("" : "+r"(from));
  return from;
}

PELLUCID_INLINE Integers bits_of(Vector value) {
  Integers bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}
PELLUCID_INLINE Vector vector_of(Integers bits) {
  Vector value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

// Where the condition (a comparison's result) holds, `yes`, elsewhere `no`.
PELLUCID_INLINE Vector select(Integers condition, Vector yes, Vector no) {
  return condition ? yes : no;
}
PELLUCID_INLINE Integers select(Integers condition, Integers yes, Integers no) {
  return condition ? yes : no;
}
PELLUCID_INLINE Vector keep_where(Integers condition, Vector value) {
  return vector_of(bits_of(value) & condition);
}
PELLUCID_INLINE Vector magnitude(Vector value) {
  return vector_of(bits_of(value) & broadcast_integer(0x7fffffff));
}

// Vectors that hold so many numbers.
PELLUCID_INLINE std::int64_t blocks_of(std::int64_t numbers) {
  return (numbers + LANES - 1) / LANES;
}

PELLUCID_INLINE Integers is_nan(Vector value) {
  return value != value;
}

PELLUCID_INLINE Integers lane_numbers() {
  Integers numbers;
  for (int lane = 0; lane < LANES; ++lane) numbers[lane] = lane;
  return numbers;
}
// True in the lanes that hold an image.
PELLUCID_INLINE Integers valid_lanes(std::int64_t images) {
  return lane_numbers() < broadcast_integer(static_cast<std::int32_t>(images));
}

PELLUCID_INLINE float sum_lanes(Vector value) {
  float sum = 0;
  for (int lane = 0; lane < LANES; ++lane) sum += value[lane];
  return sum;
}

}  // namespace pellucid::PELLUCID_ISA
