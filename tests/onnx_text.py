"""Small ONNX models from text, for tests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import numpy_helper

Shape = tuple[int, ...]


@dataclass(frozen=True)
class OnnxCase:
    """A graph with the input x (N, *shape) and the output y.

    Attributes:
        name: for people.
        body: operations, as onnx.parser reads them.
        shape: of an image.
        arrays: initializers: shapes of seeded numbers, or the numbers themselves.
        opset: the version of the operators.
        layers: class names of the layers that it becomes, in order; None where it does not matter.
    """

    name: str
    body: str
    shape: Shape = (2, 6, 5)
    arrays: Mapping[str, Shape | NDArray[np.generic] | list[int]] = field(default_factory=dict)
    opset: int = 17
    layers: tuple[str, ...] | None = None

    def __str__(self) -> str:
        return self.name

    def images(self) -> NDArray[np.float32]:
        """Seeded images."""
        return np.random.default_rng(1).normal(size=(3, *self.shape)).astype(np.float32)

    def write(self, folder: Path) -> Path:
        """The model as a file."""
        path = folder / "model.onnx"
        onnx.save(model(self.body, self.shape, self.arrays, self.opset), path)
        return path


def model(
    body: str,
    shape: Shape = (2, 6, 5),
    arrays: Mapping[str, Shape | NDArray[np.generic] | list[int]] | None = None,
    opset: int = 17,
) -> onnx.ModelProto:
    """A model from the text of its operations."""
    lengths = ",".join(map(str, ("N", *shape)))
    text = f'<ir_version: 8, opset_import: ["": {opset}]> g (float[{lengths}] x) => (float y) {{ {body} }}'
    made = onnx.parser.parse_model(text)
    generator = np.random.default_rng(0)
    for name, value in (arrays or {}).items():
        if isinstance(value, tuple):
            array: NDArray[np.generic] = generator.uniform(0.1, 1.0, value).astype(np.float32)
        else:
            array = np.asarray(value, np.int64) if isinstance(value, list) else value
        made.graph.initializer.append(numpy_helper.from_array(array, name))
    return made


def runtime(path: Path, *images: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    """What ONNX Runtime computes."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    names = [value.name for value in session.get_inputs()]
    outputs: list[NDArray[np.float32]] = session.run(None, dict(zip(names, images, strict=True)))
    return outputs
