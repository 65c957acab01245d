"""A full trace is what trace and gradients say, in one pass, within the memory that was said."""

from __future__ import annotations

import numpy as np
import pytest

import pellucid
from pellucid.errors import DataError
from pellucid.explain import full_trace, full_trace_nbytes

NETWORKS = ("lenet5", "lenet5-1998", "resnet20")


def batch(net: pellucid.Model, count: int = 3) -> np.ndarray:
    shape = net.graph.shapes[net.graph.inputs[0]]
    return np.random.default_rng(4).normal(size=(count, *shape)).astype(np.float32)


@pytest.mark.parametrize("network", NETWORKS)
def test_a_loss(network: str) -> None:
    net = pellucid.zoo.create(network)
    images, classes = batch(net), np.array([1, 0, 3])
    found = full_trace(net, images, classes)
    names = [node.name for node in net.graph.nodes]
    trace = net.trace(images)
    gradients = net.gradients(images, classes, net.recipe.objective, nodes=names)
    assert found.loss == gradients.loss
    assert list(found.activations) == list(found.gradients) == names
    for name in names:
        np.testing.assert_array_equal(found.activations[name], trace[name])
        np.testing.assert_array_equal(found.gradients[name], gradients.nodes[name])
    assert found.parameters.keys() == gradients.parameters.keys()
    for name, array in gradients.parameters.items():
        np.testing.assert_array_equal(found.parameters[name], array)


@pytest.mark.parametrize("network", NETWORKS)
def test_a_class_against_the_reference_engine(network: str) -> None:
    net = pellucid.zoo.create(network)
    reference = pellucid.Model(net.graph, net.parameters, engine="reference")
    images = batch(net, 2)
    one, other = (full_trace(model, images, target=[2, 5]) for model in (net, reference))
    assert one.target is not None
    assert one.target.classes.tolist() == [2, 5]
    for ours, theirs in zip(
        (*one.activations.values(), *one.gradients.values(), *one.parameters.values()),
        (*other.activations.values(), *other.gradients.values(), *other.parameters.values()),
        strict=True,
    ):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=2e-5 * max(1e-3, np.abs(theirs).max()))


def test_one_image_and_a_few_nodes() -> None:
    net = pellucid.zoo.create("lenet5")
    image = batch(net, 1)[0]
    found = full_trace(net, image, nodes=("conv2",), parameters=())
    assert list(found.activations) == list(found.gradients) == ["conv2"]
    assert not found.parameters
    np.testing.assert_array_equal(found.activations["conv2"], net.trace(image[None])["conv2"])
    assert found.nbytes == full_trace_nbytes(net, 1, ("conv2",), ()) == 2 * 4 * 16 * 10 * 10


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("count", [1, 4])
def test_memory_is_said_beforehand(network: str, count: int) -> None:
    net = pellucid.zoo.create(network)
    assert full_trace(net, batch(net, count), target=0).nbytes == full_trace_nbytes(net, count)


def test_memory_is_bounded() -> None:
    net = pellucid.zoo.create("lenet5")
    with pytest.raises(
        DataError, match=r"takes 126288 bytes, more than the limit of 1000; choose fewer nodes="
    ):
        full_trace(net, batch(net, 1), limit=1000, parameters=())


def test_unknown_nodes_are_named() -> None:
    net = pellucid.zoo.create("lenet5")
    with pytest.raises(pellucid.errors.PellucidError, match="conv9"):
        full_trace(net, batch(net, 1), nodes=("conv9",))
