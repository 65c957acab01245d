"""What if: changes of activations and weights, against networks that are really changed."""

from __future__ import annotations

import numpy as np
import pytest
from explain_cases import images, networks

from pellucid import explain
from pellucid.engines.engine import Array
from pellucid.errors import DataError, UnknownNameError
from pellucid.explain import (
    ReplaceCell,
    ReplaceChannel,
    ReplacePatch,
    ReplaceWeight,
    SilenceChannel,
    SilenceWeight,
)
from pellucid.explain.ablation import Intervention
from pellucid.explain.rerun import downstream
from pellucid.layers import Conv2d, Flatten, Input, Linear, ReLU
from pellucid.model import Model, Sequential

NETWORKS = ("residual", "dense", "strange", "lenet5-1998")


@pytest.fixture
def small() -> Model:
    return Sequential(
        *(Conv2d(3, 3), ReLU(), Conv2d(2, 3), Flatten(), Linear(3)), input_shape=(2, 6, 6), seed=2
    )


def close(ours: Array, theirs: Array) -> None:
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_changed_weight_does_what_it_does_in_the_network(name: str) -> None:
    model = networks()[name]
    batch = images(model, 3)
    read = explain.Evidence(model, batch)
    for parameter, spec in model.graph.parameters.items():
        at = tuple(np.random.default_rng(1).integers(0, spec.shape).tolist())
        changed = np.array(model.parameters[parameter])
        changed[at] = 0.75
        other = Model(model.graph, {**model.parameters, parameter: changed})
        found = explain.what_if(model, read, ReplaceWeight(parameter, at, 0.75))
        close(found.output, other.trace(batch)[model.graph.outputs[0]])
        close(found.difference, found.output - read.activation(model.graph.outputs[0]))


def test_a_silent_channel_is_one_without_kernel_and_bias(small: Model) -> None:
    batch = images(small, 2)
    found = explain.what_if(small, batch, SilenceChannel("conv1", 1))
    other = explain.what_if(
        small, batch, SilenceWeight("conv1.weight", (1,)), SilenceWeight("conv1.bias", (1,))
    )
    close(found.output, other.output)
    assert (found.activations["conv1"][:, 1] == 0).all()
    assert set(found.activations) == {"conv1", "relu1", "conv2", "flatten1", "fc1"}


def test_changed_pixels_and_patches_do_what_changed_images_do(small: Model) -> None:
    batch = images(small, 2)
    pixel, patch = batch.copy(), batch.copy()
    pixel[:, :, 2, 3] = [[0.5, -1]]
    patch[:, :, 1:4, 2:4] = 0.25
    found = explain.what_if(small, batch, ReplaceCell("input", (2, 3), (0.5, -1)))
    close(found.output, np.asarray(small.predict(pixel)))
    found = explain.what_if(small, batch, ReplacePatch("input", (1, 2), (3, 2), 0.25))
    close(found.output, np.asarray(small.predict(patch)))


def test_changes_downstream_of_others_come_after_them(small: Model) -> None:
    batch = images(small, 1)
    changes: tuple[Intervention, ...] = (
        ReplaceCell("conv2", (1, 0, 0), 3.0),
        SilenceChannel("relu1", 2),
        ReplaceWeight("conv1.bias", (0,), 0.5),
    )
    found = explain.what_if(small, batch, *changes)
    bias = np.array(small.parameters["conv1.bias"])
    bias[0] = 0.5
    first = Model(small.graph, {**small.parameters, "conv1.bias": bias}).trace(batch)
    relu = np.array(first["relu1"])
    relu[:, 2] = 0
    second = Sequential(Conv2d(2, 3), input_shape=(3, 4, 4))
    second.set_parameters({f"conv1.{n}": small.parameters[f"conv2.{n}"] for n in ("weight", "bias")})
    conv = np.array(second.predict(relu))
    conv[:, 1, 0, 0] = 3
    close(found.activations["conv2"], conv)
    weight, offset = small.parameters["fc1.weight"], small.parameters["fc1.bias"]
    close(found.output, conv.reshape(1, -1) @ weight.T + offset)


