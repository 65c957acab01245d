// Numbers that plans use for activations and backward rules; engines/native/lowering/activation.py has the
// same.
#pragma once

namespace pellucid {

enum class ActivationKind {
  relu,
  leaky_relu,
  sigmoid,
  scaled_tanh,
  elu,
  softplus,
  scaled_elu,
  clip,
  hard_sigmoid,
  // Derivatives of these are formed from the input.
  hard_swish,
  silu,
  gelu,
  gelu_tanh,
  mish,
};

enum class BackwardRule { gradient, guided, deconvnet };

}  // namespace pellucid
