"""PyTorch modules as Pellucid models, and weights between the two.

A module comes in through ONNX, exported without PyTorch's shortcuts: batch norms stay apart from
convolutions, dropouts stay where they are, parameters keep the module's own names ("layer1.0.conv1.weight").
"""

from __future__ import annotations

import copy
import io
import os
import re
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save as to_bytes

from pellucid.engines.engine import Engine
from pellucid.errors import DataError, FormatError
from pellucid.formats import onnx_import
from pellucid.formats.weights import read_state_dict
from pellucid.graph import Graph
from pellucid.layers import BatchNorm, Dropout, Dropout2d, Layer, MatMul, Parameter, StochasticDepth
from pellucid.model import Model
from pellucid.storage import write_bytes

__all__ = ["from_torch", "load_state_dict", "save_state_dict", "state_dict"]

OPSET = 17
"""The version of ONNX's operators that modules are exported with."""

INSTALL = "pip install 'pellucid[torch,onnx]'"

DROPOUTS: Mapping[str, tuple[str, type[Layer]]] = {
    "Dropout": ("p", Dropout),
    "Dropout1d": ("p", Dropout2d),
    "Dropout2d": ("p", Dropout2d),
    "StochasticDepth": ("p", StochasticDepth),
    "DropPath": ("drop_prob", StochasticDepth),
}
"""Classes of modules that do nothing outside training: the attribute with their rate, and their layer."""

COUNTER = "num_batches_tracked"
"""What PyTorch's batch norms count; Pellucid's do not, so 0 is written."""


def from_torch(
    module: Any,
    example: Any,
    *,
    engine: str | Engine = "native",
    class_names: Sequence[str] = (),
) -> Model:
    """A PyTorch module as a model, with its weights and its own parameter names.

    The module is left as it is. Its functional dropouts (F.dropout) do not come along, its modules do.

    Args:
        module: a torch.nn.Module for images of a fixed size, without control flow that depends on them.
        example: what it takes: a tensor or array (N, *shape), or a tuple of them.
        engine: that the model will run on.
        class_names: names of the outputs, for people.

    Raises:
        FormatError: PyTorch cannot export it, or it has operations without a layer, all of which are named.
    """
    try:
        import torch
    except ModuleNotFoundError:
        raise FormatError(f"from_torch needs the packages torch and onnx; type: {INSTALL}") from None
    if not isinstance(module, torch.nn.Module):
        raise DataError(f"from_torch takes a torch.nn.Module, received {type(module).__name__}")
    examples = example if isinstance(example, tuple | list) else (example,)
    tensors = tuple(torch.as_tensor(value, dtype=torch.float32, device="cpu") for value in examples)
    name = type(module).__name__
    copied = copy.deepcopy(module).to("cpu").float().eval()
    silenced = _mark_dropouts(torch, copied)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{name}.onnx"
        _export(torch, copied, tensors, path)
        try:
            model = onnx_import.read(path, engine)
        except FormatError as error:
            raise FormatError(f"{name}: {str(error).removeprefix(f'{path}: ')}") from None
    graph = _with_dropouts(model.graph, silenced)
    return Model(graph, model.parameters, engine=engine, class_names=class_names, name=name)


def _mark_dropouts(torch: Any, module: Any) -> dict[str, type[Layer]]:
    """Put a plain dropout, in training, where any kind of dropout is; by path what kind it was."""
    kinds: dict[str, type[Layer]] = {}
    for path, child in list(module.named_modules()):
        attribute, layer = DROPOUTS.get(type(child).__name__, ("", None))
        rate = getattr(child, attribute, None) if layer is not None else None
        if layer is None or not isinstance(rate, float | int) or not 0 < rate < 1 or not path:
            continue
        parent, _, last = path.rpartition(".")
        setattr(module.get_submodule(parent), last, torch.nn.Dropout(float(rate)).train())
        kinds[path] = layer
    return kinds


def _with_dropouts(graph: Graph, kinds: Mapping[str, type[Layer]]) -> Graph:
    """The graph with the layers that dropouts stand for; a module used again has a number behind its name."""
    nodes = []
    for node in graph.nodes:
        kind = kinds.get(re.sub(r"_\d+$", "", node.name), kinds.get(node.name, Dropout))
        if isinstance(node.layer, Dropout) and issubclass(kind, Dropout2d | StochasticDepth):
            nodes.append(replace(node, layer=kind(rate=node.layer.rate)))
        else:
            nodes.append(node)
    return Graph(tuple(nodes), graph.outputs)


