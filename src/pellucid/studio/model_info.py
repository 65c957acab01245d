"""What the stage needs to know of a network before there is an image."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass

from pellucid.explain.target import score_node
from pellucid.graph import Graph, Node
from pellucid.layers import AxisWindow, Convolution, Layer, TransposedConvolution
from pellucid.model import Model
from pellucid.receptive_field import ReceptiveField, receptive_fields
from pellucid.studio.folds import folds
from pellucid.studio.kinds import kind_of, signed_nodes
from pellucid.studio.messages import Axis, ModelInfo, NodeInfo, ParameterInfo

FLOAT = 4
"""Bytes of a number."""


def model_info(
    model: Model,
    identity: str,
    *,
    run: str | None,
    milliseconds: Mapping[str, float],
    moments: Sequence[int] = (),
) -> ModelInfo:
    """The network as a message.

    Args:
        model: the network.
        identity: its id here.
        run: the training run that it comes from, for people.
        milliseconds: that nodes took when they were measured.
        moments: recorded steps of that run.
    """
    graph = model.graph
    nodes = _nodes(graph, milliseconds)
    return {
        "id": identity,
        "name": model.name,
        "nodes": nodes,
        "inputs": list(graph.inputs),
        "outputs": list(graph.outputs),
        "scores": score_node(graph),
        "class_names": list(model.class_names),
        "output_kind": model.output_kind,
        "parameter_count": model.parameter_count,
        "multiply_adds": sum(node["multiply_adds"] for node in nodes),
        "run": run,
        "moments": list(moments),
    }


def _nodes(graph: Graph, milliseconds: Mapping[str, float]) -> list[NodeInfo]:
    depths, blocks, seen = _depths(graph), folds(graph), receptive_fields(graph)
    signed = signed_nodes(graph)
    return [
        _node(
            graph,
            node,
            depth=depths[node.name],
            fold=blocks.get(node.name, ""),
            signed=node.name in signed,
            field=_field(seen[node.name]),
            milliseconds=milliseconds.get(node.name),
        )
        for node in graph.nodes
    ]


def _node(
    graph: Graph,
    node: Node,
    *,
    depth: int,
    fold: str,
    signed: bool,
    field: list[int] | None,
    milliseconds: float | None,
) -> NodeInfo:
    layer, shapes = node.layer, graph.input_shapes(node)
    windows = layer.window(shapes)
    specs = layer.parameters(shapes)
    parameters: list[ParameterInfo] = [
        {"name": f"{node.name}.{spec.name}", "shape": list(spec.shape), "role": spec.role} for spec in specs
    ]
    return {
        "name": node.name,
        "layer": layer.name,
        "kind": kind_of(layer),
        "formula": layer.formula,
        "inputs": list(node.inputs),
        "shape": list(graph.shapes[node.name]),
        "settings": _settings(layer),
        "parameters": parameters,
        "parameter_count": sum(math.prod(spec.shape) for spec in specs if spec.role == "trainable"),
        "multiply_adds": layer.cost(shapes),
        "nbytes": FLOAT * math.prod(graph.shapes[node.name]),
        "axes": None if windows is None else [axis_message(window) for window in windows],
        "groups": layer.groups if isinstance(layer, Convolution | TransposedConvolution) else 1,
        "connections": _connections(layer),
        "depth": depth,
        "fold": fold,
        "signed": signed,
        "field": field,
        "milliseconds": milliseconds,
    }


def _connections(layer: Layer) -> list[list[int]] | None:
    table = layer.connections if isinstance(layer, Convolution) else None
    return None if table is None else [list(row) for row in table]


def axis_message(window: AxisWindow) -> Axis:
    """How an axis is seen, as a message."""
    return {
        "input": window.input,
        "output": window.output,
        "kernel": window.kernel,
        "stride": window.stride,
        "dilation": window.dilation,
        "pad_start": window.pad_start,
        "pad_end": window.pad_end,
        "fraction": window.fraction,
        "unused": window.unused,
    }


def _field(field: ReceptiveField) -> list[int] | None:
    return None if field is None else [math.ceil(axis.size) for axis in field]


def _depths(graph: Graph) -> dict[str, int]:
    """The longest way from an input, in nodes."""
    depths: dict[str, int] = {}
    for node in graph.nodes:
        depths[node.name] = max((depths[source] + 1 for source in node.inputs), default=0)
    return depths


def _settings(layer: Layer) -> dict[str, str]:
    """Hyper-parameters by name."""
    assert is_dataclass(layer)
    return {field.name: str(getattr(layer, field.name)) for field in fields(layer)}
