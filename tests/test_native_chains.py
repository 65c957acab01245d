"""Nodes computed in one pass give the numbers that they give apart, and are left apart when looked at."""

from __future__ import annotations

import numpy as np
import pytest

import pellucid
from pellucid.engines.engine import CompileOptions, Purpose
from pellucid.engines.native import NativeEngine
from pellucid.engines.native.chains import Chain, Chains
from pellucid.graph import Graph, GraphBuilder
from pellucid.model import Model


def residual_block() -> Graph:
    """Two branches that meet, as where a ResNet changes its shape, and a block with the input itself."""
    builder = GraphBuilder()
    x = builder.input((16, 9, 9))
    a = builder.add(pellucid.Conv2d(16, 3, padding=1, stride=2, bias=False), x, name="a")
    b = builder.add(pellucid.BatchNorm2d(), a, name="b")
    c = builder.add(pellucid.ReLU(), b, name="c")
    d = builder.add(pellucid.Conv2d(16, 3, padding=1), c, name="d")
    e = builder.add(pellucid.BatchNorm2d(), d, name="e")
    short = builder.add(pellucid.Conv2d(16, 1, stride=2), x, name="short")
    f = builder.add(pellucid.BatchNorm2d(), short, name="f")
    g = builder.add(pellucid.Add(), e, f, name="g")
    h = builder.add(pellucid.ReLU(), g, name="h")
    i = builder.add(pellucid.Conv2d(16, 3, padding=1), h, name="i")
    j = builder.add(pellucid.Add(), i, h, name="j")
    k = builder.add(pellucid.ReLU(), j, name="k")
    m = builder.add(pellucid.Flatten(), k, name="m")
    n = builder.add(pellucid.Linear(7), m, name="n")
    builder.add(pellucid.ReLU(), n, name="o")
    return builder.graph()


FIRST = ("a", "d", "short", "i", "n")


def test_chains_end_where_another_node_reads_or_somebody_looks() -> None:
    chains = Chains(residual_block(), FIRST, visible={"o"})
    assert chains.ending_at("c") == Chain("a", "c", normalization="b", rectified=True)
    # Of the branches the later one, which is the shortcut here, adds the other.
    assert chains.ending_at("h") == Chain("short", "h", normalization="f", addend="e", rectified=True)
    assert chains.ending_at("e") == Chain("d", "e", normalization="e")
    assert chains.ending_at("k") == Chain("i", "k", addend="h", rectified=True)
    assert chains.ending_at("o") == Chain("n", "o", rectified=True)
    assert [node.name for node in residual_block().nodes if chains.hides(node.name)] == [
        "a", "b", "d", "short", "f", "g", "i", "j", "n",
    ]  # fmt: skip
    looked_at = Chains(residual_block(), FIRST, visible={"b", "i", "o"})
    assert looked_at.ending_at("b") == Chain("a", "b", normalization="b")
    assert looked_at.ending_at("i") == Chain("i", "i")
    assert looked_at.ending_at("k") is None


@pytest.mark.parametrize("count", [1, 5])
def test_a_fused_pass_gives_the_numbers_of_its_nodes_apart(count: int) -> None:
    net = Model(residual_block(), seed=3, engine=NativeEngine(layout="blocks", poison=True))
    random = np.random.default_rng(4)
    drawn = {
        name: array + random.uniform(0.1, 0.5, array.shape).astype(np.float32)
        for name, array in net.parameters.items()
    }
    net.set_parameters(drawn)
    images = random.standard_normal((count, 16, 9, 9), np.float32)
    apart = net.trace(images)
    np.testing.assert_allclose(net.predict(images), apart["o"], rtol=2e-5, atol=2e-5)
    program = net.program(CompileOptions(8, Purpose.TRACE, keep=("h",)))
    np.testing.assert_allclose(program.trace(images)["h"], apart["h"], rtol=2e-5, atol=2e-5)
