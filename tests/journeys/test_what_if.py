"""Something is changed in the network, and taken back."""

from __future__ import annotations

from journeys.numbers import Oracle
from journeys.page import Studio
from pellucid import explain


def test_a_silenced_channel_changes_the_output_and_undo_brings_it_back(page: Studio) -> None:
    before = page.classes
    page.open_map("relu4", 7)
    page.tab.get_by_role("button", name="Silence channel 7 of relu4").click()
    page.tab.locator("[data-undo]").wait_for()
    page.settled()
    oracle = Oracle.of(page, "tiny-vgg")
    expected = explain.what_if(oracle.model, oracle.pixels[None], explain.SilenceChannel("relu4", 7))
    after = expected.activations["softmax"][0]
    assert abs(float(page.classes["ship"].strip("<%")) - 100 * after[8]) < 0.06
    assert page.classes != before
    panel = page.tab.locator("aside")
    assert "relu4, channel 7" in panel.inner_text()
    strongest = panel.locator("ul li").first
    assert strongest.locator("button").inner_text().startswith(expected.most_changed[0].node)
    page.tab.locator("[data-undo]").click()
    page.settled()
    assert page.classes == before
    assert "Nothing is changed" in panel.inner_text()


def test_a_weight_is_set_and_its_edit_alone_is_taken_back(page: Studio) -> None:
    before = page.classes
    page.open_map("fc1", 8)
    weight = page.card.get_by_title("Choose a weight to see where its gradient comes from").first
    weight.click()
    page.tab.locator('[data-card="weight"]').wait_for()
    page.card.get_by_role("spinbutton").fill("-2")
    page.card.get_by_role("button", name="Apply").click()
    panel = page.tab.locator("aside")
    panel.locator("ol li").wait_for()
    page.settled()
    changed = page.classes
    assert changed != before
    panel.get_by_role("button", name="Undo: fc1.weight").click()
    page.tab.wait_for_function("() => document.querySelector('aside ol') === null")
    page.settled()
    assert page.classes == before
