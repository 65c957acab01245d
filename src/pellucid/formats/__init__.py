"""Files in and out."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from pellucid.errors import FormatError
from pellucid.storage import reason

if TYPE_CHECKING:
    from pellucid.engines.engine import Engine
    from pellucid.model import Model

__all__ = ["load"]

WEIGHTS = (".safetensors", ".pth", ".pt")
"""Endings of files of arrays by name, which say nothing of the layers."""


def load(path: str | os.PathLike[str], engine: str | Engine = "native") -> Model:
    """A model from a file, whatever program wrote it.

    Reads .pellucid files; ONNX models, which take the extra `[onnx]`; Keras models (.keras, and HDF5 of
    Keras 2), which take `[keras]`; TensorFlow.js layers models (model.json). A file is known by its ending or
    by its first bytes.

    Args:
        path: the file.
        engine: that the model will run on: "native", "reference", or an Engine.

    Raises:
        FormatError: missing, of a format that is not read, truncated, corrupt or hostile.
        UnsupportedLayer: a model with layers that have no counterpart, all of them named.
    """
    from pellucid.formats import native_file

    file = Path(path)
    try:
        if not file.exists():
            raise FormatError(f"{file}: no such file")
        if not file.is_file():
            raise FormatError(f"{file}: expects a model file, received a folder or a device")
        with file.open("rb") as opened:
            start = opened.read(64)
    except OSError as error:
        raise FormatError(f"{file}: {reason(error)}") from None
    if file.suffix == ".pellucid" or native_file.has_signature(start):
        return native_file.read(file, engine)
    if file.suffix in WEIGHTS:
        raise FormatError(
            f"{file}: holds weights without their network; name the network of the zoo that they are of: "
            f"NETWORK@{file.name} on the command line, zoo.create(NETWORK, weights=FILE) in Python"
        )
    from pellucid.formats import onnx_import
    from pellucid.formats.keras import archive, tensorflow_js

    if file.suffix == ".onnx" or onnx_import.has_signature(start):
        return onnx_import.read(file, engine)
    if archive.is_zip(start) or archive.is_hdf5(start):
        return archive.read(file, engine)
    if tensorflow_js.has_signature(start):
        return tensorflow_js.read(file, engine)
    raise FormatError(
        f"{file}: not a model file that this version reads; it reads .pellucid, .onnx, .keras, HDF5 of "
        "Keras 2 and TensorFlow.js's model.json"
    )
