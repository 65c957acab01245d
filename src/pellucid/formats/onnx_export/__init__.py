"""Pellucid models as ONNX models: one operation a layer, or a few where ONNX has no operator for it.

Names are kept, of nodes and of parameters; the number of images is open. What training needs comes back with
the file: dropout and batch norm are written as they are, fixed numbers as constants and trainable ones as
initializers.
"""

from __future__ import annotations

import os

from pellucid.errors import FormatError, UnsupportedLayer
from pellucid.formats.onnx_export.table import ROWS, opset_of
from pellucid.formats.onnx_export.writer import LARGEST, Place, Writer
from pellucid.layers import Input
from pellucid.model import Model
from pellucid.storage import write_bytes

__all__ = ["save"]


def save(model: Model, path: str | os.PathLike[str]) -> None:
    """Write a model as an ONNX file; complete or not at all, see `pellucid.storage.write_aside`.

    Raises:
        UnsupportedLayer: a layer that ONNX cannot express; all such nodes are named.
        FormatError: more than 2 GB of parameters, or the package onnx is missing.
        DataError: the file cannot be written.
    """
    graph = model.graph
    strangers = [node for node in graph.nodes if type(node.layer) not in ROWS]
    if strangers:
        listed = ", ".join(f"{node.name} ({node.layer.name})" for node in strangers)
        raise UnsupportedLayer(f"{model.name}: ONNX has no way to write {listed}")
    nbytes = sum(array.nbytes for array in model.parameters.values())
    if nbytes > LARGEST:
        raise FormatError(f"{model.name}: an ONNX file holds {LARGEST} bytes of arrays, received {nbytes}")
    writer = Writer(model, max(opset_of(node.layer) for node in graph.nodes))
    for node in graph.nodes:
        if not isinstance(node.layer, Input) and all(name in writer.same_for_all for name in node.inputs):
            writer.same_for_all.add(node.name)
        ROWS[type(node.layer)](Place(writer, node))
    outputs = [_output(writer, name) for name in graph.outputs]
    write_bytes(path, writer.bytes(outputs))


def _output(writer: Writer, name: str) -> str:
    """The value that an output is: an operation's, and one array an image."""
    graph = writer.model.graph
    if name in writer.same_for_all:
        return Place(writer, graph.node(name)).with_batch(name, graph.inputs[0], graph.shapes[name])
    if name in graph.inputs:
        return writer.operation("Identity", (name,), writer.fresh(f"{name}/output"))
    return name
