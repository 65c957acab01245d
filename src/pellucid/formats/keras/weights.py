"""Weights that files keep by name, "conv1/kernel:0", in any order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from pellucid.errors import FormatError
from pellucid.formats.keras.reader import Float32
from pellucid.formats.keras.topology import Call


class NamedWeights:
    """The arrays of every layer, found by the layer's name and their own.

    Args:
        arrays: by full name; the last part is the weight's, what stands before it the layer's, perhaps with
            the names of the models that it is in.
    """

    def __init__(self, arrays: Mapping[str, Float32]) -> None:
        self._layers: dict[str, dict[str, Float32]] = {}
        for name, array in arrays.items():
            layer, _, own = name.removesuffix(":0").rpartition("/")
            self._layers.setdefault(layer, {})[own] = array

    def __call__(self, call: Call, names: Sequence[str]) -> Sequence[Float32]:
        """The named arrays of a layer."""
        arrays = self._of(call)
        return [self._named(call, arrays, name) for name in names]

    def _of(self, call: Call) -> Mapping[str, Float32]:
        for name in (call.path, call.layer):
            if name in self._layers:
                return self._layers[name]
        similar = [name for name in self._layers if name.endswith(f"/{call.layer}")]
        if len(similar) != 1:
            raise FormatError(f"{call.path}: expects the weights of one layer, found {len(similar)}")
        return self._layers[similar[0]]

    @staticmethod
    def _named(call: Call, arrays: Mapping[str, Float32], name: str) -> Float32:
        for either in name.split("|"):
            if either in arrays:
                return arrays[either]
        raise FormatError(f"{call.path}: the weight {name} is missing; there are {', '.join(sorted(arrays))}")


def as_float32(name: str, array: np.ndarray) -> Float32:
    """Numbers of any real type as float32."""
    if array.dtype.kind not in "fiu":
        raise FormatError(f"{name}: weights are numbers, received {array.dtype}")
    return array.astype(np.float32, copy=False)
