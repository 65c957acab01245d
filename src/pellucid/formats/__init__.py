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


def load(path: str | os.PathLike[str], engine: str | Engine = "native") -> Model:
    """A model from a file, whatever program wrote it.

    Reads .pellucid and ONNX files, known by their ending or by their first bytes.

    Args:
        path: the file.
        engine: that the model will run on: "native", "reference", or an Engine.

    Raises:
        FormatError: missing, of a format that is not read, truncated, corrupt or hostile.
    """
    from pellucid.formats import native_file, onnx_import

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
    if file.suffix == ".onnx" or onnx_import.has_signature(start):
        return onnx_import.read(file, engine)
    raise FormatError(f"{file}: not a model file that this version reads; it reads .pellucid and .onnx files")
