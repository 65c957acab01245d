"""Arrays of an ONNX model: in the text, further on in the file, or in a file beside it."""

from __future__ import annotations

import math
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from pellucid.errors import FormatError
from pellucid.formats.onnx_import.values import Array, Constant

DTYPES: Mapping[int, str] = MappingProxyType(
    {
        1: "<f4",
        2: "<u1",
        3: "<i1",
        4: "<u2",
        5: "<i2",
        6: "<i4",
        7: "<i8",
        9: "|b1",
        10: "<f2",
        11: "<f8",
        12: "<u4",
        13: "<u8",
    }
)
"""TensorProto.DataType: how each kind of number lies in the bytes."""

BFLOAT16 = 16
TEXT = 8

FIELDS: Mapping[int, str] = MappingProxyType({1: "float_data", 7: "int64_data", 11: "double_data"})
"""Where numbers stand when they are not raw bytes; int32_data for all other kinds."""

LARGEST_RANK = 8
LARGEST_LENGTH = 2**31 - 1
"""Axes of an array and cells along one: they keep arithmetic on hostile shapes short."""

REPEATED = 4
"""How many times the arrays may name the same bytes."""


class Store:
    """The files that the arrays of a model are in.

    Args:
        path: of the model.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._sizes = {path: path.stat().st_size}
        self._referred = 0

    @property
    def nbytes(self) -> int:
        """Of all files met so far."""
        return sum(self._sizes.values())

    def reference(self, name: str, entries: Mapping[str, str], length: int) -> tuple[Path, int]:
        """File and offset of an array's bytes, which are there."""
        path = self._find(name, entries["location"]) if "location" in entries else self._path
        offset, stated = _number(name, entries.get("offset", "0")), entries.get("length")
        if stated is not None and _number(name, stated) != length:
            raise FormatError(f"{name}: expects {length} bytes, received {stated}")
        if offset + length > self._sizes[path]:
            raise FormatError(f"{name}: truncated, {path.name} ends before byte {offset + length}")
        self._referred += length
        if self._referred > REPEATED * self.nbytes:
            raise FormatError("the arrays claim more bytes than the files hold")
        return path, offset

    def _find(self, name: str, location: str) -> Path:
        """A file of arrays; only one in the model's folder, and no link out of it."""
        folder = self._path.parent.resolve()
        path = folder / location
        if Path(location).is_absolute() or not path.resolve().is_relative_to(folder):
            raise FormatError(f"{name}: its file lies in the model's folder, received {location!r}")
        if path not in self._sizes:
            try:
                status = path.stat()
            except OSError:
                raise FormatError(
                    f"{name}: its file {location!r} is missing; it belongs beside the model"
                ) from None
            if not stat.S_ISREG(status.st_mode):
                raise FormatError(f"{name}: {location!r} is not a regular file")
            self._sizes[path] = status.st_size
        return path


def _number(name: str, text: str) -> int:
    if not (text.isdecimal() and len(text) < 20):
        raise FormatError(f"{name}: offset and length are whole numbers, received {text[:40]!r}")
    return int(text)


def constant(tensor: Any, store: Store, *, stored: bool) -> Constant:
    """A TensorProto as a constant; its bytes are read when they are wanted.

    Args:
        tensor: the TensorProto.
        store: of the model's files.
        stored: it is an initializer.

    Raises:
        FormatError: its shape and its bytes do not agree, or they are nowhere.
    """
    name, shape = str(tensor.name)[:200], tuple(tensor.dims)
    if len(shape) > LARGEST_RANK or any(not 0 <= n <= LARGEST_LENGTH for n in shape):
        raise FormatError(f"{name}: an array has at most {LARGEST_RANK} axes of 0 to 2^31 - 1, {shape}")
    code = int(tensor.data_type)
    if code not in DTYPES and code != BFLOAT16:
        return Constant(shape, np.dtype(object), _refuse(name, code), name, stored)
    dtype = np.dtype("<u2" if code == BFLOAT16 else DTYPES[code])
    result = np.dtype(np.float32) if code == BFLOAT16 else dtype.newbyteorder("=")
    load = _loader(tensor, name, shape, dtype, code, store)
    final = (lambda: _widened(load())) if code == BFLOAT16 else load
    return Constant(shape, result, final, name, stored)


def _loader(
    tensor: Any, name: str, shape: tuple[int, ...], dtype: np.dtype[Any], code: int, store: Store
) -> Callable[[], Array]:
    count = math.prod(shape)
    length = count * dtype.itemsize
    if tensor.data_location == 1:
        entries = {str(entry.key): str(entry.value) for entry in tensor.external_data}
        if entries.get("array", "raw_data") not in ("raw_data", FIELDS.get(code)):
            raise FormatError(f"{name}: its numbers are of another type than its shape says")
        path, offset = store.reference(name, entries, length)
        return lambda: _from_file(name, path, offset, count, dtype).reshape(shape)
    if tensor.HasField("raw_data"):
        raw = tensor.raw_data
        if len(raw) != length:
            raise FormatError(f"{name}: expects {length} bytes, received {len(raw)}")
        array = np.frombuffer(raw, dtype).reshape(shape)
        return lambda: array
    numbers = getattr(tensor, "uint64_data" if code in (12, 13) else FIELDS.get(code, "int32_data"))
    if len(numbers) != count:
        raise FormatError(f"{name}: expects {count} numbers, received {len(numbers)}")
    listed = _from_numbers(numbers, dtype, code).reshape(shape)
    return lambda: listed


def _from_numbers(numbers: Any, dtype: np.dtype[Any], code: int) -> Array:
    if code in (10, BFLOAT16):  # the bits of each number, as a whole number
        return np.array(numbers, np.int64).astype("<u2").view(dtype)
    wide = np.array(numbers, np.float64 if dtype.kind == "f" else np.uint64 if code == 13 else np.int64)
    return wide.astype(dtype)


def _from_file(name: str, path: Path, offset: int, count: int, dtype: np.dtype[Any]) -> Array:
    with path.open("rb") as file:
        file.seek(offset)
        array = np.fromfile(file, dtype, count)
    if len(array) != count:
        raise FormatError(f"{name}: truncated, {path.name} has become shorter")
    return array


def _widened(bits: Array) -> Array:
    """bfloat16 as float32: the same number with 16 bits more."""
    return (bits.astype(np.uint32) << 16).view(np.float32)


def _refuse(name: str, code: int) -> Callable[[], Array]:
    kind = "text" if code == TEXT else f"of a kind that is not read (data type {code})"

    def refuse() -> Array:
        raise FormatError(f"{name}: its numbers are {kind}")

    return refuse