def _export(torch: Any, module: Any, tensors: tuple[Any, ...], path: Path) -> None:
    names = ["input"] if len(tensors) == 1 else [f"input{index}" for index in range(1, len(tensors) + 1)]
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            torch.onnx.export(
                module,
                tensors,
                str(path),
                dynamo=False,
                opset_version=OPSET,
                training=torch.onnx.TrainingMode.PRESERVE,
                do_constant_folding=False,
                input_names=names,
                dynamic_axes={name: {0: "N"} for name in names},
            )
    except Exception as error:  # whatever the module's own code raises
        first = (str(error) or type(error).__name__).strip().splitlines()[0][:200]
        raise FormatError(f"{type(module).__name__}: PyTorch cannot export it: {first}") from error


def state_dict(model: Model) -> dict[str, NDArray[Any]]:
    """A model's arrays under the names and in the shapes that PyTorch gives them.

    They fit `module.load_state_dict` of the module that the model was made of, unless that gives a parameter
    another shape before it uses it. Counters of batch norms, which Pellucid does not keep, are there as 0.
    """
    arrays: dict[str, NDArray[Any]] = {}
    for name, entry in _entries(model.graph).items():
        array = model.parameters[entry.full].reshape(entry.shape)
        arrays[name] = array.T if entry.transposed else array
    for node in model.graph.nodes:
        if isinstance(node.layer, BatchNorm):
            arrays[f"{node.name}.{COUNTER}"] = np.zeros((), np.int64)
    return arrays


@dataclass(frozen=True)
class _Entry:
    """An array of a model as PyTorch has it.

    Attributes:
        full: its name in the model.
        shape: without axes of length 1 in front, which it has in the model to meet an image's.
        transposed: PyTorch keeps the matrix of a linear layer as (outputs, inputs).
    """

    full: str
    shape: tuple[int, ...]
    transposed: bool = False


def _entries(graph: Graph) -> dict[str, _Entry]:
    """By PyTorch's name; a Parameter node is a parameter itself."""
    entries = {full: _Entry(full, spec.shape) for full, spec in graph.parameters.items()}
    matrices = {
        node.inputs[1] for node in graph.nodes if isinstance(node.layer, MatMul) and len(node.inputs) == 2
    }
    for node in graph.nodes:
        if isinstance(node.layer, Parameter):
            full = entries.pop(f"{node.name}.value").full
            shape = node.layer.shape
            while len(shape) > (2 if node.name in matrices else 1) and shape[0] == 1:
                shape = shape[1:]
            entries[node.name] = _Entry(full, shape, node.name in matrices and len(shape) == 2)
    return entries


def save_state_dict(model: Model, path: str | os.PathLike[str]) -> None:
    """Write a model's arrays for PyTorch: .safetensors, or .pth and .pt through torch.

    Raises:
        FormatError: another ending, or torch is needed and absent.
        DataError: the file cannot be written.
    """
    arrays = {name: np.require(array, requirements="C") for name, array in state_dict(model).items()}
    suffix = Path(path).suffix
    if suffix == ".safetensors":
        write_bytes(path, to_bytes(arrays))
        return
    if suffix not in (".pth", ".pt"):
        raise FormatError(f"{path}: state dicts are written as .safetensors, .pth and .pt files")
    try:
        import torch
    except ModuleNotFoundError:
        raise FormatError(f"{path}: .pth files are written through torch; type: {INSTALL}") from None
    buffer = io.BytesIO()
    torch.save({name: torch.from_numpy(array.copy()) for name, array in arrays.items()}, buffer)
    write_bytes(path, buffer.getvalue())


def load_state_dict(model: Model, path: str | os.PathLike[str]) -> None:
    """Give a model the arrays of a PyTorch state dict with the same names.

    Args:
        model: as `from_torch` made it, or with nodes named like the module's paths.
        path: of a .safetensors, .pth or .pt file; .pth only through torch's loader for weights.

    Raises:
        FormatError: not such a file, or names that are missing or that the model does not have.
    """
    arrays, entries = read_state_dict(path), _entries(model.graph)
    fixed = {full for full, spec in model.graph.parameters.items() if spec.role == "fixed"}
    missing = sorted(
        entries.keys() - arrays.keys() - {n for n, entry in entries.items() if entry.full in fixed}
    )
    unknown = sorted(arrays.keys() - entries.keys())
    for what, listed in (("lacks", missing), ("has, and the model has not,", unknown)):
        if listed:
            more = f" and {len(listed) - 5} more" if len(listed) > 5 else ""
            raise FormatError(f"{path}: it {what} {', '.join(listed[:5])}{more}")
    parameters = {}
    for name, array in arrays.items():
        entry = entries[name]
        received = array.T if entry.transposed and array.ndim == 2 else array
        if received.shape != entry.shape:
            raise FormatError(f"{path}: {name}: expects the shape {entry.shape}, received {received.shape}")
        parameters[entry.full] = received.reshape(model.graph.parameters[entry.full].shape)
    model.set_parameters(parameters)
