"""Convolutions by minimal filtering along rows, with the batch in the lanes.

The kernels' side is native/kernels/convolution/filtering.h.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeGuard

from pellucid.engines.native.builder import GRADIENT_TURN, PlanBuilder
from pellucid.engines.native.lowering.connections import input_connections, output_connections
from pellucid.engines.native.lowering.context import NodeContext
from pellucid.engines.native.lowering.derived import derived_buffer
from pellucid.engines.native.lowering.geometry import Geometry
from pellucid.engines.native.plan import Buffer, Scope, Step
from pellucid.layers import Conv2d, Convolution, Layer, Shape

POINTS = 6
"""That a patch of as many inputs has."""

OUTPUTS = {3: 4, 5: 2}
"""Of a patch, by the taps of a kernel row."""

STRIP_BYTES = 256 * 1024
"""Of the points that go through at a time, unless one column of patches has more: half of a second cache."""

KERNEL_BYTES = 256 * 1024
"""Of kernels at the points, at most: every strip reads them all."""

POINT_MULTIPLY_ADDS = 44
"""What transforming a patch costs, into points or back, in vectors of multiply-adds."""


def serves(layer: Layer, inputs: Sequence[Shape]) -> TypeGuard[Conv2d]:
    """Whether the layer is one that minimal filtering along rows computes."""
    if not isinstance(layer, Conv2d) or layer.groups != 1 or layer.connections is not None:
        return False
    square = layer.kernel[0] == layer.kernel[1] and layer.kernel[0] in OUTPUTS
    return square and all(axis.stride == axis.dilation == 1 for axis in layer.window(inputs))


def multiply_adds(layer: Convolution, inputs: Sequence[Shape]) -> int:
    """Of a convolution as it takes least: by minimal filtering, if that serves it, or the definition."""
    direct = layer.cost(inputs)
    if not serves(layer, inputs) or _kernel_bytes(layer, inputs) > KERNEL_BYTES:
        return direct
    return min(direct, _filtered_multiply_adds(layer, inputs))


def _kernel_bytes(layer: Conv2d, inputs: Sequence[Shape]) -> int:
    return 4 * POINTS * inputs[0][0] * layer.out_channels * layer.kernel[0]


def _filtered_multiply_adds(layer: Conv2d, inputs: Sequence[Shape]) -> int:
    """With the transforms counted as the multiply-adds that take as long."""
    rows, columns = layer.window(inputs)
    in_channels = inputs[0][0]
    patches = -(-columns.output // OUTPUTS[columns.kernel])
    padded_rows = rows.input + rows.pad_start + rows.pad_end
    products = POINTS * patches * rows.output * rows.kernel * in_channels * layer.out_channels
    transformed = patches * (in_channels * padded_rows + layer.out_channels * rows.output)
    return products + POINT_MULTIPLY_ADDS * transformed


@dataclass(frozen=True)
class Filtering:
    """One convolution's steps on its padded input; as Definition."""

    builder: PlanBuilder
    context: NodeContext
    sizes: Geometry
    padded: Buffer

    @property
    def _taps(self) -> int:
        return self.sizes.columns.kernel

    @property
    def _patches(self) -> int:
        return -(-self.sizes.columns.output // OUTPUTS[self._taps])

    @property
    def _strip(self) -> int:
        """Columns of patches at a time, in strips as equal as can be."""
        nbytes = sum(self._points(1)) * self.builder.lanes * 4
        most = max(1, min(self._patches, STRIP_BYTES // nbytes))
        return -(-self._patches // -(-self._patches // most))

    def _points(self, strip: int) -> tuple[int, int]:
        """Cells of a strip's points: of the input, and of the output."""
        sizes = self.sizes
        return (
            POINTS * sizes.in_channels * strip * sizes.padded[0],
            POINTS * sizes.out_channels * strip * sizes.rows.output,
        )

    def _attributes(self, *, rectify: bool = False, pooled: bool = False) -> dict[str, int]:
        sizes = self.sizes
        return {
            "in_channels": sizes.in_channels,
            "out_channels": sizes.out_channels,
            "in_height": sizes.padded[0],
            "in_width": sizes.padded[1],
            "out_height": sizes.rows.output,
            "out_width": sizes.columns.output,
            "taps": self._taps,
            "rectify": int(rectify),
            "pooled": int(pooled),
            "strip": self._strip,
        }

    @property
    def _at_points(self) -> Conv2d:
        """The convolution that the points are put through: a group for each."""
        return Conv2d(POINTS * self.sizes.out_channels, (1, self._taps), groups=POINTS)

    @property
    def _kernel_values(self) -> int:
        return POINTS * self.sizes.out_channels * self.sizes.in_channels * self._taps

    @property
    def _pairs(self) -> int:
        """Kernels of the layer."""
        return self.sizes.in_channels * self.sizes.out_channels

    @cached_property
    def _kernels(self) -> Buffer:
        """At the points: made before the first tile, or where parameters seldom change kept."""
        builder, name = self.builder, self.context.name
        kernels = derived_buffer(builder, self.context, "kernels at the points", self._kernel_values)
        operands = (self.context.parameter("weight"), kernels)
        if kernels.scope is Scope.PREPARED:
            builder.prepare(Step("filtering_kernels", name, operands, self._attributes(), self._pairs))
        else:
            builder.first("filtering_kernels", name, operands, self._attributes(), extent=self._pairs)
        return kernels

    def _tables(self, *, backwards: bool) -> tuple[Buffer, Buffer]:
        """Groups and connections of the convolution at the points."""
        connect = input_connections if backwards else output_connections
        connections = connect(self._at_points, POINTS * self.sizes.in_channels)
        name = f"{self.context.name} {'input ' if backwards else ''}"
        return (
            self.builder.constant(f"{name}groups at the points", connections.groups),
            self.builder.constant(f"{name}connections at the points", connections.pairs),
        )

    def _rooms(self) -> tuple[Buffer, Buffer]:
        """For a strip's points: of the input, and of the output."""
        of_input, of_output = self._points(self._strip)
        return (
            self.builder.lanes_buffer(f"{self.context.name} points of the input", of_input),
            self.builder.lanes_buffer(f"{self.context.name} points of the output", of_output),
        )

    def output(
        self, output: Buffer, winners: Buffer | None = None, *, rectify: bool = False, pooled: bool = False
    ) -> None:
        """The sums plus bias, perhaps rectified, perhaps pooled by two."""
        bias = self.context.parameter("bias")
        tables = self._tables(backwards=False)
        operands = (self.padded, self._kernels, bias, *tables, *self._rooms(), output, winners)
        attributes = self._attributes(rectify=rectify, pooled=pooled)
        self.builder.tile("filtered_output", self.context.name, operands, attributes)

    def gradients(self, gradient: Buffer, target: Buffer | None, *, wanted: bool) -> Buffer | None:
        """That of the kernels, where there is a place for it; and that of the padded input, if wanted."""
        builder, name, sizes = self.builder, self.context.name, self.sizes
        sums = result = None
        backwards: tuple[Buffer | None, ...] = (None, None)
        if target is not None:
            sums = builder.sums(f"{name}.weight sums at the points", self._kernel_values)
        if wanted:
            result = builder.lanes_buffer(f"d input of {name}", sizes.in_channels * math.prod(sizes.padded))
            backwards = self._tables(backwards=True)
        tables = *self._tables(backwards=False), *backwards
        operands = (self.padded, gradient, self._kernels, *tables, *self._rooms(), sums, result)
        builder.tile("filtered_gradients", name, operands, self._attributes())
        if target is not None:
            reduced = (sums, target)
            attributes = self._attributes()
            operation = "filtering_kernel_gradient"
            builder.later(GRADIENT_TURN, operation, name, reduced, attributes, extent=self._pairs)
        return result
