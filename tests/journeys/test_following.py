"""One output is followed back to a pixel, and every sum on the way is the library's."""

from __future__ import annotations

import numpy as np
import pytest

from journeys.numbers import Oracle, named_cell, rounded, shown
from journeys.page import Studio

Cell = tuple[int, ...]
Step = tuple[str, Cell]


def agree(found: float, expected: float) -> None:
    """Two engines of float32 need not round alike."""
    assert found == pytest.approx(expected, rel=1e-4, abs=2e-5)


def read(text: str, expected: float) -> None:
    """What a person reads is the number, rounded."""
    assert abs(shown(text) - expected) <= rounded(expected), (text, expected)


def through_convolution(page: Studio, oracle: Oracle, node: str, cell: Cell) -> Step:
    """The partial maps, their sum with the bias, and on from the largest product of the largest."""
    found = oracle.sum(node, cell)
    weighted = next(group for group in found.products if len(group) > 1)
    sources = weighted.factors[0].cells
    sums = np.bincount(sources[:, -3], weights=weighted.addends)
    page.look_at(page.tab.locator('[data-partial="0"]'), cell)
    for line, expected in zip(page.tab.locator("[data-partial-value]").all(), sums, strict=True):
        agree(float(line.get_attribute("data-partial-value")), expected)
        read(line.inner_text(), expected)
    read(page.tab.locator("[data-result]").inner_text(), found.value)
    strongest = int(np.abs(sums).argmax())
    page.tab.locator(f'[data-partial="{strongest}"]').click()
    page.look_at(page.card.locator("figure button").last, cell)
    total = page.card.locator("[data-partial-sum]")
    agree(float(total.get_attribute("data-partial-sum")), sums[strongest])
    read(total.inner_text(), sums[strongest])
    own = sources[:, -3] == strongest
    products = page.products()
    assert np.allclose(sorted(products), sorted(weighted.addends[own]), rtol=1e-4, atol=1e-5)
    agree(sum(products), sums[strongest])
    largest = np.abs(np.where(own, weighted.addends, 0)).argmax()
    return weighted.factors[0].name, tuple(sources[largest, -3:].tolist())


def through_pooling(page: Studio, oracle: Oracle, node: str, cell: Cell) -> Step:
    """The cell that wins its window."""
    found = oracle.sum(node, cell)
    page.look_at(page.card.locator("figure button").last, cell)
    assert np.allclose(page.products(), found.window.values, rtol=1e-4, atol=1e-5)
    read(page.card.locator(".winner").inner_text(), found.value)
    read(page.card.locator("[data-partial-sum]").inner_text(), found.value)
    return found.window.node, tuple(found.window.cells[found.window.winner][-3:].tolist())


def through_activation(page: Studio, oracle: Oracle, node: str, cell: Cell) -> Step:
    """One number in, one out."""
    found = oracle.sum(node, cell)
    page.look_at(page.card.locator("figure button").last, cell)
    read(page.card.locator(".middle b").inner_text(), found.value)
    texts = page.card.locator(".middle svg text").all_text_contents()
    read(texts[0], found.total)
    read(texts[1], found.value)
    return oracle.model.graph.node(node).inputs[0], cell


def through_terms(page: Studio, oracle: Oracle, node: str, cell: Cell) -> Step:
    """Of rows of products, the first, which is the largest."""
    found = oracle.sum(node, cell)
    page.look_at(page.card.locator("figure button").last, cell)
    largest = sorted(found.terms, key=abs, reverse=True)
    products = page.products()
    assert np.allclose(sorted(products, key=abs, reverse=True)[:5], largest[:5], rtol=1e-4, atol=1e-5)
    total = page.card.locator("[data-total]")
    agree(float(total.get_attribute("data-total")), found.total)
    read(total.locator(".product").inner_text(), found.total)
    rest = page.card.locator("tr:has(th[colspan])").first.locator(".product")
    if len(products) < len(found.terms):
        read(rest.inner_text(), found.total - sum(products))
    return named_cell(page.card.locator("[data-product] th").first.inner_text())


def through_softmax(page: Studio, oracle: Oracle, node: str, cell: Cell) -> Step:
    """Every score, and the share of this one."""
    found = oracle.sum(node, cell)
    scores = oracle.activation("fc1")
    powers = [shown(power) for power in page.card.locator(".power").all_text_contents()]
    assert np.allclose(powers, scores, atol=0.0051)
    share = page.card.locator("[data-probability]")
    agree(float(share.get_attribute("data-probability")), found.value)
    read(share.inner_text(), found.value)
    return oracle.model.graph.node(node).inputs[0], cell


THROUGH = {
    "convolution": through_convolution,
    "pooling": through_pooling,
    "activation": through_activation,
    "softmax": through_softmax,
}


def follow(page: Studio, oracle: Oracle, node: str, cell: Cell) -> list[str]:
    """Kinds of all nodes from an output to the input."""
    kinds = {one["name"]: one["kind"] for one in page.state()["models"][0]["nodes"]}
    passed = []
    while kinds[node] != "input":
        page.open_cell(node, cell)
        passed.append(kinds[node])
        source = THROUGH.get(kinds[node], through_terms)(page, oracle, node, cell)
        assert page.card.locator(".good").count() > 0, "the engine and the terms agree"
        while page.view.get("open"):
            page.tab.keyboard.press("Escape")
        node, cell = source
    page.open_cell(node, cell)
    page.look_at(page.card.locator("figure button").last, cell)
    read(page.card.locator(".middle b").inner_text(), float(oracle.pixels[cell]))
    return passed


def test_an_output_is_followed_back_to_a_pixel(page: Studio) -> None:
    oracle = Oracle.of(page, "tiny-vgg")
    best = int(oracle.output().argmax())
    assert page.classes["ship"] == f"{100 * oracle.output()[8]:.1f}%"
    kinds = follow(page, oracle, "softmax", (best,))
    assert kinds[:3] == ["softmax", "dense", "shape"]
    assert {"convolution", "activation", "pooling", "normalization"} < set(kinds)
    assert kinds.count("convolution") == 4
