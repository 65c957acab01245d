"""Sums behind numbers: drawn layers and networks, worked examples, and how they are written."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from explain_cases import images, networks
from hypothesis import given, settings
from hypothesis import strategies as st
from test_properties import FAST, LAYERS, Drawn, numbers
from test_worked_examples import EXAMPLE_2, EXAMPLE_6

from pellucid import explain
from pellucid.engines.reference import ReferenceEngine
from pellucid.errors import DataError, UnknownNameError
from pellucid.explain.sums import Sum
from pellucid.graph import sequential_graph
from pellucid.layers import (
    BatchNorm2d,
    Conv2d,
    Layer,
    LeakyReLU,
    Linear,
    MaxPool1d,
    MaxPool2d,
    ReLU,
    ReLU6,
    Sigmoid,
    Softmax,
)
from pellucid.model import Model, Sequential

NETWORKS = ("residual", "dense", "strange", "lenet5-1998")
CELLS = st.integers(0, 2**31)


def nth(shape: Sequence[int], number: int) -> tuple[int, ...]:
    """A cell by a number of any size."""
    return tuple(int(i) for i in np.unravel_index(number % int(np.prod(shape)), shape))


# ---- drawn layers and networks


@settings(FAST, max_examples=80)
@given(LAYERS, CELLS, st.integers(0, 9))
def test_drawn_layers_are_their_sums(drawn: Drawn, number: int, seed: int) -> None:
    layer, shape, _ = drawn
    x, parameters = numbers(seed, layer, shape, np.float32)
    model = Model(sequential_graph([("layer", layer)], shape))
    model.set_parameters({f"layer.{name}": array for name, array in parameters.items()})
    generator = np.random.default_rng(seed)
    targets = generator.normal(size=(len(x), *model.graph.shapes["layer"])).astype(np.float32)
    passed = explain.differentiate(model, x, targets, loss="squared_error")
    found: list[Sum] = [
        explain.arithmetic(model, passed.evidence, "layer", nth(targets.shape, number)),
        explain.gradient_arithmetic(model, passed, node="input", at=nth(x.shape, number)),
        *(
            explain.gradient_arithmetic(model, passed, parameter=name, at=nth(spec.shape, number))
            for name, spec in model.graph.parameters.items()
        ),
    ]
    for each in found:
        assert each.holds, f"seed {seed}: {each}"


Passes = Callable[[str], explain.Differentiation]
"""Two images that went through the network of this name and back."""


@pytest.fixture(scope="module")
def passes() -> Passes:
    made = {
        name: explain.differentiate(model, images(model, 2), np.array([2, 0]))
        for name, model in networks().items()
    }
    return lambda name: made[name]


@settings(FAST, max_examples=25)
@given(number=CELLS)
@pytest.mark.parametrize("name", NETWORKS)
def test_networks_are_their_sums(passes: Passes, name: str, number: int) -> None:
    passed = passes(name)
    model, graph = passed.evidence.model, passed.evidence.graph
    node = graph.nodes[number % len(graph.nodes)].name
    at = nth((2, *graph.shapes[node]), number // 7)
    value = explain.arithmetic(model, passed.evidence, node, at)
    assert value.holds, str(value)
    delta = explain.gradient_arithmetic(model, passed, node=node, at=at)
    assert delta.holds, str(delta)
    trainable = [full for full, spec in graph.parameters.items() if spec.role == "trainable"]
    parameter = trainable[number % len(trainable)]
    at = nth(graph.parameters[parameter].shape, number // 7)
    weight = explain.gradient_arithmetic(model, passed, parameter=parameter, at=at)
    assert weight.holds, str(weight)


@settings(FAST, max_examples=12)
@given(number=CELLS)
@pytest.mark.parametrize("name", NETWORKS)
def test_networks_are_proved_by_differences(passes: Passes, name: str, number: int) -> None:
    passed = passes(name)
    model, graph = passed.evidence.model, passed.evidence.graph
    node = graph.nodes[number % len(graph.nodes)].name
    found = explain.gradient_arithmetic(
        model, passed, node=node, at=nth((2, *graph.shapes[node]), number // 7)
    )
    assert (proof := found.prove()).holds, str(proof)
    trainable = [full for full, spec in graph.parameters.items() if spec.role == "trainable"]
    parameter = trainable[number % len(trainable)]
    found = explain.gradient_arithmetic(
        model, passed, parameter=parameter, at=nth(graph.parameters[parameter].shape, number // 7)
    )
    assert (proof := found.prove()).holds, str(proof)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_proof_by_the_engine_is_as_sharp(
    passes: Passes, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What large networks need: differences in float32, convolutions by the engine."""
    monkeypatch.setattr("pellucid.explain.proof.EXACT_COST", -1)
    passed = passes(name)
    model = passed.evidence.model
    first = next(node for node in model.graph.nodes if isinstance(node.layer, Conv2d))
    for node in (first.name, model.graph.inputs[0]):
        found = explain.gradient_arithmetic(
            model, passed, node=node, at=nth((2, *model.graph.shapes[node]), 25)
        )
        proof = found.prove()
        assert "native engine" in proof.method or "definitions" in proof.method
        assert proof.holds, str(proof)
        assert proof.uncertainty <= 1e-3 * np.abs(found.terms).sum() + 1e-9 or proof.remarks, str(proof)


