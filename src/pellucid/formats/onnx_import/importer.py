"""Turns the operations of an ONNX graph into nodes of a Pellucid graph, one after the other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from pellucid.errors import FormatError, LayerError
from pellucid.formats.onnx_import.call import Call
from pellucid.formats.onnx_import.folding import Budget, fold
from pellucid.formats.onnx_import.formulas import IDENTITY, recognise
from pellucid.formats.onnx_import.table import ROWS, refusal
from pellucid.formats.onnx_import.tensors import LARGEST_LENGTH, LARGEST_RANK
from pellucid.formats.onnx_import.text import DEEPEST, GraphInput, GraphText, ModelText, Operation
from pellucid.formats.onnx_import.values import (
    BATCH,
    SAMPLES,
    Activation,
    Array,
    Constant,
    Formula,
    UnsupportedError,
    Value,
)
from pellucid.layers import Flatten, Input, Layer, Parameter, Reshape, Shape

MALFORMED = (ArithmeticError, LookupError, TypeError, ValueError)
"""What arithmetic on the attributes and constants of a damaged model can raise."""

Source = Callable[[], Array]
"""Reads or makes the numbers of a parameter."""

FLOATS = (1, 2, 10, 11, 16)
"""Kinds of numbers that an input may have: float32, uint8 (pixels), float16, float64, bfloat16."""


@dataclass
class Record:
    """A node in the making.

    Attributes:
        layer: of the node.
        inputs: numbers of the records that feed it.
        parameters: by short name.
        operation: the ONNX node it comes from; None for an input.
        named: what its name should be; empty for one after its operation.
        consumers: how many records it feeds.
        awaits_beta: its gamma was a node of its own, so a node with its beta may follow.
    """

    layer: Layer
    inputs: tuple[int, ...]
    parameters: dict[str, Source]
    operation: Operation | None
    named: str = ""
    consumers: int = field(default=0)
    awaits_beta: bool = field(default=False)


class Importer:
    """Reads a graph; see `run`.

    Args:
        text: the model.
    """

    def __init__(self, text: ModelText) -> None:
        self.opset = text.opset
        self.records: list[Record] = []
        self.shapes: list[Shape] = []
        self.problems: dict[int, tuple[Operation, str]] = {}
        self.declared_batch = 0
        self._text = text
        self._values: dict[str, Value | None] = {}
        self._uses: Counter[str] = Counter()
        self._names: dict[int, list[str]] = {}
        self._operation: Operation | None = None
        self._budget = Budget(text.store.nbytes)

    def run(self) -> tuple[int, ...]:
        """Make all records; the numbers of those that are the outputs.

        Raises:
            FormatError: an input that is not images, a value that nothing makes.
        """
        graph = self._text.graph
        self._uses.update(graph.outputs)
        self._count_uses(graph)
        for value in graph.inputs:
            if value.name not in graph.initializers:
                self._values[value.name] = self._input(value)
        self._read(graph, 0)
        outputs = [node for name in graph.outputs if (node := self._output(name)) is not None]
        return () if self.problems else tuple(outputs)

    def value_names(self) -> dict[int, list[str]]:
        """For every record the names of the values that it is, in order."""
        names: dict[int, list[str]] = {}
        for name, value in self._values.items():
            made = value.made if isinstance(value, Formula) else value
            if isinstance(made, Activation):
                names.setdefault(made.node, []).append(name)
        return names

    # ---- reading

    def _count_uses(self, graph: GraphText) -> None:
        for operation in graph.operations:
            self._uses.update(operation.inputs)
            for attribute in operation.attributes.values():
                if isinstance(attribute, GraphText):
                    self._uses.update(attribute.outputs)
                    self._count_uses(attribute)

    def _input(self, value: GraphInput) -> Activation:
        dimensions = value.dimensions
        if dimensions is None or value.element not in FLOATS:
            raise FormatError(f"{value.name}: an input is images of floating-point numbers of a given shape")
        if not 2 <= len(dimensions) <= LARGEST_RANK:
            raise FormatError(f"{value.name}: an input has a batch and 1 to {LARGEST_RANK - 1} axes more")
        if any(not 1 <= n <= LARGEST_LENGTH for n in dimensions[1:]):
            shown = ", ".join(str(n) if n > 0 else "?" for n in dimensions)
            raise FormatError(
                f"{value.name}: every length but the batch is given, received ({shown}); "
                "export the model with a fixed image size"
            )
        self.declared_batch = self.declared_batch or max(dimensions[0], 0)
        return self.emit(Input(dimensions[1:]), (), named=value.name)

    def _output(self, name: str) -> int | None:
        if name not in self._values:
            raise FormatError(f"{name}: nothing makes this output")
        value = self._values[name]
        made = None if value is None else self._attempted(value)
        return None if made is None else made.node

    def _attempted(self, value: Value) -> Activation | None:
        """The record of a value; None, and the reason noted, where there is no layer for it."""
        try:
            return self.activation(value)
        except UnsupportedError as error:
            if not isinstance(error.blamed, Operation):
                raise
            self._blame(error, error.blamed)
            return None

    def _read(self, graph: GraphText, depth: int) -> None:
        if depth > DEEPEST:
            raise FormatError(f"graphs lie at most {DEEPEST} deep inside each other")
        self._values.update(graph.initializers)
        for operation in graph.operations:
            self._uses.subtract(operation.inputs)
            for name in operation.inputs:
                if name and name not in self._values:
                    raise FormatError(f"{operation.name or operation.type}: no earlier node makes {name!r}")
            self._operation = operation
            try:
                results = self._results(operation, depth)
            except UnsupportedError as error:
                self._blame(error, operation)
                results = ()
            except (LayerError, *MALFORMED) as error:
                self._blame(UnsupportedError(str(error) or type(error).__name__), operation)
                results = ()
            self._bind(operation, results)

    def _blame(self, error: UnsupportedError, operation: Operation) -> None:
        blamed = error.blamed if isinstance(error.blamed, Operation) else operation
        self.problems.setdefault(id(blamed), (blamed, str(error)))

    def _bind(self, operation: Operation, results: Sequence[Value | None]) -> None:
        for index, name in enumerate(operation.outputs):
            value = results[index] if index < len(results) else None
            if not name:
                continue
            if name in self._values:
                raise FormatError(f"{name!r} is made twice")
            if value is None and results and self._uses[name] > 0:
                why = f"its output number {index + 1} is used"
                self._blame(UnsupportedError(why), operation)
            self._values[name] = value
            if isinstance(value, Activation):
                self._names.setdefault(value.node, []).append(name)
            elif isinstance(value, Formula):
                for made in (value.source, value.made):
                    if made is not None:
                        self._names.setdefault(made.node, []).append(name)

    def _results(self, operation: Operation, depth: int) -> Sequence[Value | None]:
        inputs = [self._values[name] if name else None for name in operation.inputs]
        if operation.domain not in ("", "com.microsoft") or operation.type not in ROWS:
            for value in inputs:
                if isinstance(value, Formula):  # so that what it is made of is named too
                    self._attempted(value)
            raise UnsupportedError(refusal(operation, self._text.functions))
        if any(name and value is None for name, value in zip(operation.inputs, inputs, strict=True)):
            return ()  # what it needs could not be imported, which is said already
        if operation.type == "If":
            return self._branch(operation, inputs, depth)
        call = Call(self, operation, inputs)
        constants = [value for value in inputs if isinstance(value, Constant)]
        if len(constants) == sum(value is not None for value in inputs):
            folded = fold(call, self._budget)
            if folded is not None:
                return folded
        return ROWS[operation.type](call)

    def _branch(
        self, operation: Operation, inputs: Sequence[Value | None], depth: int
    ) -> Sequence[Value | None]:
        """The branch that a constant condition chooses, in place of the If."""
        if not isinstance(inputs[0], Constant):
            raise UnsupportedError("its condition depends on the image")
        chosen = "then_branch" if bool(inputs[0].array().item()) else "else_branch"
        graph = operation.attributes.get(chosen)
        if not isinstance(graph, GraphText):
            raise UnsupportedError(f"it has no {chosen}")
        self._read(graph, depth + 1)
        self._operation = operation
        return [self._values.get(name) for name in graph.outputs]

    # ---- what rows call

    def emit(
        self,
        layer: Layer,
        inputs: Sequence[Activation],
        parameters: Mapping[str, Source] | None = None,
        named: str = "",
    ) -> Activation:
        """A new record."""
        shape = layer.output_shape([self.shapes[value.node] for value in inputs])
        if any(n > LARGEST_LENGTH for n in shape) or len(shape) > LARGEST_RANK:
            raise UnsupportedError(f"its result has the shape {shape}")
        for value in inputs:
            self.records[value.node].consumers += 1
        nodes = tuple(value.node for value in inputs)
        self.records.append(Record(layer, nodes, dict(parameters or {}), self._operation, named))
        self.shapes.append(shape)
        return Activation(len(self.records) - 1, shape)

    def change(
        self, value: Activation, layer: Layer, parameters: Mapping[str, Source], named: str
    ) -> Activation:
        """Put another layer in a record's place; nothing else may need the old one, see `is_free`."""
        record = self.records[value.node]
        record.layer = layer
        record.parameters.update(parameters)
        record.named = named or record.named
        self.shapes[value.node] = layer.output_shape([self.shapes[node] for node in record.inputs])
        return Activation(value.node, self.shapes[value.node])

    def is_free(self, value: Activation) -> bool:
        """Whether the operation that is read now is all that needs this record."""
        names = self._names.get(value.node, [])
        return self.records[value.node].consumers == 0 and all(self._uses[name] <= 0 for name in names)

    def activation(self, value: Value) -> Activation:
        """The record of a value; makes one of a formula or a constant."""
        if isinstance(value, Activation):
            return value
        if isinstance(value, Constant):
            return self.parameter(value, value.shape[1:] if len(value.shape) > 1 else value.shape)
        if value.made is None:
            with self._as_if(value.blamed):
                value.made = self._layer_of(value)
            self._names.setdefault(value.made.node, []).extend(self._names_of(value))
        return value.made

    def _names_of(self, value: Formula) -> list[str]:
        return [name for name in self._names.get(value.source.node, []) if self._values.get(name) is value]

    def _layer_of(self, value: Formula) -> Activation:
        """The layer that a formula is, or two of them one after the other, or its last step alone."""
        layer = recognise(value.values)
        if layer is not None:
            return value.source if layer is IDENTITY else self.emit(layer, (value.source,))
        for start in value.ancestors():
            values = value.values_from(start)
            layer = None if values is None or start.depth == 0 else recognise(values)
            if layer is not None and (start.made or recognise(start.values)):
                before = self.activation(start)
                return before if layer is IDENTITY else self.emit(layer, (before,))
        return value.build()

    @contextmanager
    def _as_if(self, operation: object) -> Iterator[None]:
        """What is made meanwhile comes from another operation than the one that is read."""
        reading, self._operation = self._operation, operation if isinstance(operation, Operation) else None
        try:
            yield
        except UnsupportedError as error:
            raise UnsupportedError(str(error), error.blamed or operation) from None
        finally:
            self._operation = reading

    def parameter(self, value: Constant, shape: Shape) -> Activation:
        """A Parameter node with a constant's numbers under another shape."""
        shape = shape or (1,)
        if 0 in shape or BATCH in shape:
            raise UnsupportedError(f"a constant of shape {value.shape} has no place in an image")
        trainable = value.stored and value.size > 1
        source = partial(_reshaped, value, shape)
        return self.emit(
            Parameter(shape, trainable), (), {"value": source}, named=value.name if value.stored else ""
        )

    def reshape(self, value: Activation, shape: Shape) -> Activation:
        """The same cells under another shape; two such steps become one."""
        record = self.records[value.node]
        while isinstance(record.layer, Reshape | Flatten):
            value = Activation(record.inputs[0], self.shapes[record.inputs[0]])
            record = self.records[value.node]
        if value.shape == shape:
            return value
        return self.emit(Flatten() if len(shape) == 1 else Reshape(shape), (value,))

    def formula(self, value: Activation | Formula) -> Formula:
        """A value as a function of its source."""
        if isinstance(value, Formula):
            return value
        return Formula(value, SAMPLES, 0, (), (), lambda: SAMPLES, lambda: value, self._operation, value)


def _reshaped(value: Constant, shape: Shape) -> Array:
    return np.ascontiguousarray(value.floats().reshape(shape))
