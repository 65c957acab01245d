#include "isa/floating_point_mode.h"

#ifdef PELLUCID_X86
#include <xmmintrin.h>
#endif

namespace pellucid {

#ifdef PELLUCID_X86

namespace {
constexpr unsigned int FLUSH_TO_ZERO = 0x8000;       // results
constexpr unsigned int DENORMALS_ARE_ZERO = 0x0040;  // operands
}  // namespace

FlushDenormals::FlushDenormals() : previous_(_mm_getcsr()) {
  _mm_setcsr(previous_ | FLUSH_TO_ZERO | DENORMALS_ARE_ZERO);
}
FlushDenormals::~FlushDenormals() {
  _mm_setcsr(previous_);
}

#else

FlushDenormals::FlushDenormals() : previous_(0) {}
FlushDenormals::~FlushDenormals() = default;

#endif

}  // namespace pellucid
