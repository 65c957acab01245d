// Numbers that plans use for padding modes; engines/native/lowering/convolution.py has the same.
#pragma once

namespace pellucid {

enum class PaddingMode { zeros, edge, reflect, circular };

}  // namespace pellucid
