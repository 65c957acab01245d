"""Receptive fields: the boxes hold all that a cell answers to, and nothing that it does not."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pellucid import explain, zoo
from pellucid.engines.engine import CompileOptions, Purpose, Wanted
from pellucid.errors import DataError, LayerError, UnknownNameError
from pellucid.graph import Graph, GraphBuilder
from pellucid.layers import (
    Add,
    AvgPool2d,
    ChannelShuffle,
    Concat,
    Conv2d,
    ConvTranspose2d,
    Crop,
    Flatten,
    GroupNorm,
    Layer,
    Linear,
    MaxPool2d,
    Multiply,
    Pad,
    ReLU,
    Slice,
    Transpose,
    Upsample,
)
from pellucid.model import Model, Sequential

PADDING_MODES = ("zeros", "edge", "reflect", "circular")


def positive(graph: Graph) -> Model:
    """Every weight positive, so that nothing a cell is computed from can cancel out."""
    model = Model(graph, engine="reference")
    generator = np.random.default_rng(0)
    model.set_parameters(
        {name: generator.uniform(0.5, 1.5, spec.shape) for name, spec in graph.parameters.items()}
    )
    return model


def support(model: Model, node: str, cell: tuple[int, ...], images: int = 1) -> np.ndarray:
    """(H, W) whether any image's cell changes with a pixel of any channel, by the engine's gradient."""
    shape = model.graph.shapes["input"]
    batch = np.random.default_rng(1).uniform(0.1, 1, (images, *shape)).astype(np.float32)
    program = model.program(CompileOptions(images, Purpose.TRACE))
    seed = np.zeros((images, *model.graph.shapes[node]), np.float32)
    seed[(slice(None), *cell)] = 1
    trace = program.trace(batch)
    gradients = program.backward(trace, {node: seed}, wanted=Wanted(nodes=("input",), parameters=()))
    return np.asarray(gradients.input.any(axis=(0, 1)))


def bounds(mask: np.ndarray) -> explain.Box | None:
    """The smallest block around the True pixels."""
    if not mask.any():
        return None
    found = np.argwhere(mask)
    return explain.Box(tuple(found.min(axis=0).tolist()), tuple((found.max(axis=0) + 1).tolist()))


@st.composite
def windowed(draw: st.DrawFn, *, linear: bool = False) -> Layer:
    """One layer that looks at a neighbourhood."""
    kernel = (draw(st.integers(1, 4)), draw(st.integers(1, 4)))
    stride = (draw(st.integers(1, 3)), draw(st.integers(1, 3)))
    padding = tuple((draw(st.integers(0, 2)), draw(st.integers(0, 2))) for _ in range(2))
    mode = draw(st.sampled_from(PADDING_MODES))
    pooling: type[AvgPool2d | MaxPool2d] = (
        AvgPool2d if linear else draw(st.sampled_from([AvgPool2d, MaxPool2d]))
    )
    crop = ((0, draw(st.integers(0, 1))), (draw(st.integers(0, 1)), 0))
    return draw(
        st.sampled_from(
            [
                Conv2d(
                    2, kernel, stride, padding, mode, draw(st.integers(1, 3)), draw(st.sampled_from([1, 2]))
                ),
                ConvTranspose2d(2, kernel, stride, padding, dilation=draw(st.integers(1, 2))),
                pooling(2, stride, draw(st.integers(0, 1)), ceil_mode=draw(st.booleans())),
                Pad(padding, mode=mode),
                Crop(crop),
                Upsample(2, mode=draw(st.sampled_from(["nearest", "linear"]))),
            ]
        )
    )


@st.composite
def chains(draw: st.DrawFn) -> Graph:
    """A chain of neighbourhoods, each linear and of positive weights."""
    builder = GraphBuilder()
    last = builder.input((2, draw(st.integers(6, 14)), draw(st.integers(6, 14))))
    for layer in draw(st.lists(windowed(linear=True), min_size=1, max_size=4)):
        last = builder.add(layer, last)
    return fitting(builder)


@st.composite
def branching(draw: st.DrawFn) -> Graph:
    """Two branches from a common stem, joined by their channels or cell by cell, and perhaps a head."""
    builder = GraphBuilder()
    stem = builder.input((2, draw(st.integers(8, 12)), draw(st.integers(8, 12))))
    if draw(st.booleans()):
        stem = builder.add(draw(windowed()), stem)
    sides = []
    for _ in range(2):
        side = builder.add(Conv2d(2, draw(st.sampled_from([1, 3, 5])), padding="same"), stem)
        sides.append(builder.add(ReLU(), side) if draw(st.booleans()) else side)
    joined = builder.add(draw(st.sampled_from([Add(), Multiply(), Concat()])), *sides)
    if draw(st.booleans()):
        joined = builder.add(ChannelShuffle(2), joined)
    if draw(st.booleans()):
        builder.add(draw(windowed()), joined)
    return fitting(builder)


def fitting(builder: GraphBuilder) -> Graph:
    """The graph; a draw whose layers do not fit each other is drawn again."""
    try:
        return builder.graph()
    except LayerError:
        from hypothesis import reject

        reject()


def drawn_cell(data: st.DataObject, graph: Graph) -> tuple[int, ...]:
    shape = graph.shapes[graph.outputs[0]]
    return tuple(data.draw(st.integers(0, length - 1)) for length in shape)


@given(chains(), st.data())
@settings(max_examples=100, deadline=None)
def test_the_box_is_the_support_of_the_gradient_in_a_positive_chain(
    graph: Graph, data: st.DataObject
) -> None:
    cell = drawn_cell(data, graph)
    (node,) = graph.outputs
    seen = explain.theoretical_field(graph, node, cell)
    assert seen.clipped == bounds(support(positive(graph), node, cell))


@given(branching(), st.data())
@settings(max_examples=100, deadline=None)
def test_the_support_lies_within_the_box_through_branches(graph: Graph, data: st.DataObject) -> None:
    cell = drawn_cell(data, graph)
    (node,) = graph.outputs
    seen = explain.theoretical_field(graph, node, cell)
    mask = support(Model(graph, engine="reference", seed=3), node, cell, images=4)
    if seen.clipped is not None:
        mask[seen.clipped.slices] = False
    assert not mask.any()


@given(chains(), st.data())
@settings(max_examples=50, deadline=None)
def test_the_exact_box_lies_within_the_bound_of_size_stride_and_start(
    graph: Graph, data: st.DataObject
) -> None:
    cell = drawn_cell(data, graph)
    seen = explain.theoretical_field(graph, graph.outputs[0], cell)
    if seen.axes is None or seen.unclipped is None:
        return
    # Behind a fractional stride neighbouring cells see unlike blocks, and the node's numbers are nominal.
    if any(isinstance(node.layer, ConvTranspose2d | Upsample) for node in graph.nodes):
        return
    for axis, position, start, stop in zip(
        seen.axes, cell[1:], seen.unclipped.start, seen.unclipped.stop, strict=True
    ):
        first = axis.start + position * axis.stride
        assert first <= start
        assert stop <= first + axis.size


def test_cells_of_lenet5_see_what_can_be_counted_by_hand() -> None:
    net = zoo.create("lenet5", engine="reference")
    corner = explain.theoretical_field(net, "conv1", (0, 0, 0))
    assert (corner.unclipped, corner.clipped) == (
        explain.Box((-2, -2), (3, 3)),
        explain.Box((0, 0), (3, 3)),
    )
    middle = explain.theoretical_field(net, "pool2", (0, 2, 2))
    assert middle.clipped == explain.Box((6, 6), (22, 22))
    assert middle.axes is not None
    assert [(a.size, a.stride, a.start) for a in middle.axes] == [(16, 4, -2)] * 2
    assert explain.theoretical_field(net, "fc3").clipped == explain.Box((0, 0), (28, 28))


def test_a_flattened_cell_still_knows_its_place() -> None:
    net = Sequential(Conv2d(2, 3), Flatten(), Linear(2), input_shape=(1, 6, 6), engine="reference")
    assert explain.theoretical_field(net, "flatten1", (16 + 5,)).clipped == explain.Box((1, 1), (4, 4))
    assert explain.theoretical_field(net, "fc1").clipped == explain.Box((0, 0), (6, 6))


def test_a_channel_of_a_concatenation_sees_its_own_branch() -> None:
    builder = GraphBuilder()
    image = builder.input((1, 9, 9))
    narrow = builder.add(Conv2d(2, 3, padding="same"), image)
    wide = builder.add(Conv2d(2, 7, padding="same"), image)
    graph = builder.graph([builder.add(Concat(), narrow, wide, name="both")])
    sizes = [explain.theoretical_field(graph, "both", (c, 4, 4)).clipped for c in range(4)]
    assert [box.size for box in sizes if box] == [(3, 3), (3, 3), (7, 7), (7, 7)]


def test_cells_between_those_of_a_transposed_convolution_see_nothing() -> None:
    net = Sequential(ConvTranspose2d(1, 1, stride=2), input_shape=(1, 3, 3), engine="reference")
    assert explain.theoretical_field(net, "deconv1", (0, 1, 0)).clipped is None
    assert explain.theoretical_field(net, "deconv1", (0, 2, 4)).clipped == explain.Box((1, 2), (2, 3))
    seen = explain.theoretical_field(net, "deconv1", (0, 2, 2))
    assert seen.axes is not None
    assert seen.axes[0].stride == Fraction(1, 2)


def test_layers_that_move_cells_are_followed() -> None:
    builder = GraphBuilder()
    image = builder.input((4, 5, 7))
    part = builder.add(Slice(axis=2, start=1, step=2), image)
    turned = builder.add(Transpose((0, 2, 1)), part)
    graph = builder.graph([builder.add(GroupNorm(groups=2), turned, name="normed")])
    assert explain.theoretical_field(graph, turned, (0, 2, 4)).clipped == explain.Box((4, 5), (5, 6))
    # A normalisation sees all that is normalised together: the columns 1, 3 and 5.
    assert explain.theoretical_field(graph, "normed", (0, 0, 0)).clipped == explain.Box((0, 1), (5, 6))


def test_the_effective_field_is_the_mean_gradient_and_stays_in_the_box() -> None:
    net = Sequential(
        *(Conv2d(2, 3, padding=1) for _ in range(4)), input_shape=(1, 15, 15), seed=2, engine="reference"
    )
    images = np.random.default_rng(0).random((70, 1, 15, 15), np.float32)
    found = explain.effective_field(net, "conv4", (0, 7, 7), images=images)
    assert found.heat.sum() == pytest.approx(1)
    box = found.theoretical.clipped
    assert box == explain.Box((3, 3), (12, 12))
    assert found.heat[box.slices].sum() == pytest.approx(1)
    assert found.central_share(1.0) == pytest.approx(1)
    # A linear network's gradient is the same for every image.
    one = explain.effective_field(net, "conv4", (0, 7, 7), images=images[:1])
    np.testing.assert_allclose(found.heat, one.heat, rtol=1e-6)


def test_the_heat_of_equal_weights_is_a_bell() -> None:
    """Four 3-wide means in a row weigh 1 4 10 16 19 16 10 4 1, a near Gaussian (Luo et al. 2016)."""
    net = Sequential(
        *(Conv2d(1, 3, padding=1, bias=False) for _ in range(4)), input_shape=(1, 15, 15), engine="reference"
    )
    net.set_parameters({name: np.ones((1, 1, 3, 3)) for name in net.parameters})
    found = explain.effective_field(net, "conv4", (0, 7, 7), images=np.ones((1, 1, 15, 15)))
    line = np.array([1, 4, 10, 16, 19, 16, 10, 4, 1])
    np.testing.assert_allclose(found.heat[3:12, 3:12], np.outer(line, line) / 81**2, rtol=1e-5)
    assert found.central_share() == pytest.approx(((10 + 16 + 19 + 16 + 10) / 81) ** 2)


def test_a_cell_that_answers_to_no_pixel_has_no_heat() -> None:
    net = Sequential(Conv2d(1, 3), ReLU(), input_shape=(1, 5, 5), engine="reference")
    net.set_parameters({"conv1.bias": [-100.0]})
    found = explain.effective_field(net, "relu1", images=np.ones((2, 1, 5, 5)))
    assert (found.heat.sum(), found.area(), found.central_share()) == (0, 0, 0)


def test_what_does_not_exist_is_refused_in_one_line() -> None:
    net = zoo.create("lenet5", engine="reference")
    with pytest.raises(UnknownNameError, match="unknown node 'conv9'"):
        explain.theoretical_field(net, "conv9")
    with pytest.raises(DataError, match=r"conv1: a cell lies within \(6, 28, 28\), received \(0, 28, 0\)"):
        explain.theoretical_field(net, "conv1", (0, 28, 0))
    with pytest.raises(DataError, match="fc3: pixels belong to an input"):
        explain.theoretical_field(net, "fc3", input="fc3")
    with pytest.raises(DataError, match="expects one image or more"):
        explain.effective_field(net, "conv1", images=np.zeros((0, 1, 28, 28)))
