"""A network is trained on the stage, and what it was is looked at again."""

from __future__ import annotations

from playwright.sync_api import Locator, expect

from journeys.page import Studio

PATIENCE = 90_000
"""Milliseconds, for machines that do other work besides."""


def begun(page: Studio, epochs: int) -> Locator:
    """A run of LeNet-5 on the digits that stands at its start."""
    page.open_model("lenet5")
    panel = page.open_panel("training")
    panel.get_by_label("Data").select_option("digits")
    panel.get_by_label("Epochs").fill(str(epochs))
    panel.locator('[data-train="open"]').click()
    panel.locator('[data-status="ready"]').wait_for()
    return panel


def percent(panel: Locator) -> float:
    """The accuracy that the chart is headed with."""
    return float(panel.locator("figure").nth(1).locator("b").inner_text().rstrip("%"))


def test_three_epochs_are_trained_and_scrubbed_back(page: Studio) -> None:
    panel = begun(page, 3)
    page.settled()
    fresh = page.classes
    panel.locator('[data-train="run"]').click()
    panel.locator('[data-status="finished"][data-epoch="3"]').wait_for(timeout=PATIENCE)
    page.settled()
    trained = page.classes
    assert percent(panel) > 85
    assert float(trained["0"].strip("<%")) > 50
    scrub = panel.get_by_role("slider")
    scrub.focus()
    page.tab.keyboard.press("Home")
    panel.locator('[data-status="scrubbed"]').wait_for()
    expect(panel.locator(".scrub .number")).to_have_text("0")
    expect(page.tab.locator("ol li button[title]").first).not_to_contain_text(trained["0"])
    page.settled()
    assert page.classes == fresh
    page.tab.keyboard.press("End")
    expect(page.tab.locator("ol li button[title]").first).to_contain_text(trained["0"])
    page.settled()
    assert page.classes == trained


def test_a_step_then_an_epoch_then_a_pause(page: Studio) -> None:
    panel = begun(page, 50)
    panel.locator('[data-train="step"]').click()
    expect(panel.locator(".status")).to_contain_text("Step 1")
    panel.locator('[data-status="paused"]').wait_for()
    panel.locator('[data-train="epoch"]').click()
    panel.locator('[data-status="paused"][data-epoch="1"]').wait_for(timeout=PATIENCE)
    panel.locator('[data-train="run"]').click()
    panel.locator('[data-train="pause"]').click()
    panel.locator('[data-status="paused"]').wait_for(timeout=PATIENCE)
    at = panel.locator(".status").inner_text()
    page.tab.wait_for_timeout(300)
    assert panel.locator(".status").inner_text() == at
    page.tab.keyboard.press("Escape")
    panel.get_by_role("button", name="Close").click() if panel.count() else None
    page.settled()
    assert float(page.classes["0"].rstrip("%")) > 80, "the open network is as it was"
