"""Where models come from: the zoo, files, the folders of runs, uploads."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from pellucid import zoo
from pellucid.errors import DataError, FormatError, UnknownNameError
from pellucid.explain.recording import INDEX, Recording
from pellucid.formats import load, native_file, onnx_import
from pellucid.model import Model
from pellucid.studio.limits import Limits
from pellucid.studio.refusals import TOO_LARGE, UNUSABLE, WRONG_KIND, RefusedError

MODEL, RECORDING = "model.pellucid", "recording"
"""What a run's folder holds."""

PUBLISHED = "imagenet"

EMBEDDED = Path(__file__).parent / "models"
"""Networks that this project has trained; examples/train_studio_models.py made them."""

EMBEDDED_NAMES = ("tiny-vgg", "lenet5")


@dataclass(frozen=True)
class Opened:
    """A model, and the run that it comes from.

    Attributes:
        model: the network.
        run: the run's name, for people.
        recording: its moments, where they were recorded.
    """

    model: Model
    run: str | None = None
    recording: Recording | None = None


def open_embedded(name: str) -> Opened:
    """A network of the package, trained."""
    return Opened(load(EMBEDDED / f"{name}.pellucid"))


def open_source(source: str, limits: Limits) -> Opened:
    """What a person at this machine names.

    Args:
        source: a network of the zoo, alone or as NAME@imagenet or NAME@FILE with the weights in a file; a
            model's file; or a run's folder.
        limits: of what is opened.
    """
    if not source:
        raise DataError("a network is a name of the zoo, a model file or a run's folder, received ''")
    path = Path(source).expanduser()
    if path.is_dir():
        return _open_run(path)
    name, _, weights = source.partition("@")
    if zoo.is_known(name) and weights not in ("", PUBLISHED) and not path.exists():
        _check_size(name, limits)
        return Opened(zoo.create(name, weights=Path(weights).expanduser()))
    if path.is_file() or path.suffix or "/" in source:
        return Opened(load(path))
    return open_zoo(source, limits)


def open_zoo(source: str, limits: Limits) -> Opened:
    """A network of the zoo by name, with NAME@imagenet for trained weights; never a file.

    Raises:
        UnknownNameError: there is none of this name.
        RefusedError: it is too large, or other weights are asked for.
    """
    name, at, weights = source.partition("@")
    if at and weights != PUBLISHED:
        raise RefusedError(UNUSABLE, f"{source}: weights are @{PUBLISHED} or left out, received {weights!r}")
    if not zoo.is_known(name):
        raise UnknownNameError("network", name, zoo.names())
    _check_size(name, limits)
    return Opened(zoo.create(name, weights=weights or None))


def _check_size(name: str, limits: Limits) -> None:
    network = zoo.find(name)
    specs = network.graph(network.classes, network.input_shape).parameters.values()
    count = sum(math.prod(spec.shape) for spec in specs)
    if count > limits.parameters:
        raise RefusedError(
            TOO_LARGE,
            f"{name}: networks have at most {limits.parameters:,} parameters here, received {count:,}",
        )


def open_upload(name: str, path: Path) -> Opened:
    """A model file that somebody sent: .pellucid or ONNX, which cannot hold code.

    Args:
        name: of the file, for people.
        path: where it lies now.

    Raises:
        RefusedError: another format.
        FormatError: truncated, corrupt or hostile.
    """
    with path.open("rb") as file:
        start = file.read(64)
    try:
        if native_file.has_signature(start):
            model = native_file.read(path)
        elif onnx_import.has_signature(start):
            model = onnx_import.read(path)
        else:
            raise RefusedError(WRONG_KIND, f"{name}: uploaded models are .pellucid or .onnx files")
    except FormatError as error:
        raise FormatError(str(error).replace(str(path), name)) from None
    if model.name in ("network", path.stem):
        model.name = Path(name).stem or "network"
    return Opened(model)


def _open_run(folder: Path) -> Opened:
    recording = next((place for place in (folder / RECORDING, folder) if (place / INDEX).is_file()), None)
    held = Recording(recording) if recording else None
    if (folder / MODEL).is_file():
        model = load(folder / MODEL)
    elif held is not None and held.steps:
        model = held.model(held.steps[-1])
    else:
        raise FormatError(f"{folder}: a run's folder holds {MODEL} or {RECORDING}/, received neither")
    return Opened(model, folder.resolve().name, held)
