"""`pellucid train perceptron`: Rosenblatt's rule instead of gradients."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import typer

from pellucid import zoo
from pellucid.data import Dataset, Split
from pellucid.engines.engine import Array, Engine
from pellucid.errors import DataError, UnknownNameError
from pellucid.storage import make_folder
from pellucid.training import store_perceptron, train_perceptron
from pellucid.training.checkpoint import MODEL

EPOCHS = 100
"""Most passes over the samples unless told otherwise."""


def train_perceptron_network(
    dataset: Dataset, classes: str | None, epochs: int | None, folder: Path, engine: Engine
) -> None:
    """Train the perceptron on two classes, print the verdict and leave the model in the folder.

    Args:
        dataset: what is learned.
        classes: "A,B", names of two classes, learned as -1 and +1; may be None where there are only two.
        epochs: most passes; EPOCHS when None.
        folder: receives model.pellucid.
        engine: that evaluates the model.
    """
    if (folder / MODEL).exists():
        raise DataError(f"{folder}: holds a model already; name another folder with --output")
    make_folder(folder)
    names = two_classes(dataset, classes)
    samples, labels = two_class_samples(dataset, dataset.train, names)
    result = train_perceptron(samples, labels, epochs=epochs or EPOCHS)
    model = zoo.create("perceptron", input_shape=dataset.shape, engine=engine)
    store_perceptron(result, model)
    model.class_names = names
    model.save(folder / MODEL)
    typer.echo(result.sentence)
    images, targets = two_class_samples(dataset, dataset.test, names)
    scores = np.asarray(model.predict(images.reshape(-1, *dataset.shape)))[:, 0]
    accuracy = float((np.where(scores > 0, 1, -1) == targets).mean()) if len(targets) else 0.0
    typer.echo(
        f"accuracy {accuracy:.2%} on {len(targets):,} held-out images of {names[0]} and {names[1]}; "
        f"model in {folder / MODEL}"
    )


def two_classes(dataset: Dataset, classes: str | None) -> tuple[str, str]:
    """The names of the two classes asked for."""
    known = dataset.class_names
    if classes is None and len(known) != 2:
        raise DataError(
            f"perceptron: separates two classes, {dataset.name} has {len(known)}; "
            f"choose with --classes, for example --classes {known[0]},{known[-1]}"
        )
    names = known if classes is None else tuple(name.strip() for name in classes.split(","))
    for name in names:
        if name not in known:
            raise UnknownNameError("class", name, known)
    if len(set(names)) != 2 or len(names) != 2:
        raise DataError(f"--classes names two different classes A,B, received {classes!r}")
    return names[0], names[1]


def two_class_samples(dataset: Dataset, split: Split, names: tuple[str, str]) -> tuple[Array, Array]:
    """(N, features) float32 images of two classes and their labels -1 and +1."""
    minus, plus = (dataset.class_names.index(name) for name in names)
    chosen = split.subset(np.isin(split.labels, (minus, plus)))
    return chosen.images.reshape(len(chosen), -1), np.where(chosen.labels == plus, 1, -1)
