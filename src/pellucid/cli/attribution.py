"""Which places of a picture matter: `pellucid explain MODEL IMAGE --method NAME`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from textwrap import wrap

import typer

from pellucid.errors import DataError
from pellucid.explain.attribution import (
    OF_A_LAYER,
    Attribution,
    Sanity,
    method_of,
    sanity,
)
from pellucid.explain.target import TargetLike, choose_target
from pellucid.model import Float32, Model

IN_RELIEF = ("deconvnet", "guided-backpropagation")
"""Methods whose values are shown as a picture of their own, as their papers do."""

CAPTION = 44
"""Letters in a line below a map."""

SANITY_STAGES = 4
"""In which all layers become random: enough for a verdict."""


def explain_places(
    model: Model,
    image: Float32,
    methods: Sequence[str],
    *,
    target: TargetLike = None,
    layer: str | None = None,
    check: bool = False,
    output: Path | None = None,
    title: str = "",
) -> None:
    """Print what each method says of a picture, and draw its map over it.

    Args:
        model: that reads it.
        image: (C, H, W), as the model reads it.
        methods: names, at least one.
        target: as `choose_target` takes it; what the network finds when left out.
        layer: for the methods that read the maps of one.
        check: whether to add a sanity check of each.
        output: where the picture goes; none is drawn when left out.
        title: of the picture.

    Raises:
        UnknownNameError: no such method.
        DataError: a layer for methods that read none, or a network whose inputs cannot be drawn.
    """
    chosen = [method_of(name, layer) for name in methods]
    if layer is not None and not OF_A_LAYER.keys() & set(methods):
        raise DataError(f"--layer is for {' and '.join(OF_A_LAYER)}, received {', '.join(methods)}")
    if output is not None:
        _check_drawable(model, image, output)
    cell = choose_target(model, image[None], target)
    found: list[tuple[Attribution, Sanity | None]] = []
    for method in chosen:
        attribution = method(model, image, cell)
        for line in attribution.sentences(model.class_names):
            typer.echo(line)
        checked = sanity(model, image, method, cell, stages=SANITY_STAGES) if check else None
        if checked is not None:
            typer.echo(f"Sanity check: {checked.verdict}")
        found.append((attribution, checked))
        typer.echo()
    if output is not None:
        _draw(model, image, found, output, title)
        typer.echo(f"picture in {output}")


def _check_drawable(model: Model, image: Float32, output: Path) -> None:
    from pellucid.plot.canvas import check_path

    check_path(output)
    if image.ndim != 3:
        raise DataError(f"{model.name}: reads {image.shape}, and only pictures (C, H, W) can be drawn over")


def _draw(
    model: Model,
    image: Float32,
    found: Sequence[tuple[Attribution, Sanity | None]],
    output: Path,
    title: str,
) -> None:
    from pellucid import plot  # matplotlib takes its time

    overlays = []
    for attribution, checked in found:
        relief = attribution.method in IN_RELIEF
        overlays.append(
            plot.Overlay(
                attribution.values[0] if relief else attribution.maps[0],
                attribution.method,
                _captions(model, attribution, checked),
                relief=relief,
            )
        )
    plot.save(plot.attributions(image, overlays, title=title), output)


def _captions(model: Model, attribution: Attribution, checked: Sanity | None) -> list[str]:
    """Short lines that fit below a map."""
    number = int(attribution.target.classes[0])
    named = model.class_names[number] if number < len(model.class_names) else f"class {number}"
    lines = [f"for {named}"]
    if attribution.layer is not None:
        lines.append(f"layer {attribution.layer}")
    for note in attribution.notes:
        lines += wrap(note, CAPTION)
    if checked is not None:
        lines.append(f"sanity check {'passed' if checked.passed else 'failed'}")
    return lines
