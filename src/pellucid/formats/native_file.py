"""The .pellucid file: a model with its weights, never code.

It is a safetensors file: an 8-byte length, a JSON header that lists the arrays, the arrays. Every parameter
of the graph is there under its full name, as float32. The header's metadata has one entry, "pellucid", a JSON
object:

    format        1
    name          of the network, for people
    output_kind   "logits", "probabilities" or "scores"
    class_names   list of text
    recipe        how it is trained, see descriptions.py
    graph         {"nodes": [{"name", "layer", "inputs"}, ...], "outputs": [names]}
    tunings       list of what was measured on some machine, see descriptions.py; only where there is any
    sha256        of everything above (as JSON, keys sorted, without blanks) followed by each parameter's name
                  and bytes, in order of names: any damage is noticed

The same model gives the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, cast, get_args

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as to_bytes

from pellucid.engines.engine import Engine
from pellucid.errors import FormatError, GraphError, LayerError
from pellucid.formats.descriptions import (
    JsonObject,
    describe,
    restore_layer,
    restore_recipe,
    restore_tuning,
)
from pellucid.graph import Graph, Node
from pellucid.layers import Input
from pellucid.model import Model
from pellucid.objectives import OutputKind
from pellucid.recipe import Recipe
from pellucid.storage import reason, write_bytes
from pellucid.tuning import Tuning, check_tunings

FORMAT = 1
"""Version of the format that is written, and the newest that is read."""

LARGEST_HEADER = 8 << 20
"""Bytes; the header of a network with a thousand layers takes less than one of these megabytes."""

LARGEST_RANK = 8
"""Axes of an input; keeps the arithmetic on hostile shapes short."""

_KEYS = {"format", "name", "output_kind", "class_names", "recipe", "graph", "sha256"}


def save(model: Model, path: str | os.PathLike[str]) -> None:
    """Write a model; complete or not at all, see `pellucid.storage.write_aside`.

    Raises:
        FormatError: the graph has a layer of the user's own, or texts or numbers that JSON cannot hold.
        DataError: the file cannot be written.
    """
    description: JsonObject = {
        "format": FORMAT,
        "name": model.name,
        "output_kind": model.output_kind,
        "class_names": list(model.class_names),
        "graph": {
            "nodes": [
                {"name": node.name, "layer": describe(node.layer), "inputs": list(node.inputs)}
                for node in model.graph.nodes
            ],
            "outputs": list(model.graph.outputs),
        },
        "recipe": describe(model.recipe),
    }
    if model.tunings:
        description["tunings"] = [describe(tuning) for tuning in model.tunings]
    try:
        _contents(_parse(_canonical({**description, "sha256": ""})))  # what is written can be read
    except (TypeError, ValueError, FormatError) as error:
        raise FormatError(f"{model.name} cannot be saved: {_one_line(error)}") from None
    description["sha256"] = _digest(description, model.parameters)
    write_bytes(path, to_bytes(dict(model.parameters), {"pellucid": _canonical(description)}))


def read(path: str | os.PathLike[str], engine: str | Engine = "native") -> Model:
    """The model in a file.

    Args:
        path: of a .pellucid file.
        engine: that the model will run on.

    Raises:
        FormatError: missing, truncated, corrupt or hostile, of another format, or written by a newer version.
    """
    try:
        _check_size(Path(path))
        with safe_open(path, framework="numpy") as file:
            description = _parse((file.metadata() or {}).get("pellucid"))
            contents = _contents(description)
            parameters = _parameters(file, contents.graph)
        if description.pop("sha256") != _digest(description, parameters):
            raise FormatError("damaged, its checksum differs; get a new copy")
    except SafetensorError as error:
        raise FormatError(f"{path}: truncated or corrupt: {_one_line(error)}") from None
    except (GraphError, LayerError, FormatError) as error:
        raise FormatError(f"{path}: {_one_line(error)}") from None
    except OSError as error:
        raise FormatError(f"{path}: {reason(error)}") from None
    return Model(
        contents.graph,
        parameters,
        engine=engine,
        output_kind=contents.output_kind,
        class_names=contents.class_names,
        name=contents.name,
        recipe=contents.recipe,
        tunings=contents.tunings,
    )


def has_signature(start: bytes) -> bool:
    """Whether a file with these first bytes (64 or more) is a .pellucid file."""
    return re.match(rb'\{\s*"__metadata__"\s*:\s*\{\s*"pellucid"\s*:', start[8:]) is not None


@dataclass(frozen=True)
class _Contents:
    """What a file describes, besides the arrays."""

    graph: Graph
    output_kind: OutputKind
    class_names: tuple[str, ...]
    name: str
    recipe: Recipe
    tunings: tuple[Tuning, ...]


def _check_size(path: Path) -> None:
    """Refuse, before anything is parsed, what is not a file with a header of honest length."""
    with path.open("rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise FormatError("expects a regular file")
        start = file.read(9)
    if status.st_size < 10:
        raise FormatError(f"truncated, {status.st_size} bytes are left")
    if start[8:] != b"{":
        raise FormatError("not a .pellucid file")
    header = int.from_bytes(start[:8], "little")
    if 8 + header > status.st_size:
        raise FormatError(f"truncated, its header takes {header} bytes and {status.st_size - 8} are there")
    if header > LARGEST_HEADER:
        raise FormatError(f"a header has at most {LARGEST_HEADER} bytes, received {header}")


def _parse(text: str | None) -> JsonObject:
    """The description as JSON, with exactly the keys of this version."""
    if text is None:
        raise FormatError("not a .pellucid file: a safetensors file without the description of a model")
    try:
        data = json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise FormatError(f"the description is not valid JSON: {error}") from None
    version = data.get("format") if isinstance(data, dict) else None
    if type(version) is not int or version < 1:  # True is an int too
        raise FormatError(f"the description has a format of 1 or more, received {version!r}")
    if version > FORMAT:
        raise FormatError(
            f"written by a newer version (format {version}, this one reads up to {FORMAT}); upgrade pellucid"
        )
    _require_keys("the description", data, _KEYS | ({"tunings"} & data.keys()))
    return cast(JsonObject, data)


def _unique(pairs: list[tuple[str, object]]) -> JsonObject:
    result = dict(pairs)
    if len(result) < len(pairs):
        raise ValueError("a key is there twice")
    return result


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"numbers are finite, received {constant}")


def _contents(data: JsonObject) -> _Contents:
    output_kind = _text("output_kind", data["output_kind"])
    if output_kind not in get_args(OutputKind):
        raise FormatError(
            f"output_kind is one of {', '.join(get_args(OutputKind))}, received {output_kind!r}"
        )
    graph = _graph(data["graph"])
    return _Contents(
        graph,
        cast(OutputKind, output_kind),
        _texts("class_names", data["class_names"]),
        _text("name", data["name"]),
        restore_recipe(data["recipe"]),
        _tunings(data.get("tunings", []), graph),
    )


def _tunings(data: object, graph: Graph) -> tuple[Tuning, ...]:
    if not isinstance(data, list):
        raise FormatError(f"tunings are a list, received {data!r}")
    tunings = tuple(restore_tuning(item) for item in data)
    check_tunings(tunings, graph)
    return tunings


def _graph(data: object) -> Graph:
    graph = _require_keys("the graph", data, {"nodes", "outputs"})
    nodes = graph["nodes"]
    if not isinstance(nodes, list):
        raise FormatError("nodes are a list")
    return Graph(tuple(_node(node) for node in nodes), _texts("outputs", graph["outputs"]))


def _node(data: object) -> Node:
    node = _require_keys("a node", data, {"name", "layer", "inputs"})
    name = _text("a node's name", node["name"])
    layer = restore_layer(node["layer"])
    if isinstance(layer, Input) and len(layer.shape) > LARGEST_RANK:
        raise FormatError(f"{name}: an input has at most {LARGEST_RANK} axes, received {len(layer.shape)}")
    return Node(name, layer, _texts(f"inputs of {name}", node["inputs"]))


def _parameters(file: Any, graph: Graph) -> dict[str, NDArray[np.float32]]:
    """Every parameter of the graph; nothing is allocated before its size in the file is the graph's."""
    specs, names = graph.parameters, set(file.keys())
    for name in specs:
        if name not in names:
            raise FormatError(f"{name}: the array is missing")
    for name in sorted(names - specs.keys()):
        raise FormatError(f"{name}: an array that the graph has no parameter for")
    for name, spec in specs.items():
        stored = file.get_slice(name)
        if stored.get_dtype() != "F32" or tuple(stored.get_shape()) != spec.shape:
            raise FormatError(
                f"{name}: expects an F32 array of shape {spec.shape}, "
                f"received {stored.get_dtype()} {tuple(stored.get_shape())}"
            )
    return {name: file.get_tensor(name) for name in specs}


