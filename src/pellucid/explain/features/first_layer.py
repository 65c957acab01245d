"""The filters that look at the image itself, as pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from pellucid.errors import DataError
from pellucid.layers import Convolution
from pellucid.model import Float32, Model

Scope = Literal["filter", "layer"]


@dataclass(frozen=True, eq=False)
class Filters:
    """Kernels of a convolution.

    Attributes:
        node: the convolution.
        weights: (filters, input channels, *kernel).
    """

    node: str
    weights: Float32

    @property
    def are_coloured(self) -> bool:
        """Whether three input channels can be seen as red, green and blue."""
        return int(self.weights.shape[1]) == 3

    def pictures(self, scope: Scope = "filter") -> Float32:
        """(filters, *kernel, 3) where there are three input channels, else (filters, channels, *kernel).

        In [0, 1], with a weight of 0 at 0.5, brighter above it, darker below.

        Args:
            scope: what takes up the whole range: each "filter" by itself, or the largest of the "layer".
        """
        if scope not in ("filter", "layer"):
            raise DataError(f"{self.node}: the scope of filters is filter or layer, received {scope!r}")
        axes = tuple(range(0 if scope == "layer" else 1, self.weights.ndim))
        largest = np.abs(self.weights).max(axis=axes, keepdims=True)
        scaled = 0.5 + 0.5 * self.weights / np.where(largest == 0, 1, largest)
        pictures = np.moveaxis(scaled, 1, -1) if self.are_coloured else scaled
        return np.ascontiguousarray(pictures, np.float32)


def first_layer_filters(model: Model) -> Filters:
    """The kernels of the first convolution, AlexNet's 96 of 11 x 11 x 3 for example.

    Raises:
        DataError: the network has no convolution.

    Example:
        >>> import pellucid
        >>> net = pellucid.zoo.create("lenet5", engine="reference")
        >>> pellucid.explain.first_layer_filters(net).pictures().shape
        (6, 1, 5, 5)
    """
    for node in model.graph.nodes:
        if isinstance(node.layer, Convolution):
            return Filters(node.name, model.parameters[f"{node.name}.weight"])
    raise DataError(f"{model.name}: has no convolution whose filters could be shown")
