"""What a row of the table is given: one operation, its inputs and attributes, and the graph in the making."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from pellucid.formats.onnx_import.values import BATCH, Activation, Constant, Formula, UnsupportedError, Value
from pellucid.layers import Layer, Shape

if TYPE_CHECKING:
    from pellucid.formats.onnx_import.importer import Importer, Source
    from pellucid.formats.onnx_import.text import Operation


class Call:
    """One operation of an ONNX graph.

    Args:
        importer: the graph in the making.
        operation: the ONNX node.
        inputs: its values; None for one that is left out.
    """

    def __init__(self, importer: Importer, operation: Operation, inputs: Sequence[Value | None]) -> None:
        self.importer = importer
        self.operation = operation
        self.inputs = list(inputs)
        self.opset = importer.opset

    # ---- inputs

    def value(self, index: int) -> Value:
        """An input that must be there."""
        found = self.inputs[index] if index < len(self.inputs) else None
        if found is None:
            raise UnsupportedError(f"its input number {index + 1} is missing")
        return found

    def has(self, index: int) -> bool:
        """Whether an input is there."""
        return index < len(self.inputs) and self.inputs[index] is not None

    def activation(self, index: int = 0) -> Activation:
        """An input that is computed from the image (or a constant as a node)."""
        return self.importer.activation(self.value(index))

    def constant(self, index: int) -> Constant:
        """An input that must not depend on the image."""
        found = self.value(index)
        if not isinstance(found, Constant):
            raise UnsupportedError(f"its input number {index + 1} depends on the image")
        return found

    def integers(self, index: int) -> tuple[int, ...]:
        """A constant input as whole numbers."""
        array = self.constant(index).array().reshape(-1)
        if array.dtype.kind not in "iub" or len(array) > 64:
            raise UnsupportedError(f"its input number {index + 1} is a short list of whole numbers")
        return tuple(int(n) for n in array)

    def number(self, index: int) -> float:
        """A constant input as one number."""
        return float(self.constant(index).array().reshape(-1).item())

    # ---- attributes

    def integer(self, name: str, default: int) -> int:
        """An attribute that is one whole number."""
        found = self.operation.attributes.get(name, default)
        if not isinstance(found, int):
            raise UnsupportedError(f"its attribute {name} is a whole number")
        return found

    def real(self, name: str, default: float) -> float:
        """An attribute that is one number."""
        found = self.operation.attributes.get(name, default)
        if not isinstance(found, int | float):
            raise UnsupportedError(f"its attribute {name} is a number")
        return float(found)

    def text(self, name: str, default: str) -> str:
        """An attribute that is text."""
        found = self.operation.attributes.get(name, default)
        if not isinstance(found, str):
            raise UnsupportedError(f"its attribute {name} is text")
        return found

    def list(self, name: str) -> tuple[int, ...] | None:
        """An attribute that is whole numbers; None when it is left out."""
        found = self.operation.attributes.get(name)
        if found is None:
            return None
        if not isinstance(found, tuple) or len(found) > 64:
            raise UnsupportedError(f"its attribute {name} is a short list of whole numbers")
        return tuple(int(n) for n in found)

    def tensor(self, name: str) -> Constant | None:
        """An attribute that is an array; None when it is left out."""
        found = self.operation.attributes.get(name)
        if found is not None and not isinstance(found, Constant):
            raise UnsupportedError(f"its attribute {name} is an array")
        return found

    # ---- axes

    def image_axis(self, axis: int, rank: int) -> int:
        """An axis of ONNX's array (batch first, `rank` with it) as one of an image's."""
        if not -rank <= axis < rank:
            raise UnsupportedError(f"its axis {axis} is not one of {rank}")
        if axis % rank == 0:
            raise UnsupportedError("it works along the batch, axis 0; images stay apart")
        return axis % rank - 1

    def image_shape(self, lengths: Sequence[int], cells: int) -> Shape:
        """A shape with the batch first, as ONNX asks for, as one of an image of so many cells."""
        if not lengths:
            raise UnsupportedError("it leaves no batch")
        first, rest = lengths[0], list(lengths[1:])
        known = 1
        for length in rest:
            known *= 1 if length == -1 else length
        if rest.count(-1) > 1 or known < 1 or cells % known:
            raise UnsupportedError(f"{cells} cells an image do not fit the shape {tuple(rest)}")
        shape = tuple(cells // known if length == -1 else length for length in rest) or (1,)
        batches = (BATCH, -1, 1, self.importer.declared_batch)
        total = 1
        for length in shape:
            total *= length
        if first not in batches or total != cells:
            raise UnsupportedError(f"it moves cells between images: {cells} an image become {tuple(rest)}")
        return shape

    # ---- results

    def emit(
        self,
        layer: Layer,
        *inputs: Activation,
        parameters: Mapping[str, Source] | None = None,
        weight: Constant | None = None,
    ) -> Activation:
        """A node; named by the module whose weight it has."""
        return self.importer.emit(layer, inputs, parameters, module_of(weight))

    def layer_before(self, value: Value) -> Layer | None:
        """The layer of the node that makes a value, where nothing else needs that node."""
        if isinstance(value, Formula | Constant) or not self.importer.is_free(value):
            return None
        return self.importer.records[value.node].layer

    def require(self, condition: bool, why: str) -> None:
        """Refuse the operation unless the condition holds."""
        if not condition:
            raise UnsupportedError(why)


def module_of(weight: Constant | None) -> str:
    """The module that a weight belongs to: "layer1.0.conv1" for "layer1.0.conv1.weight"."""
    if weight is None or not weight.stored:
        return ""
    path, dot, last = weight.name.rpartition(".")
    return path if dot and last in ("weight", "bias", "running_mean", "running_var") else ""
