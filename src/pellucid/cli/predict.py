"""`pellucid predict`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from pellucid import zoo
from pellucid.cli.common import (
    EngineOption,
    ThreadsOption,
    choose_engine,
    name_and_weights,
    open_network,
)
from pellucid.data.images import read_image
from pellucid.engines.engine import Array
from pellucid.engines.reference.channel_activation import softmax
from pellucid.errors import DataError
from pellucid.model import Model
from pellucid.training.inputs import input_shape


def predict_command(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="A model file, or NETWORK@imagenet for a name of the zoo.")
    ],
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE...", help="Pictures.")],
    resize: Annotated[bool, typer.Option("--resize", help="Fit pictures of another size.")] = False,
    top: Annotated[int, typer.Option("--top", min=1, help="Classes to list for each picture.")] = 1,
    engine: EngineOption = None,
    threads: ThreadsOption = None,
) -> None:
    """Say what pictures show, one line each.

    The class, with its probability where the network yields one, else its score.
    """
    name, weights = name_and_weights(model)
    if zoo.is_known(name) and weights is None and not Path(model).exists():
        raise DataError(f"{name} has learned nothing yet; {name}@imagenet or {name}@FILE has weights")
    network = open_network(model, choose_engine(engine, threads))
    shape = input_shape(network)
    batch = np.stack([read_image(image, shape, resize=resize) for image in images])
    predicted = network.predict(batch)
    first = predicted[0] if isinstance(predicted, tuple) else predicted
    outputs = first.reshape(len(batch), -1)
    width = max(len(str(image)) for image in images)
    for image, output in zip(images, outputs, strict=True):
        typer.echo(f"{image!s:{width}}  {'  '.join(guesses(network, output, top))}")


def guesses(model: Model, output: Array, top: int) -> list[str]:
    """The best classes of one image, best first, each with its probability or score.

    Args:
        model: says what its outputs are.
        output: (K,) its outputs; a single one is a score, positive for the second class.
        top: how many.
    """
    if len(output) == 1:
        return [f"{class_name(model, int(output[0] > 0))} {output[0]:.4g}"]
    if model.output_kind == "scores":
        return [f"{class_name(model, int(k))} {output[k]:.4g}" for k in np.argsort(-output)[:top]]
    shares = softmax(output[None])[0] if model.output_kind == "logits" else output
    return [f"{class_name(model, int(k))} {shares[k]:.2%}" for k in np.argsort(-shares)[:top]]


def class_name(model: Model, number: int) -> str:
    """The class for people: its name, or its number where the model has no names."""
    return model.class_names[number] if number < len(model.class_names) else str(number)
