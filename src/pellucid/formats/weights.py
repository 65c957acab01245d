"""State dicts: arrays by name without a network, as PyTorch's users keep weights.

.safetensors files are read and written; .pth and .pt files are read through torch's loader that accepts
arrays only, never code, where torch is installed.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as to_bytes

from pellucid.errors import FormatError
from pellucid.storage import reason, write_bytes

Arrays = dict[str, NDArray[np.float32]]

FLOATS = {"F64", "F32", "F16"}
"""Number types that are read from .safetensors files; all become float32."""

INTEGERS = {"BOOL", "U8", "I8", "U16", "I16", "U32", "I32", "U64", "I64"}
"""Counters such as num_batches_tracked, which no network computes with, are left out."""

LONGEST_MESSAGE = 200


def has_torch() -> bool:
    """Whether .pth files can be read here."""
    return importlib.util.find_spec("torch") is not None


def read_state_dict(path: str | os.PathLike[str]) -> Arrays:
    """Every array of floating-point numbers in a file, as float32, by its name there.

    Args:
        path: of a .safetensors, .pth or .pt file.

    Raises:
        FormatError: missing, truncated, corrupt or hostile, of another format, or torch is needed and absent.
    """
    file = Path(path)
    try:
        if not file.is_file():
            raise FormatError(f"{file}: {'not a file' if file.exists() else 'no such file'}")
        if file.suffix == ".safetensors":
            return _read_safetensors(file)
        if file.suffix in (".pth", ".pt"):
            return _read_pth(file)
    except OSError as error:
        raise FormatError(f"{file}: {reason(error)}") from None
    raise FormatError(f"{file}: weights are read from .safetensors, .pth and .pt files")


def write_state_dict(path: str | os.PathLike[str], arrays: Mapping[str, NDArray[np.float32]]) -> None:
    """Write arrays as a .safetensors file, completely or not at all.

    Raises:
        DataError: the file cannot be written.
    """
    write_bytes(path, to_bytes({name: np.ascontiguousarray(array) for name, array in arrays.items()}))


def _read_safetensors(file: Path) -> Arrays:
    try:
        with safe_open(file, framework="numpy") as opened:
            names = opened.keys()
            types = {name: opened.get_slice(name).get_dtype() for name in names}
            for name, kind in types.items():
                if kind not in FLOATS | INTEGERS:
                    raise FormatError(f"{file}: {name}: arrays of type {kind} are not read; save it as F32")
            return {
                name: opened.get_tensor(name).astype(np.float32, copy=False)
                for name, kind in types.items()
                if kind in FLOATS
            }
    except SafetensorError as error:
        raise FormatError(f"{file}: truncated or corrupt: {_short(error)}") from None


def _read_pth(file: Path) -> Arrays:
    if not has_torch():
        raise FormatError(
            f"{file}: .pth files are read through torch; pip install 'pellucid[torch]', or get a .safetensors"
        )
    import torch

    try:
        content = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises whatever its unpickler meets in a corrupt or hostile file
        raise FormatError(f"{file}: torch cannot read it as weights: {_short(error)}") from None
    if isinstance(content, Mapping) and isinstance(content.get("state_dict"), Mapping):
        content = content["state_dict"]  # a training script's checkpoint
    if not isinstance(content, Mapping):
        raise FormatError(f"{file}: expects a state dict, received {type(content).__name__}")
    arrays: Arrays = {}
    for name, tensor in content.items():
        if not (isinstance(name, str) and isinstance(tensor, torch.Tensor)):
            raise FormatError(f"{file}: a state dict holds tensors by name, received {name!r}")
        if tensor.is_floating_point():
            arrays[name] = tensor.detach().to(torch.float32).contiguous().numpy()
    return arrays


def _short(error: Exception) -> str:
    """The first line of a message, fit for a terminal whatever the file put into it."""
    text = (str(error) or type(error).__name__).splitlines()[0][:LONGEST_MESSAGE]
    return "".join(letter if letter.isprintable() else " " for letter in text)
