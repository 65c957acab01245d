"""Keras's own files: .keras (a zip of JSON and HDF5), and whole models in HDF5 of Keras 2."""

from __future__ import annotations

import json
import os
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pellucid.engines.engine import Engine
from pellucid.errors import FormatError
from pellucid.formats.keras.reader import Float32
from pellucid.formats.keras.topology import MODELS, Call, Json, text
from pellucid.formats.keras.translate import translated
from pellucid.formats.keras.weights import NamedWeights, as_float32
from pellucid.model import Model
from pellucid.storage import reason

if TYPE_CHECKING:
    import h5py

LARGEST_JSON = 64 << 20
"""Bytes of a config.json."""

LARGEST_GROWTH = 20
"""Times its size in the file that a member may unpack to; weights hardly shrink."""

HDF5 = b"\x89HDF\r\n\x1a\n"


def is_zip(start: bytes) -> bool:
    """Whether a file that begins so may be a .keras archive."""
    return start[:4] == b"PK\x03\x04"


def is_hdf5(start: bytes) -> bool:
    """Whether a file that begins so is HDF5."""
    return start.startswith(HDF5)


def read(path: str | os.PathLike[str], engine: str | Engine = "native") -> Model:
    """The model in a .keras file or a Keras 2 HDF5 file; images are (C, H, W) here as everywhere.

    Raises:
        FormatError: missing, truncated, corrupt or hostile; or h5py is not installed.
        UnsupportedLayer: layers that cannot be translated, all of them named.
    """
    h5py = _h5py(path)
    try:
        with Path(path).open("rb") as file:
            if is_hdf5(file.read(8)):
                with h5py.File(file, "r") as weights:
                    return _legacy(path, weights, engine)
        with zipfile.ZipFile(path) as archive:
            config = _json(_member(archive, "config.json", LARGEST_JSON))
            with _open(archive, "model.weights.h5") as member, h5py.File(member, "r") as weights:
                return translated(path, config, OrderedWeights(config, weights), engine)
    except zipfile.BadZipFile as error:
        raise FormatError(f"{path}: truncated or corrupt: {error}") from None
    except FormatError as error:
        raise FormatError(f"{path}: {str(error).removeprefix(f'{path}: ')}") from None
    except OSError as error:  # h5py's too
        raise FormatError(f"{path}: {_one_line(reason(error))}") from None
    except (KeyError, RuntimeError, ValueError, TypeError, EOFError) as error:
        # What zipfile, zlib and h5py raise over damage.
        raise FormatError(f"{path}: truncated or corrupt: {_one_line(str(error))}") from None


def _h5py(path: str | os.PathLike[str]) -> Any:
    try:
        import h5py
    except ImportError:
        raise FormatError(
            f"{path}: reading Keras files takes h5py; type: pip install 'pellucid[keras]'"
        ) from None
    return h5py


def _one_line(message: str) -> str:
    return " ".join(message.split())[:200]


def _open(archive: zipfile.ZipFile, name: str) -> Any:
    try:
        info = archive.getinfo(name)
    except KeyError:
        raise FormatError(f"not a .keras file: {name} is missing") from None
    if info.file_size > LARGEST_GROWTH * max(info.compress_size, 1 << 16):
        raise FormatError(f"{name} claims {info.file_size} bytes in {info.compress_size}: a hostile file")
    return archive.open(info)


def _member(archive: zipfile.ZipFile, name: str, largest: int) -> bytes:
    with _open(archive, name) as member:
        content: bytes = member.read(largest + 1)
    if len(content) > largest:
        raise FormatError(f"{name} has at most {largest} bytes")
    return content


def _json(content: bytes | str) -> object:
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise FormatError(f"the configuration is not JSON: {error}") from None


