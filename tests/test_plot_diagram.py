"""Architecture diagrams: a block a layer, every connection, nothing on top of anything else."""

from __future__ import annotations

from itertools import combinations, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure

from pellucid import plot, zoo
from pellucid.graph import Graph, GraphBuilder
from pellucid.layers import (
    Add,
    Concat,
    Conv1d,
    Conv2d,
    ConvTranspose2d,
    Flatten,
    Linear,
    MaxPool2d,
    Multiply,
    Parameter,
    ReLU,
)
from pellucid.model import Model
from pellucid.plot.blocks import blocks_of
from pellucid.plot.language import Words
from pellucid.plot.layering import apart, arrange, columns, depths


def gids(figure: Figure, kind: str) -> list[str]:
    """What the shapes of a kind are called: blocks by name, lines by their ends."""
    names = [patch.get_gid() or "" for patch in figure.axes[0].patches]
    return [name.split(":", 1)[1] for name in names if name.startswith(f"{kind}:")]


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts]


def test_lenet5_is_eight_blocks_in_a_row_with_their_shapes() -> None:
    figure = plot.architecture(zoo.create("lenet5", engine="reference"))
    names = ["input", "conv1", "pool1", "conv2", "pool2", "fc1", "fc2", "fc3"]
    assert gids(figure, "block") == names
    assert gids(figure, "line") == [f"{a}:{b}" for a, b in pairwise(names)]
    shapes = ["1×28×28", "6×28×28", "6×14×14", "16×10×10", "400", "120", "84", "10"]
    assert [text for text in texts(figure) if text in shapes] == shapes
    assert "lenet5" in texts(figure)
    assert "conv 5×5, 16" in texts(figure)


def test_unfolded_every_node_is_a_block() -> None:
    net = zoo.create("lenet5", engine="reference")
    assert gids(plot.architecture(net, fold=False), "block") == [node.name for node in net.graph.nodes]


def residual() -> Graph:
    builder = GraphBuilder()
    image = builder.input((4, 8, 8))
    first = builder.add(ReLU(), builder.add(Conv2d(4, 3, padding=1), image))
    second = builder.add(Conv2d(4, 3, padding=1), first)
    builder.add(ReLU(), builder.add(Add(), second, image, name="sum"))
    return builder.graph()


def test_a_residual_connection_is_a_line_past_its_blocks() -> None:
    figure = plot.architecture(residual())
    assert gids(figure, "block") == ["input", "conv1", "conv2", "sum"]
    assert set(gids(figure, "line")) == {"input:conv1", "conv1:conv2", "conv2:sum", "input:sum"}
    assert "+" in texts(figure)
    assert "ReLU  4×8×8" in texts(figure)


def test_a_layer_is_folded_only_into_a_block_that_feeds_it_alone() -> None:
    builder = GraphBuilder()
    convolved = builder.add(Conv2d(4, 3), builder.input((1, 8, 8)))
    rectified = builder.add(ReLU(), convolved)
    graph = builder.graph([builder.add(Add(), rectified, convolved)])
    assert list(blocks_of(graph, Words())) == ["input", "conv1", "relu1", "add1"]


@pytest.mark.parametrize(
    ("layer", "title"),
    [
        (
            Conv2d(8, (3, 5), stride=2, dilation=(1, 2), groups=4),
            "conv 3×5, 8, stride 2, dilation 1×2, 4 groups",
        ),
        (ConvTranspose2d(8, 3, stride=2), "transposed conv 3×3, 8, stride 2"),
        (MaxPool2d(2), "max-pool 2×2"),
        (MaxPool2d(3, 2), "max-pool 3×3, stride 2"),
    ],
)
def test_a_block_says_what_is_not_usual(layer: Conv2d, title: str) -> None:
    builder = GraphBuilder()
    builder.add(layer, builder.input((4, 20, 20)), name="it")
    assert blocks_of(builder.graph(), Words())["it"].title == title


