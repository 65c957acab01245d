"""The text of an ONNX model as plain data: operations with their attributes, arrays, inputs and outputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pellucid.errors import FormatError
from pellucid.formats.onnx_import.tensors import Store, constant
from pellucid.formats.onnx_import.values import Constant
from pellucid.formats.onnx_import.wire import without_arrays

OLDEST = 7
"""The first version of ONNX's operators that is read."""

DEEPEST = 4
"""Levels of graphs inside graphs."""

MOST_OPERATIONS = 50_000
"""Of one graph; large networks with all their shape arithmetic have some thousands."""

INSTALL = "pip install 'pellucid[onnx]'"


@dataclass(frozen=True)
class Operation:
    """A NodeProto."""

    name: str
    type: str
    domain: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Attribute]
    metadata: Mapping[str, str]


@dataclass(frozen=True)
class GraphInput:
    """Of the whole model; dimensions are 0 where the model gives them a name or nothing."""

    name: str
    element: int
    dimensions: tuple[int, ...] | None


@dataclass(frozen=True)
class GraphText:
    """A GraphProto."""

    name: str
    operations: tuple[Operation, ...]
    initializers: Mapping[str, Constant]
    inputs: tuple[GraphInput, ...]
    outputs: tuple[str, ...]


Attribute = int | float | str | tuple[int, ...] | tuple[float, ...] | tuple[str, ...] | Constant | GraphText


@dataclass(frozen=True)
class ModelText:
    """A ModelProto."""

    graph: GraphText
    opset: int
    producer: str
    metadata: Mapping[str, str]
    functions: frozenset[str]
    store: Store


def read_text(path: Path) -> ModelText:
    """The text of the model in a file.

    Raises:
        FormatError: not an ONNX model, truncated, corrupt, or older or newer than what is read.
    """
    try:
        import onnx
        from google.protobuf.message import DecodeError
    except ModuleNotFoundError:
        raise FormatError(f"{path}: reading ONNX needs the package onnx; type: {INSTALL}") from None
    store = Store(path)
    with path.open("rb") as file:
        data = without_arrays(file, store.nbytes)
    try:
        model = onnx.ModelProto.FromString(data)
        del data
        if not model.HasField("graph"):
            raise FormatError("not an ONNX model: it has no graph")
        opset = _opset(model, onnx.defs.onnx_opset_version())
        return ModelText(
            _graph(model.graph, store, 0),
            opset,
            str(model.producer_name),
            {str(entry.key): str(entry.value) for entry in model.metadata_props},
            frozenset(str(function.name) for function in model.functions),
            store,
        )
    except (DecodeError, UnicodeDecodeError) as error:
        raise FormatError(f"truncated or corrupt: {error}") from None


def _opset(model: Any, newest: int) -> int:
    versions = [entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")]
    if len(versions) != 1:
        raise FormatError(f"a model names one version of ONNX's operators, received {versions[:5]}")
    if not OLDEST <= versions[0] <= newest:
        raise FormatError(
            f"versions {OLDEST} to {newest} of ONNX's operators are read, received {versions[0]}"
            + ("; a newer package onnx may know it" if versions[0] > newest else "; convert the model")
        )
    return int(versions[0])


def _graph(graph: Any, store: Store, depth: int) -> GraphText:
    if depth > DEEPEST:
        raise FormatError(f"graphs lie at most {DEEPEST} deep inside each other")
    if len(graph.node) > MOST_OPERATIONS:
        raise FormatError(f"at most {MOST_OPERATIONS} operations are read, received {len(graph.node)}")
    if graph.sparse_initializer:
        raise FormatError("sparse arrays are not read; store them dense")
    initializers = {}
    for tensor in graph.initializer:
        if tensor.name in initializers:
            raise FormatError(f"{tensor.name}: an array that is there twice")
        initializers[tensor.name] = constant(tensor, store, stored=True)
    return GraphText(
        str(graph.name),
        tuple(_operation(node, store, depth) for node in graph.node),
        initializers,
        tuple(_input(value) for value in graph.input),
        tuple(value.name for value in graph.output),
    )


def _input(value: Any) -> GraphInput:
    kind = value.type
    if not kind.HasField("tensor_type"):
        return GraphInput(value.name, 0, None)
    tensor = kind.tensor_type
    dimensions = None
    if tensor.HasField("shape"):
        dimensions = tuple(int(d.dim_value) if d.HasField("dim_value") else 0 for d in tensor.shape.dim)
    return GraphInput(value.name, int(tensor.elem_type), dimensions)


def _operation(node: Any, store: Store, depth: int) -> Operation:
    return Operation(
        str(node.name),
        str(node.op_type),
        "" if node.domain == "ai.onnx" else str(node.domain),
        tuple(node.input),
        tuple(node.output),
        {str(a.name): _attribute(a, store, depth) for a in node.attribute},
        {str(entry.key): str(entry.value) for entry in node.metadata_props},
    )


def _attribute(attribute: Any, store: Store, depth: int) -> Attribute:
    """The value of an AttributeProto."""
    kind = int(attribute.type)
    if kind == TENSOR:
        return constant(attribute.t, store, stored=False)
    if kind == GRAPH:
        return _graph(attribute.g, store, depth + 1)
    if kind not in PLAIN_KINDS:
        raise FormatError(f"attribute {attribute.name!r} is of a kind that is not read")
    return PLAIN_KINDS[kind](attribute)


TENSOR, GRAPH = 4, 5

PLAIN_KINDS: Mapping[int, Callable[[Any], Attribute]] = MappingProxyType(
    {
        1: lambda attribute: float(attribute.f),
        2: lambda attribute: int(attribute.i),
        3: lambda attribute: str(attribute.s.decode(errors="replace")),
        6: lambda attribute: tuple(float(value) for value in attribute.floats),
        7: lambda attribute: tuple(int(value) for value in attribute.ints),
        8: lambda attribute: tuple(value.decode(errors="replace") for value in attribute.strings),
    }
)
"""AttributeProto.AttributeType, and how each is read."""
