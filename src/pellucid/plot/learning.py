"""Learning curves, the confusion matrix and the worst mistakes: what training returns, drawn."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter
from numpy.typing import ArrayLike

from pellucid.errors import DataError
from pellucid.plot.canvas import FAINT, INK, LABEL, SMALL, TITLE, bare, finished, new_figure
from pellucid.plot.colours import BLUE, GREEN, ORANGE, RED, VIOLET, picture
from pellucid.plot.language import Words
from pellucid.training import EpochRecord, Evaluation, History

COUNTED = 25
"""Classes up to which a confusion matrix has its counts written in."""

NAMED = 60
"""Classes up to which it has their names beside it."""


def learning_curves(
    histories: History | Sequence[History], *, title: str = "", language: str = "en"
) -> Figure:
    """Loss and accuracy over epochs, on the images trained on (dashed) and those held out (solid).

    Args:
        histories: what `pellucid.train` returns; several runs share the axes.
        title: of the figure; network and data when left out.
        language: "en" or "zh".

    Raises:
        DataError: no run, or one without an epoch.
    """
    words = Words(language)
    runs = [histories] if isinstance(histories, History) else list(histories)
    if not runs or not all(run.epochs for run in runs):
        raise DataError("figure: learning curves take runs of at least one epoch")
    accuracy = any(record.accuracy is not None for run in runs for record in run.epochs)
    figure = new_figure(10.5 if accuracy else 6.2, 4.4)
    panels = list(figure.subplots(1, 2 if accuracy else 1, squeeze=False).flat)
    colours = (BLUE, ORANGE, GREEN, RED, VIOLET)
    for number, run in enumerate(runs):
        colour = colours[number % len(colours)]
        name = "" if len(runs) == 1 else _run_name(run, runs, number)
        loss: tuple[Value, Value] = (lambda r: r.loss), (lambda r: r.test_loss)
        _draw_curves(panels[0], run, loss, colour, name, words)
        if accuracy:
            rates: tuple[Value, Value] = (lambda r: r.accuracy), (lambda r: r.test_accuracy)
            _draw_curves(panels[1], run, rates, colour, name, words)
            _mark_best(panels[1], run, colour)
    for axes, heading in zip(panels, (words("loss"), words("accuracy")), strict=False):
        _dress(axes, heading, words)
    panels[0].set_ylim(bottom=0)
    if accuracy:
        panels[1].yaxis.set_major_formatter(PercentFormatter(xmax=1))
    handles, labels = panels[0].get_legend_handles_labels()
    columns = min(len(labels), 4)
    figure.legend(
        handles, labels, loc="outside lower center", ncols=columns, frameon=False, fontsize=LABEL - 1
    )
    default = (
        words("{network} on {data}", network=runs[0].network, data=runs[0].data) if len(runs) == 1 else ""
    )
    if title or default:
        figure.suptitle(title or default, fontsize=TITLE)
    return finished(figure)


Value = Callable[[EpochRecord], float | None]


def _run_name(run: History, runs: Sequence[History], number: int) -> str:
    name = f"{run.network}, {run.data}"
    same = [other for other in runs if (other.network, other.data) == (run.network, run.data)]
    return name if len(same) == 1 else f"{number + 1}: {name}"


def _draw_curves(
    axes: Axes, run: History, values: tuple[Value, Value], colour: str, name: str, words: Words
) -> None:
    epochs = [record.epoch for record in run.epochs]
    for value, label, style in zip(values, ("training", "held out"), ("--", "-"), strict=True):
        line = [value(record) for record in run.epochs]
        if all(number is None for number in line):
            continue
        points = [math.nan if number is None else number for number in line]
        shown = words(", ").join(filter(None, [name, words(label)]))
        marker = "o" if len(points) <= 30 else None
        axes.plot(epochs, points, style, color=colour, label=shown, linewidth=2, marker=marker, markersize=4)


def _mark_best(axes: Axes, run: History, colour: str) -> None:
    """The best held-out accuracy, written beside its point."""
    held_out = [
        (record.test_accuracy, -record.epoch) for record in run.epochs if record.test_accuracy is not None
    ]
    if not held_out:
        return
    best, epoch = max(held_out)
    axes.annotate(
        f"{best:.2%}",
        (-epoch, best),
        xytext=(0, -16),
        textcoords="offset points",
        ha="center",
        color=colour,
        fontsize=SMALL,
    )


def _dress(axes: Axes, heading: str, words: Words) -> None:
    axes.set_title(heading, fontsize=LABEL + 1)
    axes.set_xlabel(words("epoch"), fontsize=LABEL)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(color="#e3e6e8", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=SMALL)
    axes.margins(x=0.06)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def confusion_matrix(
    result: Evaluation | ArrayLike, class_names: Sequence[str] = (), *, title: str = "", language: str = "en"
) -> Figure:
    """How often each class was taken for each: rows the label, columns the prediction.

    Colours are shares of the row: what was right is blue, what was wrong is red.

    Args:
        result: of `evaluate`, or (classes, classes) counts.
        class_names: what the classes mean; numbers when left out.
        title: of the figure; the accuracy when left out.
        language: "en" or "zh".
    """
    words = Words(language)
    counts = _counts(result, len(class_names))
    classes = len(counts)
    names = [class_names[k] if k < len(class_names) else str(k) for k in range(classes)]
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    signed = np.where(np.eye(classes, dtype=bool), -shares, shares)
    side = min(0.52 * classes + 2.0, 10.0) if classes <= COUNTED else 9.0
    figure = new_figure(side + 0.4, side)
    axes = figure.subplots()
    # Mistakes are rare; the square root lets a few per cent be seen.
    axes.imshow(
        np.sign(signed) * np.sqrt(np.abs(signed)),
        cmap="RdBu_r",
        vmin=-1.25,
        vmax=1.25,
        interpolation="nearest",
    )
    if classes <= COUNTED:
        size = min(LABEL, 150 / classes)
        for row, column in np.argwhere(counts > 0):
            dark = abs(signed[row, column]) > 0.35
            axes.text(
                column,
                row,
                f"{counts[row, column]}",
                ha="center",
                va="center",
                fontsize=size,
                color="white" if dark else INK,
            )
    _name_classes(axes, names, words)
    right = float(np.trace(counts)) / max(1.0, float(counts.sum()))
    accuracy = words(
        "accuracy {share} of {count} images", share=f"{right:.2%}", count=f"{int(counts.sum()):,}"
    )
    axes.set_title(title or accuracy, fontsize=TITLE, pad=10)
    return finished(figure)


def _counts(result: Evaluation | ArrayLike, known: int) -> np.ndarray:
    if isinstance(result, Evaluation):
        found = int(max(result.labels.max(), result.predictions.max())) + 1
        return result.confusion(max(known, found))
    counts = np.asarray(result)
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1] or counts.size == 0:
        raise DataError(f"figure: a confusion matrix is (classes, classes) counts, received {counts.shape}")
    return counts


def _name_classes(axes: Axes, names: Sequence[str], words: Words) -> None:
    if len(names) <= NAMED:
        places = list(range(len(names)))
        long = max(len(name) for name in names) > 3
        size = SMALL if len(names) <= COUNTED else SMALL - 3
        axes.set_xticks(places, labels=names, rotation=45 if long else 0, ha="right" if long else "center")
        axes.set_yticks(places, labels=names)
        axes.tick_params(length=0, labelsize=size)
    axes.set_xlabel(words("prediction"), fontsize=LABEL)
    axes.set_ylabel(words("label"), fontsize=LABEL)
    axes.set_xticks(np.arange(1, len(names)) - 0.5, minor=True)
    axes.set_yticks(np.arange(1, len(names)) - 0.5, minor=True)
    axes.grid(which="minor", color="white", linewidth=1 if len(names) <= COUNTED else 0.2)
    axes.tick_params(which="minor", length=0)
    for spine in axes.spines.values():
        spine.set_color(FAINT)
        spine.set_linewidth(0.5)


def worst_mistakes(
    result: Evaluation,
    images: ArrayLike,
    class_names: Sequence[str] = (),
    *,
    count: int = 12,
    title: str = "",
    language: str = "en",
) -> Figure:
    """The wrong images, the most confident mistake first: what each is, and what it was taken for.

    Args:
        result: of `evaluate`.
        images: (N, C, H, W), all those it is about, uint8 or float32 in [0, 1]; only the worst are read.
        class_names: what the classes mean; numbers when left out.
        count: mistakes at most.
        title: of the figure.
        language: "en" or "zh".

    Raises:
        DataError: another number of images, or images that are not pictures.
    """
    words = Words(language)
    pixels = np.asarray(images)
    if pixels.ndim != 4 or len(pixels) != len(result.labels):
        expected = f"({len(result.labels)}, C, H, W)"
        raise DataError(f"figure: mistakes are among images of shape {expected}, received {pixels.shape}")
    worst = result.worst(count)
    if len(worst) == 0:
        figure = new_figure(6, 1.6, arranged=False)
        text = words("no mistake among {count} images", count=f"{len(pixels):,}")
        figure.text(0.5, 0.5, text, ha="center", va="center", fontsize=TITLE, color=INK)
        return finished(figure)
    columns = math.ceil(len(worst) / round(math.sqrt(len(worst) / 2) or 1))
    rows = math.ceil(len(worst) / columns)
    figure = new_figure(1.75 * columns + 0.2, 2.25 * rows + 0.6)
    grid = figure.subplots(rows, columns, squeeze=False)

    def name(number: int) -> str:
        return class_names[number] if number < len(class_names) else str(number)

    for axes, image in zip(grid.flat, worst, strict=False):
        shown = pixels[image] / 255 if pixels.dtype == np.uint8 else pixels[image]
        axes.imshow(picture(shown), cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        bare(axes)
        label, taken = name(int(result.labels[image])), name(int(result.predictions[image]))
        axes.set_title(words("{label}, taken for {taken}", label=label, taken=taken), fontsize=SMALL + 0.5)
        axes.set_xlabel(f"{result.confidences[image]:.1%}  #{image}", fontsize=SMALL, color=FAINT)
    for axes in list(grid.flat)[len(worst) :]:
        axes.set_visible(False)
    wrong = int((result.predictions != result.labels).sum())
    heading = words("{shown} most confident of {wrong} mistakes", shown=len(worst), wrong=wrong)
    figure.suptitle(title or heading, fontsize=TITLE)
    return finished(figure)