def test_the_score_of_a_class_is_differentiated_without_targets() -> None:
    model = networks()["dense"]
    image = images(model, 1)
    found = explain.gradient_arithmetic(model, image, node="input", at=(1, 3, 3), target=2)
    program_gradient = explain.differentiate(model, image, target=2).gradients["input"][0, 1, 3, 3]
    assert found.engine == pytest.approx(float(program_gradient), rel=1e-5)
    assert found.differentiation.quantity.text == "fc1[2]"
    assert found.prove().holds


def test_the_error_signal_of_a_cross_entropy_is_p_minus_t() -> None:
    model = Sequential(Linear(3), Softmax(), input_shape=(2,))
    found = explain.gradient_arithmetic(model, [1.0, 2.0], node="fc1", at=(1,), targets=[1])
    p = model.predict([[1.0, 2.0]])
    assert isinstance(p, np.ndarray)
    assert [group.factors[0].name for group in found.products] == ["softmax(fc1)", "-target"]
    assert found.terms.tolist() == pytest.approx([float(p[0, 1]), -1], rel=1e-6)
    assert found.holds


# ---- several engines, and what is read


def test_numbers_are_the_native_engine_s_own() -> None:
    model = networks()["lenet5-1998"]
    image = images(model, 1)
    trace = model.trace(image)
    found = explain.arithmetic(model, trace, "c3", (7, 2, 3))
    assert found.engine == float(trace["c3"][0, 7, 2, 3])
    reference = Model(model.graph, model.parameters, engine=ReferenceEngine("float64"))
    exact = explain.arithmetic(reference, image, "c3", (7, 2, 3))
    assert exact.engine == pytest.approx(exact.value, rel=1e-12)


def test_evidence_keeps_the_parameters_of_its_moment() -> None:
    model = Sequential(Linear(1), input_shape=(2,))
    model.set_parameters({"fc1.weight": [[2, -1]], "fc1.bias": [4]})
    read = explain.Evidence(model, [3, 5])
    model.set_parameters({"fc1.weight": [[9, 9]]})
    assert explain.arithmetic(model, read, "fc1", (0,)).terms.tolist() == [6, -5, 4]


# ---- worked examples


def worked(layer: Layer, image: object, at: tuple[int, ...], weight: object = None) -> explain.Arithmetic:
    x = np.asarray(image, np.float32)
    model = Sequential(("layer", layer), input_shape=x.shape)
    if weight is not None:
        model.set_parameters({"layer.weight": np.asarray(weight, np.float32)})
    return explain.arithmetic(model, x, "layer", at)


