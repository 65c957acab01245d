"""Collects ONNX operations and arrays, and makes a file's bytes of them."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pellucid import __version__
from pellucid.errors import FormatError
from pellucid.formats.descriptions import describe
from pellucid.graph import Node
from pellucid.layers import Layer, Shape
from pellucid.model import Model

OLDEST = 17
"""The version of ONNX's operators that is written, unless a layer needs a newer one."""

LARGEST = 2_000_000_000
"""Bytes of arrays; a protobuf message has at most 2 GiB."""

INSTALL = "pip install 'pellucid[onnx]'"

BATCH = "N"
"""Name of the number of images."""

KIND = "pellucid.layer"
"""Entry of a node's metadata: the layer, where ONNX has one operator for several."""

IR_VERSIONS = {17: 8, 19: 9}
"""The oldest version of the file format for each version of the operators."""

IR_WITH_METADATA = 10


class Writer:
    """An ONNX graph in the making.

    Args:
        model: that is written.
        opset: the version of the operators.
    """

    def __init__(self, model: Model, opset: int) -> None:
        self.model = model
        self.opset = opset
        self.same_for_all: set[str] = set()
        self._nodes: list[Any] = []
        self._initializers: list[Any] = []
        self._has_metadata = False
        self._names = {node.name for node in model.graph.nodes}
        try:
            import onnx
        except ModuleNotFoundError:
            raise FormatError(f"{model.name}: writing ONNX needs the package onnx; type: {INSTALL}") from None
        self._onnx = onnx

    def fresh(self, wish: str) -> str:
        """A name that nothing has yet."""
        name, count = wish, 1
        while name in self._names:
            count += 1
            name = f"{wish}_{count}"
        self._names.add(name)
        return name

    def operation(
        self,
        kind: str,
        inputs: Sequence[str],
        output: str,
        metadata: Mapping[str, str] | None = None,
        **attributes: Any,
    ) -> str:
        """Add an operation with one output, and return that."""
        given = {name: value for name, value in attributes.items() if value is not None}
        node = self._onnx.helper.make_node(kind, list(inputs), [output], name=output, **given)
        for key, value in (metadata or {}).items():
            entry = node.metadata_props.add()
            entry.key, entry.value = key, value
            self._has_metadata = True
        self._nodes.append(node)
        return output

    def constant(self, values: ArrayLike, wish: str, dtype: type[np.generic] = np.float32) -> str:
        """Add numbers that no training moves."""
        name = self.fresh(wish)
        return self.operation("Constant", (), name, value=self.tensor(np.asarray(values, dtype), name))

    def tensor(self, values: NDArray[Any], name: str) -> Any:
        """An array as an attribute."""
        return self._onnx.numpy_helper.from_array(np.require(values, requirements="C"), name)

    def integers(self, values: Sequence[int], wish: str) -> str:
        """Add whole numbers, for shapes and axes."""
        return self.constant(list(values), wish, np.int64)

    def array(self, values: NDArray[np.float32], name: str) -> str:
        """Add an array of weights."""
        array = np.ascontiguousarray(values, "<f4")
        tensor = self._onnx.TensorProto(
            name=name, dims=array.shape, data_type=self._onnx.TensorProto.FLOAT, raw_data=array.tobytes()
        )
        self._initializers.append(tensor)
        self._names.add(name)
        return name

    def bytes(self, outputs: Sequence[str]) -> bytes:
        """The file.

        Args:
            outputs: names of the values that are the graph's outputs, in the order of the model's.
        """
        model, helper = self.model, self._onnx.helper
        graph = helper.make_graph(
            self._nodes,
            "".join(letter for letter in model.name if letter.isprintable()) or "network",
            [self._value(name, model.graph.shapes[name]) for name in model.graph.inputs],
            [
                self._value(value, model.graph.shapes[name])
                for value, name in zip(outputs, model.graph.outputs, strict=True)
            ],
            self._initializers,
        )
        version = IR_WITH_METADATA if self._has_metadata else IR_VERSIONS[self.opset]
        made = helper.make_model(
            graph,
            producer_name="pellucid",
            producer_version=__version__,
            ir_version=version,
            opset_imports=[helper.make_opsetid("", self.opset)],
        )
        metadata = {
            "pellucid.name": model.name,
            "pellucid.output_kind": model.output_kind,
            "pellucid.class_names": json.dumps(list(model.class_names)),
            "pellucid.recipe": json.dumps(describe(model.recipe)),
        }
        helper.set_model_props(made, metadata)
        data: bytes = made.SerializeToString()
        return data

    def _value(self, name: str, shape: Shape) -> Any:
        return self._onnx.helper.make_tensor_value_info(name, self._onnx.TensorProto.FLOAT, [BATCH, *shape])


class Place:
    """A node on its way into an ONNX graph: what a row of the table is given.

    Args:
        writer: the graph in the making.
        node: the node.
    """

    def __init__(self, writer: Writer, node: Node) -> None:
        graph = writer.model.graph
        self.writer = writer
        self.node = node
        self.name = node.name
        self.layer: Layer = node.layer
        self.inputs = list(node.inputs)
        self.shapes = graph.input_shapes(node)
        self.shape = graph.shapes[node.name]
        self.opset = writer.opset

    def step(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """An operation on the way; its result has the node's name and its own kind."""
        return self.writer.operation(kind, inputs, self.writer.fresh(f"{self.name}/{kind}"), **attributes)

    def result(
        self, kind: str, *inputs: str, metadata: Mapping[str, str] | None = None, **attributes: Any
    ) -> str:
        """The operation whose result is the node's."""
        return self.writer.operation(kind, inputs, self.name, metadata, **attributes)

    def integers(self, *values: int) -> str:
        """Whole numbers as an input."""
        return self.writer.integers(values, f"{self.name}/integers")

    def constant(self, values: ArrayLike) -> str:
        """Fixed numbers as an input."""
        return self.writer.constant(values, f"{self.name}/constant")

    def values(self, name: str) -> NDArray[np.float32]:
        """A parameter of the node."""
        return self.writer.model.parameters[f"{self.name}.{name}"]

    def weight(self, name: str, values: NDArray[np.float32] | None = None) -> str:
        """A parameter as an input, perhaps in another form."""
        return self.writer.array(self.values(name) if values is None else values, f"{self.name}.{name}")

    def reshaped(self, value: str, *shape: int) -> str:
        """A value under another shape of an image's array."""
        return self.step("Reshape", value, self.integers(0, *shape))

    def with_batch(self, value: str, like: str, shape: Shape) -> str:
        """A value that is the same for every image, once for each of them."""
        if math.prod(shape) == 0:
            raise FormatError(f"{self.name}: an empty array")
        count = self.step("Slice", self.step("Shape", like), self.integers(0), self.integers(1))
        return self.step("Expand", value, self.step("Concat", count, self.integers(*shape), axis=0))
