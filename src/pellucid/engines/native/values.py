"""Nodes' values and gradients in whichever layout a reader wants, converted when first asked for."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from pellucid.engines.native.builder import PlanBuilder
from pellucid.engines.native.lowering.blocks.value import (
    BYTE_SCALE,
    BlockValue,
    ImageSource,
    from_lanes,
    to_lanes,
    total,
)
from pellucid.engines.native.lowering.geometry import Geometry
from pellucid.engines.native.lowering.merge import add_buffers
from pellucid.engines.native.plan import Attributes, Buffer
from pellucid.layers import Shape

Value = Buffer | BlockValue
"""An array with the batch in the lanes, or one in channel blocks."""


class Values:
    """The output of every node walked forward.

    Args:
        builder: of the plan.
        shapes: of one image, by node.
    """

    def __init__(self, builder: PlanBuilder, shapes: Mapping[str, Shape]) -> None:
        self._builder = builder
        self._shapes = shapes
        self._lanes: dict[str, Buffer] = {}
        self._blocks: dict[str, BlockValue] = {}
        self._paddings: dict[str, Geometry] = {}
        self._deferred: dict[str, Callable[[], Value]] = {}

    def bring(
        self, name: str, external: Buffer, source: ImageSource, padding: Geometry | None = None
    ) -> None:
        """An input: whole images in the caller's array.

        Args:
            name: of the node.
            external: that array.
            source: how the images lie there.
            padding: sizes of the only convolution that reads it, where that lays zeros around it: in the
                lanes it is then padded already.
        """
        self._blocks[name] = BlockValue(name, self._shapes[name], external, images=source)
        if padding is not None:
            self._paddings[name] = padding

    def put(self, name: str, value: Value) -> None:
        """A node's output."""
        if isinstance(value, Buffer):
            self._lanes[name] = value
        else:
            self._blocks[name] = value

    def defer(self, name: str, make: Callable[[], Value]) -> None:
        """A node's output that is made when it is first asked for, if it is."""
        self._deferred[name] = make

    def _made(self, name: str) -> None:
        if name in self._deferred:
            self.put(name, self._deferred.pop(name)())

    def lanes(self, name: str) -> Buffer:
        """With the batch in the lanes."""
        self._made(name)
        if name not in self._lanes:
            value = self._blocks[name]
            if value.images is not None and value.coefficients is None:
                self._lanes[name] = self._gather(value, value.images)
            else:
                self._lanes[name] = to_lanes(self._builder, value)
        return self._lanes[name]

    def _gather(self, value: BlockValue, images: ImageSource) -> Buffer:
        kind, scale = ("bytes", BYTE_SCALE) if images.number_type == "uint8" else ("floats", 1.0)
        padding = self._paddings.get(value.name)
        if padding is None:
            operation, name, cells = f"gather_{kind}", value.name, math.prod(value.shape)
            attributes: Attributes = {"cells": cells, "scale": scale}
        else:
            operation, name = f"gather_padded_{kind}", f"{value.name} padded"
            cells = padding.in_channels * math.prod(padding.padded)
            amounts = padding.pad_attributes("zeros")
            attributes = {key: amounts[key] for key in amounts if key != "mode"} | {"scale": scale}
        output = self._builder.lanes_buffer(name, cells)
        self._builder.tile(operation, value.name, (value.x, images.indices, output), attributes)
        return output

    def blocks(self, name: str) -> BlockValue:
        """In channel blocks, described or written down."""
        self._made(name)
        if name not in self._blocks:
            self._blocks[name] = from_lanes(self._builder, name, self._shapes[name], self._lanes[name])
        return self._blocks[name]

    def is_in_lanes(self, name: str) -> bool:
        """Whether the batch lies in the lanes already."""
        self._made(name)
        return name in self._lanes


class Gradients:
    """What reaches each node from behind, summed when it is asked for.

    Args:
        builder: of the plan.
        shapes: of one image, by node.
        seeds: gradients that come from outside, by node.
    """

    def __init__(self, builder: PlanBuilder, shapes: Mapping[str, Shape], seeds: Mapping[str, Value]) -> None:
        self._builder = builder
        self._shapes = shapes
        self._parts: dict[str, list[Value]] = {name: [seed] for name, seed in seeds.items()}

    def __contains__(self, name: str) -> bool:
        return name in self._parts

    def add(self, name: str, part: Value) -> None:
        """A consumer's contribution."""
        self._parts.setdefault(name, []).append(part)

    def forget(self, name: str) -> None:
        """Nobody will ask for this one again."""
        del self._parts[name]

    def lanes(self, name: str) -> Buffer:
        """The sum, with the batch in the lanes."""
        parts = self._parts[name]
        if any(isinstance(part, BlockValue) for part in parts):
            result = to_lanes(self._builder, self.blocks(name))
        else:
            cells = math.prod(self._shapes[name])
            lanes = [part for part in parts if isinstance(part, Buffer)]
            result = add_buffers(self._builder, name, lanes, cells)
        self._parts[name] = [result]
        return result

    def blocks(self, name: str) -> BlockValue:
        """The sum, in channel blocks, described."""
        result, *others = (
            from_lanes(self._builder, name, self._shapes[name], part) if isinstance(part, Buffer) else part
            for part in self._parts[name]
        )
        for other in others:
            result = total(self._builder, name, result, other)
        self._parts[name] = [result]
        return result

    def is_in_lanes(self, name: str) -> bool:
        """Whether all contributions have the batch in the lanes."""
        return all(isinstance(part, Buffer) for part in self._parts[name])
