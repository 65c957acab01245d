"""Every layer through ONNX: its runtime computes what the reference engine does, and so does the way back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from layer_cases import LAYER_CASES, LayerCase

import pellucid
from pellucid import Model
from pellucid.errors import UnsupportedLayer
from pellucid.graph import Graph, Node
from pellucid.layers import Input


def network(case: LayerCase) -> Model:
    """The layer of a case by itself."""
    inputs = [Node(f"input{index}", Input(shape)) for index, shape in enumerate(case.input_shapes)]
    node = Node("layer", case.layer, tuple(node.name for node in inputs))
    if not inputs:  # a graph has an input, even where the layer needs none
        inputs = [Node("unused", Input((2,)))]
    graph = Graph((*inputs, node), ("layer",))
    parameters = {f"layer.{name}": value for name, value in case.parameters(7).items()}
    return Model(graph, parameters, engine="reference", name=case.name)


REFUSED = {"norm-broken": "ONNX's LpPool has whole norms, received 1.5"}
"""Cases that ONNX cannot express, and what is said."""


@pytest.mark.parametrize("case", [case for case in LAYER_CASES if case.name in REFUSED], ids=str)
def test_what_onnx_cannot_express_is_refused_by_name(case: LayerCase, tmp_path: Path) -> None:
    with pytest.raises(UnsupportedLayer, match=f"layer: {REFUSED[case.name]}"):
        network(case).to_onnx(tmp_path / "layer.onnx")


@pytest.mark.parametrize("case", [case for case in LAYER_CASES if case.name not in REFUSED], ids=str)
def test_onnx_round_trip_through_onnx_runtime(case: LayerCase, tmp_path: Path) -> None:
    model, path = network(case), tmp_path / "layer.onnx"
    images = [array.astype(np.float32) for array in case.inputs(3, 7)] or [np.zeros((3, 2), np.float32)]
    expected = model.predict(*images)
    model.to_onnx(path)
    onnx.checker.check_model(onnx.load(path), full_check=True)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (given,) = session.run(None, dict(zip(model.graph.inputs, images, strict=True)))
    np.testing.assert_allclose(given, expected, rtol=1e-4, atol=1e-4)
    back = pellucid.load(path, engine="reference")
    np.testing.assert_allclose(back.predict(*images), expected, rtol=1e-5, atol=1e-5)
    vanished = case.name == "flatten-vector" or case.name.endswith("-nothing")  # there is nothing to do
    assert back.graph.outputs == ("input0" if vanished else "layer",)
    assert back.output_kind == model.output_kind
