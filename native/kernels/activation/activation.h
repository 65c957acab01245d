// Numbers that plans use for activations and backward rules; engines/native/lowering/activation.py has the
// same.
#pragma once

namespace pellucid {

enum class ActivationKind { relu, leaky_relu, sigmoid, scaled_tanh, elu, softplus };

enum class BackwardRule { gradient, guided, deconvnet };

}  // namespace pellucid