def test_the_most_changed_channels_lead_the_list(small: Model) -> None:
    found = explain.what_if(small, images(small, 2), ReplaceChannel("relu1", 0, 100.0), top=4)
    assert len(found.most_changed) == 4
    assert [change.relative for change in found.most_changed] == sorted(
        (change.relative for change in found.most_changed), reverse=True
    )
    top = found.most_changed[0]
    before = small.trace(images(small, 2))[top.node]
    difference = np.abs(found.activations[top.node] - before)
    assert top.amount == pytest.approx(difference[:, top.channel].mean(), rel=1e-5)
    assert top.relative == pytest.approx(top.amount / np.abs(before).mean(), rel=1e-5)
    assert f"{top.node}[{top.channel}] by" in str(found)


def test_nothing_upstream_is_computed_and_the_model_stays(small: Model) -> None:
    part = downstream(small.graph, ["conv2"], ["fc1"])
    assert part is not None
    assert [(node.name, isinstance(node.layer, Input)) for node in part.nodes] == [
        ("conv2", True),
        ("flatten1", False),
        ("fc1", False),
    ]
    before = {name: array.copy() for name, array in small.parameters.items()}
    explain.what_if(small, images(small, 1), SilenceWeight("conv2.weight", ()))
    for name, array in before.items():
        np.testing.assert_array_equal(small.parameters[name], array)


def test_no_change_changes_nothing(small: Model) -> None:
    batch = images(small, 1)
    found = explain.what_if(small, batch)
    assert found.most_changed == ()
    assert not found.difference.any()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (SilenceChannel("conv1", 3), r"conv1: a cell lies within \(3,\), received \(3,\)"),
        (ReplaceCell("conv1", (0,)), "conv1: a cell of"),
        (ReplacePatch("input", (4, 4), (3, 1)), "input: a cell lies within"),
        (ReplacePatch("input", (4,), (3,)), "input: a patch of"),
        (ReplaceChannel("conv1", 0, (1.0, 2.0)), "conv1: expects values of shape"),
        (ReplaceWeight("conv1.bias", (0, 1), 1.0), "conv1.bias: has 1 axes"),
        (ReplaceWeight("conv1.bias", (7,), 1.0), "conv1.bias: a cell lies within"),
    ],
    ids=lambda value: "" if isinstance(value, str) else str(value),
)
def test_what_cannot_be_changed_is_said(small: Model, change: Intervention, message: str) -> None:
    with pytest.raises(DataError, match=message):
        explain.what_if(small, images(small, 1), change)


def test_unknown_names_are_said(small: Model) -> None:
    with pytest.raises(UnknownNameError, match="unknown node 'conv9'"):
        explain.what_if(small, images(small, 1), SilenceChannel("conv9", 0))
    with pytest.raises(UnknownNameError, match=r"unknown parameter 'conv1\.weights'"):
        explain.what_if(small, images(small, 1), SilenceWeight("conv1.weights", ()))


@pytest.mark.parametrize("name", NETWORKS)
def test_an_intervened_network_computes_what_the_what_if_says(name: str) -> None:
    model = networks()[name]
    batch = images(model, 2)
    inner = [node.name for node in model.graph.nodes if not isinstance(node.layer, Input)]
    parameter = next(iter(model.graph.parameters))
    changes: list[Intervention] = [
        ReplaceWeight(parameter, (0,), 0.25),
        ReplaceChannel(inner[1], 0, 0.5),
        SilenceChannel(inner[len(inner) // 2], 1),
        ReplaceCell(model.graph.inputs[0], (0,) * len(model.graph.shapes[model.graph.inputs[0]]), 1.0),
    ]
    built, pixels = explain.intervened(model, batch, changes)
    expected = explain.what_if(model, batch, *changes)
    trace = built.trace(pixels)
    for node, activation in expected.activations.items():
        close(trace[node], activation)


def test_nothing_passes_back_through_what_is_replaced(small: Model) -> None:
    image = np.random.default_rng(3).random((1, 2, 6, 6), np.float32)
    built, pixels = explain.intervened(small, image, [ReplaceChannel("conv1", 1, 0.5)])
    found = explain.differentiate(built, pixels, target=0).gradients
    assert not found["conv1.computed.weight"][1].any()
    assert found["conv1.computed.weight"][0].any()
    assert found["conv1"][0, 1].any()  # of the value that the rest receives


def test_an_intervention_names_what_the_network_has(small: Model) -> None:
    image = np.zeros((2, 6, 6))
    with pytest.raises(UnknownNameError, match="unknown node 'conv9'"):
        explain.intervened(small, image, [SilenceChannel("conv9", 0)])
    with pytest.raises(UnknownNameError, match=r"unknown parameter 'conv9\.weight'"):
        explain.intervened(small, image, [SilenceWeight("conv9.weight", ())])
