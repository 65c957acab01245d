"""The arithmetic of every layer: its cells, the error signals that reach its inputs, and its gradients."""

from __future__ import annotations

import numpy as np
import pytest
from layer_cases import LAYER_CASES, LayerCase

from pellucid import explain
from pellucid.explain.differentiation import Differentiation
from pellucid.graph import Graph, Node
from pellucid.layers import ELU, SELU, Input, Layer, ScaledTanh, Sigmoid, Tanh
from pellucid.model import Model, Sequential

IMAGES = 2
CELLS = 4
SEED = 5


def alone(case: LayerCase) -> Model:
    """A network of one layer."""
    names = [f"input{number}" for number in range(len(case.input_shapes))]
    nodes = [Node(name, Input(shape)) for name, shape in zip(names, case.input_shapes, strict=True)]
    graph = Graph((*nodes, Node("layer", case.layer, tuple(names))), ("layer",))
    model = Model(graph)
    model.set_parameters({f"layer.{name}": array for name, array in case.parameters(SEED).items()})
    return model


def differentiated(case: LayerCase) -> Differentiation:
    """Half the squared distance to noise: an error signal that differs in every cell."""
    model = alone(case)
    trace = model.trace(*(x.astype(np.float32) for x in case.inputs(IMAGES, SEED)))
    targets = np.random.default_rng(SEED).normal(size=trace["layer"].shape).astype(np.float32)
    return explain.differentiate(model, trace, targets, loss="squared_error")


def drawn(shape: tuple[int, ...]) -> list[tuple[int, ...]]:
    """The first cell, the last one and some between."""
    cells = np.random.default_rng(SEED).integers(0, shape, (CELLS - 2, len(shape)))
    return [(0,) * len(shape), tuple(n - 1 for n in shape), *map(tuple, cells.tolist())]


@pytest.mark.parametrize("case", LAYER_CASES, ids=str)
def test_cells_are_the_sums_of_their_terms(case: LayerCase) -> None:
    passed = differentiated(case)
    for at in drawn((IMAGES, *passed.evidence.graph.shapes["layer"])):
        found = explain.arithmetic(passed.evidence.model, passed.evidence, "layer", at)
        assert found.holds, str(found)
        proof = found.prove()
        assert proof.holds, str(proof)


@pytest.mark.parametrize("case", LAYER_CASES, ids=str)
def test_gradients_are_the_sums_of_their_terms(case: LayerCase) -> None:
    passed = differentiated(case)
    model = passed.evidence.model
    for node in model.graph.inputs:
        for at in drawn((IMAGES, *model.graph.shapes[node])):
            found = explain.gradient_arithmetic(model, passed, node=node, at=at)
            assert found.holds, str(found)
    for parameter, spec in model.graph.parameters.items():
        if spec.role == "trainable":
            for at in drawn(spec.shape):
                found = explain.gradient_arithmetic(model, passed, parameter=parameter, at=at)
                assert found.holds, str(found)


@pytest.mark.parametrize("layer", [Sigmoid(), Tanh(), ScaledTanh(), ELU(alpha=0.7), SELU()], ids=str)
def test_gradients_of_saturated_functions_are_the_sums_of_their_terms(layer: Layer) -> None:
    model = Sequential(layer, input_shape=(40,))
    for x in np.linspace(-9, 9, 40, dtype=np.float32).reshape(1, 40), np.linspace(-2, 2, 40).reshape(1, 40):
        passed = explain.differentiate(model, x, np.ones((1, 40), np.float32), loss="squared_error")
        for cell in range(40):
            found = explain.gradient_arithmetic(model, passed, node="input", at=(cell,))
            assert found.holds, str(found)


@pytest.mark.parametrize("case", LAYER_CASES, ids=str)
def test_differences_find_the_same_gradients(case: LayerCase) -> None:
    passed = differentiated(case)
    model = passed.evidence.model
    questions = [("node", name, (IMAGES, *model.graph.shapes[name])) for name in model.graph.inputs]
    questions += [
        ("parameter", name, spec.shape)
        for name, spec in model.graph.parameters.items()
        if spec.role == "trainable"
    ]
    for kind, name, shape in questions:
        at = drawn(shape)[2]
        if kind == "node":
            found = explain.gradient_arithmetic(model, passed, node=name, at=at)
        else:
            found = explain.gradient_arithmetic(model, passed, parameter=name, at=at)
        proof = found.prove()
        assert proof.holds, str(proof)
        assert proof.uncertainty <= 1e-3 * np.abs(found.terms).sum() + 1e-6 or proof.remarks, str(proof)