def test_example_1_multi_layer_perceptron() -> None:
    model = Sequential(Linear(2), Sigmoid(), Linear(2), input_shape=(2,))
    model.set_parameters({"fc1.weight": [[1, -2], [-1, 1]], "fc1.bias": [1, 0]})
    found = explain.arithmetic(model, [1, -1], "fc1", (0,))
    assert (found.terms.tolist(), found.value) == ([1, 2, 1], 4)
    assert [factor.label(0) for group in found.products for factor in group.factors] == [
        "input[0]",
        "fc1.weight[0, 0]",
        "fc1.bias[0]",
    ]
    after = explain.arithmetic(model, [1, -1], "sigmoid1", (0,))
    assert after.function == "1 / (1 + exp(-total))"
    assert round(after.value, 2) == 0.98


def test_example_2_a_window_and_its_winner() -> None:
    filtered = worked(
        Conv2d(1, 3, bias=False), [EXAMPLE_2], (0, 0, 0), [[[[1, -1, -1], [-1, 1, -1], [-1, -1, 1]]]]
    )
    assert filtered.value == 3
    assert filtered.terms.tolist() == [1, 0, 0, 0, 1, 0, 0, 0, 1]
    maps = [[[3, -1, -3, -1], [-3, 1, 0, -3], [-3, -3, 0, 1], [3, -2, -2, -1]]]
    pooled = worked(MaxPool2d(2), maps, (0, 1, 1))
    assert pooled.value == 1
    assert pooled.window is not None
    assert pooled.window.values.tolist() == [0, 1, -2, -1]
    assert pooled.window.cells[pooled.window.winner].tolist() == [0, 2, 3]


def test_example_6_three_channels_at_one_position() -> None:
    x, kernels = EXAMPLE_6
    found = worked(Conv2d(1, 3, bias=False), x, (0, 0, 0), [kernels])
    assert found.terms.reshape(3, 9).sum(axis=1).tolist() == [1, 0, 1]
    assert found.value == found.engine == 2


# ---- errors


@pytest.mark.parametrize(
    ("at", "message"),
    [
        ((3,), "conv1: a cell of .* is 3 numbers, received"),
        ((3, 0, 0), "conv1: a cell lies within"),
        ((0, 0, -1), "conv1: a cell lies within"),
        ((0, 0, 0.5), "conv1: a cell is given by whole numbers"),
    ],
)
def test_cells_that_are_none_are_said(at: tuple[int, ...], message: str) -> None:
    model = Sequential(Conv2d(2, 3), input_shape=(1, 5, 5))
    with pytest.raises(DataError, match=message):
        explain.arithmetic(model, images(model, 1), "conv1", at)


def test_questions_that_cannot_be_answered_are_said() -> None:
    model = Sequential(Conv2d(2, 3), BatchNorm2d(), Conv2d(1, 3), input_shape=(1, 5, 5))
    batch = images(model, 2)
    with pytest.raises(DataError, match=r"a cell of \(2, 3, 3\) is \(image, \*3 numbers\)"):
        explain.arithmetic(model, batch, "conv1", (0, 0, 0))
    with pytest.raises(UnknownNameError, match="unknown node of the trace 'conv1'"):
        explain.arithmetic(model, model.trace(batch, nodes=("norm1",)), "norm1", (0, 0, 0, 0))
    with pytest.raises(UnknownNameError, match=r"unknown trainable parameter 'norm1\.running_var'"):
        explain.gradient_arithmetic(model, batch, parameter="norm1.running_var", at=(0,))
    with pytest.raises(DataError, match="give one of them"):
        explain.gradient_arithmetic(model, batch, at=(0,))
    with pytest.raises(DataError, match="received both"):
        explain.gradient_arithmetic(model, batch, node="conv1", at=(0, 0, 0, 0), targets=[0, 0], target=0)