def _array(name: str, dataset: object) -> Float32:
    """The numbers of a dataset that lies in the file itself."""
    if not hasattr(dataset, "shape") or getattr(dataset, "external", None):
        raise FormatError(f"{name}: an array is expected")
    stored: Any = dataset
    if stored.size * stored.dtype.itemsize > LARGEST_GROWTH * max(stored.id.get_storage_size(), 1 << 16):
        raise FormatError(f"{name}: claims {stored.size} numbers that the file does not hold")
    return as_float32(name, np.asarray(stored[()]))


def _child(group: Any, name: str) -> Any:
    """A member of a group, unless a link leads elsewhere."""
    if name not in group:
        return None
    kind = type(group.get(name, getlink=True)).__name__
    if kind != "HardLink":
        raise FormatError(f"{name}: a link out of its place is not followed")
    return group[name]


# ---- .keras


class OrderedWeights:
    """The arrays of every layer as Keras 3 stores them: layers by class and number, weights by number."""

    def __init__(self, config: object, file: h5py.Group) -> None:
        self._groups: dict[str, Any] = dict(_layer_groups(config, file, ""))

    def __call__(self, call: Call, names: Sequence[str]) -> Sequence[Float32]:
        """The layer's arrays, as many as there are names."""
        group = self._groups.get(call.path)
        variables = None if group is None else _child(group, "vars")
        if variables is None or len(variables) != len(names):
            found = 0 if variables is None else len(variables)
            raise FormatError(f"{call.path}: expects {len(names)} weights, found {found}")
        return [_array(f"{call.path}: {name}", _child(variables, str(i))) for i, name in enumerate(names)]


def _layer_groups(model: object, group: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    """(path, group) of every layer that the file knows, models taken apart."""
    layers = _child(group, "layers")
    if layers is None or not isinstance(model, Mapping) or not isinstance(model.get("config"), Mapping):
        return
    by_name = _by_name(layers)
    counts: dict[str, int] = {}
    for entry in model["config"].get("layers", ()):
        if not isinstance(entry, Mapping) or not isinstance(entry.get("config"), Mapping):
            continue
        name, kind = text(entry["config"], "name"), _snake_case(text(entry, "class_name"))
        count = counts.get(kind, 0)
        counts[kind] = count + 1
        found = by_name.get(name) or _child(layers, f"{kind}_{count}" if count else kind)
        if found is None:
            continue
        yield prefix + name, found
        if entry["class_name"] in MODELS:
            yield from _layer_groups(entry, found, f"{prefix}{name}/")


def _by_name(layers: Any) -> dict[str, Any]:
    """Groups by the names of their layers, which newer versions of Keras note."""
    result = {}
    for key in layers:
        group = _child(layers, key)
        variables = _child(group, "vars") if hasattr(group, "keys") else None
        name = None if variables is None else variables.attrs.get("name")
        if isinstance(name, str):
            result[name] = group
    return result


def _snake_case(class_name: str) -> str:
    """MaxPooling2D to max_pooling2d, as Keras names groups."""
    words = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", class_name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", words).lower()


# ---- Keras 2


def _legacy(path: str | os.PathLike[str], file: Any, engine: str | Engine) -> Model:
    """A whole model in one HDF5 file."""
    config = file.attrs.get("model_config")
    if isinstance(config, bytes):
        config = config.decode()
    if not isinstance(config, str):
        raise FormatError("HDF5 without a model's configuration; save the whole model, not its weights only")
    arrays: dict[str, Float32] = {}
    groups = _child(file, "model_weights")
    for name in groups if groups is not None else ():
        group = _child(groups, name)
        if group is None:
            raise FormatError(f"the weights of {name} are missing")
        for raw in group.attrs.get("weight_names", ()):
            own = raw.decode() if isinstance(raw, bytes) else str(raw)
            place = group
            for part in own.split("/"):
                place = None if place is None else _child(place, part)
            arrays[own] = _array(own, place)
    parsed: Json | object = _json(config)
    return translated(path, parsed, NamedWeights(arrays), engine)
