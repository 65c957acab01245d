"""TensorFlow.js layers models: model.json and the binary shards beside it."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path

import numpy as np

from pellucid.engines.engine import Engine
from pellucid.errors import FormatError
from pellucid.formats.keras.reader import Float32
from pellucid.formats.keras.translate import translated
from pellucid.formats.keras.weights import NamedWeights, as_float32
from pellucid.model import Model
from pellucid.storage import reason

LARGEST_JSON = 64 << 20
"""Bytes of a model.json: wiring, no numbers."""

TYPES = {"float32": "<f4", "float16": "<f2", "int32": "<i4", "uint8": "u1", "uint16": "<u2", "bool": "u1"}


def has_signature(start: bytes) -> bool:
    """Whether a file that begins so may be a model.json."""
    return start.lstrip()[:1] == b"{"


def read(path: str | os.PathLike[str], engine: str | Engine = "native") -> Model:
    """The layers model that a model.json describes; images are (C, H, W) here as everywhere.

    Raises:
        FormatError: missing, truncated, corrupt or hostile, or a graph model.
        UnsupportedLayer: layers that cannot be translated, all of them named.
    """
    file = Path(path)
    try:
        if file.stat().st_size > LARGEST_JSON:
            raise FormatError(f"a model.json has at most {LARGEST_JSON} bytes")
        data = _object("the file", _parsed(file.read_bytes()))
        topology = _object("modelTopology", data.get("modelTopology"))
        if data.get("format") == "graph-model" or "node" in topology:
            raise FormatError(
                "a TensorFlow.js graph model; layers models are read: convert with "
                "--output_format=tfjs_layers_model"
            )
        weights = NamedWeights(_arrays(file.parent, data.get("weightsManifest")))
    except FormatError as error:
        raise FormatError(f"{path}: {error}") from None
    except OSError as error:
        raise FormatError(f"{path}: {error.filename or ''}: {reason(error)}") from None
    return translated(path, topology.get("model_config", topology), weights, engine)


def _parsed(content: bytes) -> object:
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise FormatError(f"not a model.json: {error}") from None


def _object(what: str, value: object) -> dict[str, object]:
    if not isinstance(value, dict):
        raise FormatError(f"{what} is an object, received {value!r:.60}")
    return value


def _list(what: str, value: object) -> list[object]:
    if not isinstance(value, list):
        raise FormatError(f"{what} is a list, received {value!r:.60}")
    return value


def _arrays(folder: Path, manifest: object) -> dict[str, Float32]:
    """Every weight of every group of shards."""
    arrays: dict[str, Float32] = {}
    for entry in _list("weightsManifest", manifest):
        group = _object("a group of weights", entry)
        content = b"".join(_shard(folder, name) for name in _list("paths", group.get("paths")))
        offset = 0
        for weight in _list("weights", group.get("weights")):
            name, array, size = _weight(_object("a weight", weight), content, offset)
            arrays[name] = array
            offset += size
        if offset != len(content):
            raise FormatError(f"the shards have {len(content)} bytes, the weights {offset}")
    return arrays


def _shard(folder: Path, name: object) -> bytes:
    """A file of the folder; names that lead out of it are refused."""
    if not isinstance(name, str) or not name or Path(name).name != name:
        raise FormatError(f"a shard is a file beside model.json, received {name!r:.60}")
    return (folder / name).read_bytes()


def _weight(data: dict[str, object], content: bytes, offset: int) -> tuple[str, Float32, int]:
    """Name, numbers and bytes of one weight."""
    name, shape = data.get("name"), data.get("shape")
    if not isinstance(name, str):
        raise FormatError(f"a weight's name is text, received {name!r:.60}")
    if not isinstance(shape, list) or any(type(n) is not int or n < 0 for n in shape):
        raise FormatError(f"{name}: a shape is a list of lengths, received {shape!r:.60}")
    quantized = data.get("quantization")
    stored = _object("quantization", quantized) if quantized is not None else data
    kind = stored.get("dtype")
    if not isinstance(kind, str) or kind not in TYPES:
        raise FormatError(f"{name}: a type is one of {', '.join(TYPES)}, received {kind!r:.60}")
    count = math.prod(shape)
    size = count * np.dtype(TYPES[kind]).itemsize
    if offset + size > len(content):
        raise FormatError(f"{name}: truncated, {size} bytes are expected, {len(content) - offset} are left")
    array = as_float32(name, np.frombuffer(content, TYPES[kind], count, offset).reshape(shape))
    if quantized is not None and "scale" in stored:
        scale, least = stored.get("scale"), stored.get("min", 0)
        if not isinstance(scale, int | float) or not isinstance(least, int | float):
            raise FormatError(f"{name}: scale and min are numbers, received {scale!r:.40}, {least!r:.40}")
        array = array * np.float32(scale) + np.float32(least)
    return name, array, size
