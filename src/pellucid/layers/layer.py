"""What a layer is: hyper-parameters, shapes, parameters, cost. No arithmetic lives here."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from pellucid.errors import LayerError

Shape = tuple[int, ...]
"""Shape of one image's array, without the batch: (C, H, W), (C, L) or (features,)."""

Role = Literal["trainable", "buffer", "fixed"]


@dataclass(frozen=True)
class Initializer:
    """How a parameter starts: a rule by name and the numbers it needs.

    Rules (fan_in inputs and fan_out outputs of one unit):
    "zeros"; "ones"; "constant": `value`;
    "he": N(0, 2 / fan_in) (He et al. 2015, eq. 10);
    "glorot": U(±sqrt(6 / (fan_in + fan_out))) (Glorot & Bengio 2010, eq. 16);
    "lecun": N(0, 1 / fan_in) (LeCun et al. 1998, Efficient BackProp, section 4.6);
    "lecun-1998": U(±2.4 / fan_in) (LeCun et al. 1998, Gradient-based learning, section III.B).
    """

    rule: str
    fan_in: int = 1
    fan_out: int = 1
    value: float = 0.0

    RULES: ClassVar[tuple[str, ...]] = ("zeros", "ones", "he", "glorot", "lecun", "lecun-1998")
    """Those that a layer of weights may be given."""


ZEROS = Initializer("zeros")
ONES = Initializer("ones")


@dataclass(frozen=True)
class ParameterSpec:
    """One named array of a layer.

    `role`: "trainable" is moved by the optimiser, "buffer" by the forward pass in training (running
    statistics), "fixed" by nobody. `decay` says whether weight decay applies by default (not to biases
    and normalisation parameters).
    """

    name: str
    shape: Shape
    initializer: Initializer
    role: Role = "trainable"
    decay: bool = False


@dataclass(frozen=True)
class AxisWindow:
    """How an output position sees one spatial axis of the input.

    Output position o sees the inputs i with i * fraction = o * stride - pad_start + k * dilation for some
    k < kernel.

    Attributes:
        fraction: steps between neighbouring inputs; more than 1 where the layer enlarges the map (a stride of
            1 / fraction).
        overhang: positions beyond the padding that the last window reaches (ceil mode).
    """

    input: int
    kernel: int
    stride: int = 1
    dilation: int = 1
    pad_start: int = 0
    pad_end: int = 0
    fraction: int = 1
    overhang: int = 0

    @property
    def padded(self) -> int:
        """Length of the padded axis, the zeros between the inputs of a fractional stride included."""
        between = (self.input - 1) * self.fraction + 1
        return self.pad_start + between + self.pad_end + self.overhang

    @property
    def extent(self) -> int:
        """Effective kernel length F + (F - 1)(D - 1)."""
        return self.kernel + (self.kernel - 1) * (self.dilation - 1)

    @property
    def output(self) -> int:
        """Output length floor((I + P_start + P_end - F_eff) / S) + 1; below 1 when nothing fits."""
        return (self.padded - self.extent) // self.stride + 1

    @property
    def unused(self) -> int:
        """Input columns at the end that no window reaches, because the stride steps over them."""
        reached = (self.output - 1) * self.stride + self.extent
        return max(0, min(self.padded - reached - self.pad_end, self.input))


class Layer(ABC):
    """Base of all layers. Subclasses are frozen dataclasses: what they hold is their hyper-parameters."""

    label: ClassVar[str]
    """Prefix of automatic node names: "conv" gives conv1, conv2, ..."""

    formula: ClassVar[str]
    """The equation, one line, in the symbols of the reference engine."""

    input_count: ClassVar[int | None] = 1
    """How many inputs the layer takes; None for any number from two up."""

    @abstractmethod
    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        """Shape of the output for inputs of these shapes; raises LayerError where they do not fit."""

    def parameters(self, inputs: Sequence[Shape]) -> tuple[ParameterSpec, ...]:
        """The arrays the layer needs for inputs of these shapes."""
        return ()

    def cost(self, inputs: Sequence[Shape]) -> int:
        """Multiply-adds of one forward pass of one image; comparisons and function values are not counted."""
        return 0

    def window(self, inputs: Sequence[Shape]) -> tuple[AxisWindow, ...] | None:
        """What an output position sees along each spatial axis.

        An empty tuple: only its own position. None: everything.
        """
        return ()

    @property
    def name(self) -> str:
        """The class name: what messages and files call this layer."""
        return type(self).__name__


def require(condition: bool, layer: str, rule: str, received: object) -> None:
    """Raise a LayerError "layer: rule, received ..." unless the condition holds."""
    if not condition:
        raise LayerError(f"{layer}: {rule}, received {received!r}")


def require_initializer(layer: str, initializer: str) -> None:
    """Require one of the rules that weights may start by."""
    rule = f"initializer is one of {', '.join(Initializer.RULES)}"
    require(initializer in Initializer.RULES, layer, rule, initializer)


def require_rank(layer: str, shape: Shape, axes: str) -> None:
    """Require a shape with the named axes, for example "channels, height, width"."""
    names = axes.split(", ")
    require(len(shape) == len(names), layer, f"expects an input of shape ({axes})", shape)
