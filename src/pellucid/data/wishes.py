"""What a user asks of a data set besides its name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pellucid.data.stratified import check_split
from pellucid.errors import DataError

OnBroken = Literal["error", "skip"]

Shape = tuple[int, int, int]
"""(C, H, W)."""


@dataclass(frozen=True)
class Wishes:
    """What a user asks of a data set.

    Attributes:
        seed: of the choice of what is held out, where the data set does not say.
        test_fraction: of every class to hold out there.
        input_shape: that its images get; None for their own.
        on_broken: "error", or "skip" to go on without broken pictures.
    """

    seed: int = 0
    test_fraction: float = 0.2
    input_shape: tuple[int, ...] | None = None
    on_broken: OnBroken = "error"

    def __post_init__(self) -> None:
        if self.on_broken not in ("error", "skip"):
            raise DataError(f'on_broken is "error" or "skip", received {self.on_broken!r}')
        check_split(self.test_fraction, self.seed)

    @property
    def picture_shape(self) -> Shape | None:
        """(C, H, W) to decode pictures to; None for their own."""
        shape = self.input_shape
        if shape is None or len(shape) != 3:
            return None  # vectors are made of whole pictures
        channels, height, width = shape
        if channels not in (1, 3) or min(shape) < 1:
            raise DataError(f"pictures become (1, H, W) or (3, H, W), received {shape}")
        return channels, height, width