def _digest(description: JsonObject, parameters: Mapping[str, NDArray[np.float32]]) -> str:
    digest = hashlib.sha256(_canonical(description).encode())
    for name in sorted(parameters):
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(parameters[name], "<f4").data)
    return digest.hexdigest()


def _canonical(data: JsonObject) -> str:
    return json.dumps(data, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _require_keys(what: str, data: object, keys: set[str]) -> JsonObject:
    if not isinstance(data, dict) or data.keys() != keys:
        received = ", ".join(sorted(data)) if isinstance(data, dict) else repr(data)
        raise FormatError(f"{what} has the keys {', '.join(sorted(keys))}, received {received}")
    return data


def _text(what: str, value: object) -> str:
    try:
        if isinstance(value, str) and value.encode() is not None:
            return value
    except UnicodeEncodeError:  # half a surrogate pair, which no file or terminal can hold
        pass
    raise FormatError(f"{what} is text, received {value!r}")


def _texts(what: str, value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise FormatError(f"{what}: a list of texts, received {value!r}")
    return tuple(_text(what, item) for item in value)


def _one_line(error: Exception) -> str:
    """The message, fit for a terminal whatever the file put into it."""
    text = "".join(letter if letter.isprintable() else " " for letter in str(error)[:1000])
    return text if len(text) <= 300 else f"{text[:300]}..."
