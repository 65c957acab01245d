"""Convolutions by their definition, with the batch in the lanes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

from pellucid.engines.native.builder import PlanBuilder
from pellucid.engines.native.lowering.connections import input_connections, output_connections
from pellucid.engines.native.lowering.context import NodeContext, reduce_sums
from pellucid.engines.native.lowering.geometry import MODES, Geometry
from pellucid.engines.native.plan import Buffer
from pellucid.layers import Convolution


@dataclass(frozen=True)
class Definition:
    """One convolution's steps on its padded input; as Filtering."""

    builder: PlanBuilder
    context: NodeContext
    sizes: Geometry
    padded: Buffer

    @property
    def _layer(self) -> Convolution:
        layer = self.context.node.layer
        assert isinstance(layer, Convolution)
        return layer

    @cached_property
    def tables(self) -> tuple[Buffer, Buffer]:
        """Groups of output maps and their connections."""
        connections = output_connections(self._layer, self.sizes.in_channels)
        return (
            self.builder.constant(f"{self.context.name} groups", connections.groups),
            self.builder.constant(f"{self.context.name} connections", connections.pairs),
        )

    def attributes(self, *, rectify: bool = False, strip: int = 0) -> dict[str, int]:
        """Of the kernels that go over output maps."""
        return self.sizes.attributes(self.tables[0].nbytes // 20, rectify=rectify, strip=strip)

    def output(
        self, output: Buffer, winners: Buffer | None = None, *, rectify: bool = False, pooled: bool = False
    ) -> None:
        """The sums plus bias, perhaps rectified, perhaps pooled by two."""
        weight, bias = self.context.parameter("weight"), self.context.parameter("bias")
        operands = self.padded, weight, bias, *self.tables, output
        attributes, name = self.attributes(rectify=rectify), self.context.name
        if pooled:
            self.builder.tile("convolution_pooled_output", name, (*operands, winners), attributes)
        else:
            self.builder.tile("convolution_output", name, operands, attributes)

    def gradients(self, gradient: Buffer, target: Buffer | None, *, wanted: bool) -> Buffer | None:
        """That of the kernels, where there is a place for it; and that of the padded input, if wanted."""
        if target is not None:
            builder, name = self.builder, self.context.name
            sums = builder.sums(f"{name}.weight sums", target.nbytes // 4)
            operands = (self.padded, gradient, *self.tables, sums)
            builder.tile("convolution_weight_gradient", name, operands, self.attributes())
            reduce_sums(builder, self.context, sums, target)
        return self._input_gradient(gradient) if wanted else None

    def _input_gradient(self, gradient: Buffer) -> Buffer:
        """By the full correlation."""
        builder, name, sizes = self.builder, self.context.name, self.sizes
        connections = input_connections(self._layer, sizes.in_channels)
        groups = builder.constant(f"{name} input groups", connections.groups)
        pairs = builder.constant(f"{name} input connections", connections.pairs)
        result = builder.lanes_buffer(f"d input of {name}", sizes.in_channels * math.prod(sizes.padded))
        operands = (self._widened(gradient), self.context.parameter("weight"), groups, pairs, result)
        operation = "convolution_row_gradient" if sizes.scatters_rows else "convolution_input_gradient"
        builder.tile(operation, name, operands, sizes.attributes(len(connections.groups)))
        return result

    def _widened(self, gradient: Buffer) -> Buffer:
        """With zeros around each row where the kernel reads beyond it."""
        sizes, name = self.sizes, self.context.name
        before, after = sizes.gradient_pads
        if not before and not after:
            return gradient
        rows = sizes.out_channels * sizes.rows.output
        cells = rows * (before + sizes.columns.output + after)
        widened = self.builder.lanes_buffer(f"d {name} padded", cells)
        attributes = {
            "channels": rows,
            "height": 1,
            "width": sizes.columns.output,
            "top": 0,
            "bottom": 0,
            "left": before,
            "right": after,
            "mode": MODES["zeros"],
        }
        self.builder.tile("pad", name, (gradient, widened), attributes)
        return widened
