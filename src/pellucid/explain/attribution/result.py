"""What every attribution method returns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from pellucid.engines.engine import Array
from pellucid.explain.target import Target, TargetLike
from pellucid.model import Float32, Model

OverChannels = Literal["sum", "largest"]


@dataclass(frozen=True, eq=False)
class Attribution:
    """How much every place of the images has to do with a target, as one method sees it.

    Attributes:
        method: its name.
        values: (N, *input shape), or (N, 1, *axes) where channels are not told apart.
        target: the cells that are explained, one an image.
        layer: the node whose maps were read; None for the input itself.
        reason: why that layer.
        baseline: what stands for "nothing there", shaped like one image; None where there is no such thing.
        settings: the method's numbers by name.
        notes: sentences that whoever looks at the map should know.
        over_channels: how channels make one map: their sum, or the largest.
        coarse: (N, *axes of the layer) before it was enlarged, negative values included; None for others.
        gap: (N,) integrated gradients' completeness gap, a share of the change in score; None for others.
    """

    method: str
    values: Float32 = field(repr=False)
    target: Target
    layer: str | None = None
    reason: str = ""
    baseline: Float32 | None = field(default=None, repr=False)
    settings: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    over_channels: OverChannels = "sum"
    coarse: Float32 | None = field(default=None, repr=False)
    gap: Array | None = None

    @property
    def maps(self) -> Float32:
        """(N, *axes) one number a place of each image: the channels' sum or the largest of them."""
        if self.values.ndim < 3:
            return self.values
        over = np.max if self.over_channels == "largest" else np.sum
        maps: Float32 = over(self.values, axis=1)
        return maps

    def sentences(self, class_names: Sequence[str] = ()) -> tuple[str, ...]:
        """Method, target, layer, baseline, settings and notes, a sentence each."""
        lines = [f"Method: {self.method}.", f"Target: {self._target(class_names)}."]
        if self.layer is not None:
            lines.append(f"Layer: {self.layer}. {self.reason}")
        if self.baseline is not None:
            low, high = float(self.baseline.min()), float(self.baseline.max())
            lines.append(f"Baseline: {low:g}{' throughout' if low == high else f' to {high:g}'}.")
        if self.settings:
            settings = ", ".join(f"{name} {value}" for name, value in self.settings.items())
            lines.append(f"Settings: {settings}.")
        return (*lines, *self.notes)

    def _target(self, class_names: Sequence[str]) -> str:
        cells = np.unique(self.target.cells, axis=0)
        if cells.shape[1] > 1 and len(cells) == 1:
            return f"cell {tuple(cells[0].tolist())} of {self.target.node}"
        if cells.shape[1] > 1:
            return f"{len(cells)} cells of {self.target.node}, {tuple(cells[0].tolist())} the first"
        classes = [int(number) for number in cells[:, 0]]
        named = [_with_name(number, class_names) for number in classes]
        return f"{', '.join(named)} at {self.target.node}"


def _with_name(number: int, class_names: Sequence[str]) -> str:
    name = class_names[number] if number < len(class_names) else str(number)
    return str(number) if name == str(number) else f"{number} ({name})"


Method = Callable[[Model, ArrayLike, TargetLike], Attribution]
"""Any attribution method with its own settings left as they are, or bound beforehand."""
