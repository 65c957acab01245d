"""What turns one layer into steps on channel blocks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pellucid.engines.native.builder import PlanBuilder
from pellucid.engines.native.lowering.blocks.value import BlockValue
from pellucid.engines.native.lowering.context import Cache, NodeContext

BlockForward = Callable[[PlanBuilder, NodeContext, Sequence[BlockValue]], tuple[BlockValue, Cache]]
BlockBackward = Callable[
    [PlanBuilder, NodeContext, Cache, BlockValue, Sequence[bool]], list[BlockValue | None]
]


@dataclass(frozen=True)
class BlockLowering:
    """The steps of a layer; as Lowering, but of values in channel blocks.

    Attributes:
        follows_masks: whether backward can take a gradient with a mask; others are given it written down.
    """

    forward: BlockForward
    backward: BlockBackward
    follows_masks: bool = False