def test_one_axis_vectors_parameters_and_several_outputs_are_drawn() -> None:
    builder = GraphBuilder()
    signal = builder.add(Conv1d(4, 3), builder.input((1, 9)))
    gate = builder.add(Parameter((4, 1)), name="gate")
    gated = builder.add(Multiply(), signal, gate)
    flat = builder.add(Flatten(), gated)
    graph = builder.graph([builder.add(Linear(2), flat), builder.add(Linear(3), flat)])
    figure = plot.architecture(graph)
    assert set(gids(figure, "line")) == {
        "input:conv1",
        "conv1:multiply1",
        "gate:multiply1",
        "multiply1:fc1",
        "multiply1:fc2",
    }
    assert depths({name: b.inputs for name, b in blocks_of(graph, Words()).items()})["gate"] == 1


def boxes(figure: Figure) -> dict[str, tuple[float, float, float, float]]:
    """Left, top, right and bottom of every block, in inches."""
    found = {}
    for patch in figure.axes[0].patches:
        name = patch.get_gid() or ""
        if name.startswith("block:"):
            extent = patch.get_path().get_extents(patch.get_patch_transform())
            found[name] = (extent.x0, extent.y0, extent.x1, extent.y1)
    return found


@pytest.mark.parametrize("name", ["googlenet", "resnet20", "squeezenet-1.1", "lenet5-1998"])
def test_no_block_lies_on_another_or_outside(name: str) -> None:
    net = zoo.create(name, engine="reference")
    figure = plot.architecture(net)
    placed = boxes(figure)
    assert len(placed) == len(blocks_of(net.graph, Words()))
    for (_, a), (_, b) in combinations(placed.items(), 2):
        assert a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1]
    width, height = figure.get_size_inches()
    assert all(a[0] >= 0 and a[1] >= 0 and a[2] <= width and a[3] <= height for a in placed.values())
    assert width / height > 0.3  # a long network is wrapped


@st.composite
def graphs(draw: st.DrawFn) -> dict[str, list[str]]:
    """Any wiring, sources first."""
    wiring: dict[str, list[str]] = {"0": []}
    for number in range(1, draw(st.integers(1, 14))):
        known = list(wiring)
        wiring[str(number)] = draw(st.lists(st.sampled_from(known), min_size=1, max_size=3, unique=True))
    return wiring


@given(graphs())
@settings(max_examples=40, deadline=None)
def test_any_wiring_runs_downwards_and_keeps_its_distances(wiring: dict[str, list[str]]) -> None:
    layout = arrange(wiring, dict.fromkeys(wiring, (0.5, 0.7)), 0.1)
    row = {key: number for number, keys in enumerate(layout.rows) for key in keys}
    for target, sources in wiring.items():
        for source in sources:
            route = layout.route(source, target)
            assert [row[key] for key in route] == list(range(row[source], row[target] + 1))
    for keys in layout.rows:
        for left, right in pairwise(keys):
            gap = (0.7 if isinstance(left, str) else 0.1) + (0.5 if isinstance(right, str) else 0.1)
            assert layout.x[right] - layout.x[left] >= gap - 1e-9
    groups = columns(layout, 3)
    assert [number for group in groups for number in group] == list(range(len(layout.rows)))
    assert all(len(layout.rows[group.stop - 1]) == 1 for group in groups[:-1])


def test_places_move_as_little_as_their_distances_ask() -> None:
    assert apart([0, 0], [1], [1, 1]) == [-0.5, 0.5]
    assert apart([0, 0], [1], [3, 1]) == [-0.25, 0.75]
    assert apart([0, 5], [1], [1, 1]) == [0, 5]


def test_concatenation_has_a_block_of_its_own() -> None:
    builder = GraphBuilder()
    image = builder.input((1, 8, 8))
    sides = [builder.add(Conv2d(n, 1), image) for n in (2, 3)]
    figure = plot.architecture(Model(builder.graph([builder.add(Concat(), *sides)]), engine="reference"))
    assert "concat" in texts(figure)
    assert "5×8×8" in texts(figure)
