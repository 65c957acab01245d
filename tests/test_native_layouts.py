"""The cost model chooses the layout that is faster by far; where they are close either will do."""

from __future__ import annotations

import pytest

from pellucid import zoo
from pellucid.engines.native.layouts import Workload, cheaper_layout
from pellucid.engines.native.plan import Layout


@pytest.mark.parametrize("lanes", [8, 16])
@pytest.mark.parametrize(
    ("name", "images", "training", "layout"),
    [
        ("lenet5", 64, True, Layout.LANES),
        ("lenet5", 256, False, Layout.LANES),
        ("lenet5", 1, False, Layout.BLOCKS),  # one image would leave most of the lanes empty
        ("tiny-vgg", 64, True, Layout.LANES),  # ten channels would leave blocks half empty
        ("resnet20", 128, True, Layout.BLOCKS),
        ("resnet18", 1, False, Layout.BLOCKS),
        ("resnet18", 16, True, Layout.BLOCKS),
    ],
)
def test_the_layout_suits_the_network_and_the_batch(
    name: str, images: int, training: bool, layout: Layout, lanes: int
) -> None:
    graph = zoo.create(name, engine="reference").graph
    assert cheaper_layout(graph, Workload(images, lanes, 2, training)) is layout
