"""Names of nodes: unique, the same every time, and as near as can be to the module's own."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Mapping, Sequence

from pellucid.formats.onnx_import.importer import Record
from pellucid.formats.onnx_import.text import Operation
from pellucid.layers import Input, Parameter

SCOPES = "pkg.torch.onnx.name_scopes"
"""Where PyTorch's newer exporter writes the modules that a node is in."""

LONGEST = 200


def node_names(
    records: Sequence[Record], kept: Sequence[int], values: Mapping[int, Sequence[str]]
) -> dict[int, str]:
    """A name for each record that is kept.

    In this order: the module whose weights it has ("layer1.0.conv1" for "layer1.0.conv1.weight"), the module
    that PyTorch says it is in, the name of the ONNX node, the layer's label with a number.

    Args:
        records: all of them.
        kept: the numbers of those that become nodes.
        values: names that their results have, where the model was written here, so that these are the nodes'.
    """
    last = {id(records[index].operation): index for index in kept}
    modules = {index: _module(records[index]) for index in kept}
    within: dict[str, set[str]] = {}
    parents: set[str] = set()
    for index, module in modules.items():
        within.setdefault(module, set()).add(type(records[index].layer).__name__)
        parts = module.split(".")
        parents.update(".".join(parts[:length]) for length in range(1, len(parts)))
    names: dict[int, str] = {}
    taken: set[str] = set()
    counts: Counter[str] = Counter()
    # Inputs and nodes with weights first, so that no other node takes the name of their module.
    for index in sorted(kept, key=lambda index: not (records[index].named or values.get(index))):
        record, module = records[index], modules[index]
        if isinstance(record.layer, Parameter):
            wish = _parameter_name(record)
        elif values.get(index) and not isinstance(record.layer, Input):
            wish = values[index][-1]
        elif record.named:
            wish = record.named
        elif module and module not in parents and len(within[module]) == 1:
            wish = module
        elif module:
            wish = f"{module}.{record.layer.label}"
        else:
            wish = _own_name(record.operation)
            if last[id(record.operation)] != index:
                wish = f"{wish}/{record.layer.label}" if wish else ""
        names[index] = _unique(_readable(wish), record.layer.label, taken, counts)
        taken.add(names[index])
    return names


def _unique(wish: str, label: str, taken: set[str], counts: Counter[str]) -> str:
    """The name that is wished for, or one with a number."""
    if wish and wish not in taken:
        return wish
    base, joint = (wish, "_") if wish else (label, "")
    while True:
        counts[base] += 1
        name = f"{base}{joint}{counts[base]}"
        if name not in taken:
            return name


def _parameter_name(record: Record) -> str:
    """Its initializer's, or the module's that needs it where the exporter has made the name up."""
    module = _path(record.operation) if record.operation is not None else ""
    fixed = isinstance(record.layer, Parameter) and not record.layer.trainable
    if "." in record.named or not module or fixed:
        return record.named
    added = record.operation is not None and record.operation.type == "Add"
    return f"{module}.{'bias' if added else 'weight'}"


def _module(record: Record) -> str:
    """The path of the module that a record is in: "layer1.0.relu"; empty where nothing says so."""
    if record.operation is None or isinstance(record.layer, Input | Parameter):
        return ""
    return _path(record.operation)


def _path(operation: Operation) -> str:
    scopes = operation.metadata.get(SCOPES, "")
    if scopes and len(scopes) < 10_000:
        try:
            listed = ast.literal_eval(scopes)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            listed = None
        if isinstance(listed, list) and len(listed) > 1 and all(isinstance(part, str) for part in listed):
            return str(listed[-2])
    if not operation.name.startswith("/"):
        return ""
    path: list[str] = []
    for part in operation.name[1:].split("/")[:-1]:
        if path and part.startswith(f"{path[-1]}."):  # a Sequential's child repeats its parent's name
            path[-1] = part
        else:
            path.append(part)
    return ".".join(path)


def _own_name(operation: Operation | None) -> str:
    if operation is None:
        return ""
    if operation.name.startswith("/"):
        return operation.name.rpartition("/")[2].lower()
    if operation.metadata.get(SCOPES):
        return operation.name.removeprefix("node_")
    return operation.name


def _readable(name: str) -> str:
    return "".join(letter for letter in name if letter.isprintable())[:LONGEST].strip("/ ")