# ---- how they are written


def test_a_sum_as_a_person_writes_it() -> None:
    model = Sequential(Linear(1), ReLU(), input_shape=(2,))
    model.set_parameters({"fc1.weight": [[2, -1]], "fc1.bias": [4]})
    found = explain.arithmetic(model, [3, 5], "fc1", (0,))
    assert str(found).splitlines() == [
        "fc1[0] = 5",
        "  z[o] = b[o] + sum_i W[o,i] x[i]",
        "  + input[0] 3 * fc1.weight[0, 0] 2  =  6",
        "  + input[1] 5 * fc1.weight[0, 1] -1 = -5",
        "  + fc1.bias[0] 4",
        "  = 5",
        "the engine has 5; difference 0, within the 0.00015 that rounding explains",
    ]
    assert (
        r"&\quad + \underbrace{5 \cdot (-1)}_{\mathrm{input}_{1} \cdot \mathrm{fc1.weight}_{0,1}}"
        in found.latex()
    )
    assert "max(0, total) = 5" in str(explain.arithmetic(model, [3, 5], "relu1", (0,)))


def test_many_terms_are_cut_to_the_largest_and_the_rest_summed() -> None:
    model = Sequential(Linear(1, bias=False), input_shape=(100,))
    model.set_parameters({"fc1.weight": np.arange(1, 101)[None]})
    lines = str(explain.arithmetic(model, np.ones(100), "fc1", (0,))).splitlines()
    assert lines[2].split() == ["+", "input[99]", "1", "*", "fc1.weight[0,", "99]", "100", "=", "100"]
    rest = sum(range(1, 101)) - sum(range(89, 101))
    assert lines[14] == f"  + ... and 88 more terms that sum to {rest}"


def test_a_proof_says_all_three_values_and_kinks() -> None:
    model = Sequential(Linear(1, bias=False), ReLU(), Linear(1, bias=False), input_shape=(1,))
    model.set_parameters({"fc1.weight": [[1]], "fc2.weight": [[2]]})
    smooth = explain.gradient_arithmetic(model, [1.0], node="input", at=(0,), target=0).prove()
    assert (smooth.engine, smooth.terms) == (2, 2)
    assert smooth.independent == pytest.approx(2, rel=1e-9)
    assert smooth.remarks == ()
    kink = explain.gradient_arithmetic(model, [0.0], node="input", at=(0,), target=0).prove()
    assert (kink.engine, kink.independent) == (0, 1)
    assert kink.uncertainty == pytest.approx(1)
    assert kink.holds
    assert "cells pass a kink: 1 of relu1" in kink.remarks[0]
    assert kink.remarks[1] == "J has a kink just here: the slopes of its two sides differ by 2"
    assert "+- 1" in str(kink)


@pytest.mark.parametrize("layer", [ReLU6(), LeakyReLU(0.25), MaxPool1d(2)], ids=lambda layer: layer.name)
def test_kinks_of_any_layer_are_said(layer: Layer) -> None:
    model = Sequential(layer, input_shape=(1, 2) if isinstance(layer, MaxPool1d) else (1,))
    image = np.zeros(model.graph.shapes["input"])
    node = model.graph.nodes[-1].name
    found = explain.gradient_arithmetic(
        model, image, node="input", at=(0,) * image.ndim, target=(0,) * image.ndim, target_node=node
    )
    proof = found.prove()
    assert proof.holds, str(proof)
    assert any("J has a kink just here" in remark for remark in proof.remarks)


def test_a_softmax_says_what_it_adds_up() -> None:
    model = Sequential(Softmax(), input_shape=(3,))
    found = explain.arithmetic(model, [1.0, 2.0, 3.0], "softmax1", (2,))
    assert found.holds
    assert "exp(z - z[k]) of input[0] 0.135335" in str(found)
    assert "1 / total = 0.665241" in str(found)
