"""ONNX models as Pellucid models.

`text.py` reads the file, `importer.py` walks its operations, `table.py` has a row for each operator.
Constants are folded as they come, shape arithmetic with them; functions of single cells are collected until
a layer is found that has their values (`formulas.py`); the rest is a node of the graph. Images stay apart:
what would mix or move the batch, axis 0, is refused.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import cast, get_args

import numpy as np
from numpy.typing import NDArray

from pellucid.engines.engine import Engine
from pellucid.errors import FormatError, GraphError, LayerError
from pellucid.formats.descriptions import restore_recipe
from pellucid.formats.onnx_import.importer import MALFORMED, Importer, Record, Source
from pellucid.formats.onnx_import.names import node_names
from pellucid.formats.onnx_import.text import ModelText, Operation, read_text
from pellucid.formats.onnx_import.values import UnsupportedError
from pellucid.graph import Graph, Node
from pellucid.model import Model
from pellucid.objectives import OutputKind
from pellucid.recipe import Recipe
from pellucid.storage import reason

__all__ = ["has_signature", "read"]

GROWTH = 4
"""How many times the file's bytes the parameters may take: float16 doubles, and weights may be shared."""

AFTER_VERSION = b"\x12\x1a\x2a\x32\x3a\x42\x72"
"""Keys of the fields that may follow the version: producer, domain, text, graph, operator sets, metadata."""

SPARE = 64 << 20
"""Bytes that they may take besides."""


def read(path: str | os.PathLike[str], engine: str | Engine = "native") -> Model:
    """The model in an ONNX file, of operator set 7 or newer.

    Args:
        path: of a .onnx file; arrays may lie in other files of its folder.
        engine: that the model will run on.

    Raises:
        FormatError: truncated, corrupt or hostile; or it has operations that are not imported, all of which
            are named, with the reason.
    """
    try:
        text = read_text(Path(path))
        importer = Importer(text)
        outputs = importer.run()
        if importer.problems:
            raise FormatError(_listed(list(importer.problems.values())))
        return _model(Path(path), text, importer, outputs, engine)
    except (FormatError, GraphError, LayerError, UnsupportedError) as error:
        raise FormatError(f"{path}: {_one_line(error)}") from None
    except MALFORMED as error:
        raise FormatError(f"{path}: truncated or corrupt: {_one_line(error)}") from None
    except OSError as error:
        raise FormatError(f"{path}: {reason(error)}") from None


def has_signature(start: bytes) -> bool:
    """Whether a file with these first bytes may be an ONNX model: a protobuf message, its version first."""
    return len(start) > 2 and start[0] == 0x08 and 0 < start[1] < 0x80 and start[2] in AFTER_VERSION


def _listed(problems: list[tuple[Operation, str]]) -> str:
    """Every operation that is not imported; those with the same operator and reason together."""
    together: dict[tuple[str, str], list[str]] = {}
    for operation, why in problems:
        name = operation.name or next((name for name in operation.outputs if name), "without a name")
        together.setdefault((operation.type, why), []).append(name)
    parts = [f"{', '.join(names)} ({kind}): {why}" for (kind, why), names in together.items()]
    return f"{len(problems)} operation(s) cannot be imported: {'; '.join(parts)}"


def _model(
    path: Path, text: ModelText, importer: Importer, outputs: tuple[int, ...], engine: str | Engine
) -> Model:
    records = importer.records
    kept = _needed(records, outputs)
    names = node_names(records, kept, importer.value_names() if text.producer == "pellucid" else {})
    nodes = tuple(
        Node(names[index], records[index].layer, tuple(names[source] for source in records[index].inputs))
        for index in kept
    )
    graph = Graph(nodes, tuple(dict.fromkeys(names[index] for index in outputs)))
    sources = {
        f"{names[index]}.{name}": source
        for index in kept
        for name, source in records[index].parameters.items()
    }
    parameters = _Parameters(graph, sources, text.store.nbytes)
    metadata = text.metadata
    return Model(
        graph,
        parameters,
        engine=engine,
        output_kind=_output_kind(metadata),
        class_names=_class_names(metadata),
        recipe=_recipe(metadata),
        name=metadata.get("pellucid.name", "") or text.graph.name or path.stem,
    )


def _needed(records: list[Record], outputs: tuple[int, ...]) -> list[int]:
    """Records that outputs are computed from, and the inputs."""
    needed = set(outputs) | {index for index, record in enumerate(records) if record.operation is None}
    for index in reversed(range(len(records))):
        if index in needed:
            needed.update(records[index].inputs)
    return sorted(needed)


class _Parameters(Mapping[str, NDArray[np.float32]]):
    """Every parameter of a graph, read when it is asked for and not kept: a model makes its own copy."""

    def __init__(self, graph: Graph, sources: Mapping[str, Source], nbytes: int) -> None:
        self._sources = sources
        total = 4 * sum(math.prod(spec.shape) for spec in graph.parameters.values())
        if total > GROWTH * nbytes + SPARE:
            raise FormatError(f"its parameters take {total} bytes, more than a file of {nbytes} bytes has")

    def __getitem__(self, name: str) -> NDArray[np.float32]:
        return self._sources[name]().astype(np.float32, copy=False)

    def __iter__(self) -> Iterator[str]:
        return iter(self._sources)

    def __len__(self) -> int:
        return len(self._sources)


def _output_kind(metadata: Mapping[str, str]) -> OutputKind | None:
    kind = metadata.get("pellucid.output_kind", "")
    return cast(OutputKind, kind) if kind in get_args(OutputKind) else None


def _recipe(metadata: Mapping[str, str]) -> Recipe | None:
    """How the model is trained, where it was written here."""
    data = _json(metadata, "pellucid.recipe")
    return None if data is None else restore_recipe(data)


def _json(metadata: Mapping[str, str], key: str) -> object:
    """What an entry holds; None where there is none, or no JSON."""
    try:
        return json.loads(metadata.get(key, "null"))
    except (ValueError, RecursionError):
        return None


def _class_names(metadata: Mapping[str, str]) -> tuple[str, ...]:
    names = _json(metadata, "pellucid.class_names")
    if not isinstance(names, list):
        return ()
    return tuple(name for name in names if isinstance(name, str)) if len(names) < 100_000 else ()


def _one_line(error: Exception) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in str(error))
