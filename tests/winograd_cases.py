"""Plans of one layer run apart from any network, and 3x3 convolutions of stride 1 by the definition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from pellucid.engines.native import _native
from pellucid.engines.native.builder import PlanBuilder
from pellucid.engines.native.lowering.blocks.epilogue import Epilogue
from pellucid.engines.native.lowering.blocks.value import BlockValue, ImageSource, plain, scatter_blocks
from pellucid.engines.native.lowering.context import NodeContext
from pellucid.engines.native.parameters import ParameterStore
from pellucid.engines.native.plan import Buffer, Layout
from pellucid.graph import Graph, GraphBuilder
from pellucid.layers import Conv2d

Array = NDArray[Any]
Padding = tuple[tuple[int, int], tuple[int, int]]
SOURCE = ImageSource(None, "float32")


@dataclass(frozen=True)
class ConvolutionCase:
    """A 3x3 convolution of stride 1.

    Attributes:
        padding: before and after the rows, before and after the columns.
    """

    in_channels: int
    out_channels: int
    height: int
    width: int
    padding: Padding = ((1, 1), (1, 1))

    def __str__(self) -> str:
        pads = "".join(str(pad) for axis in self.padding for pad in axis)
        return f"{self.in_channels}-{self.out_channels}-{self.height}x{self.width}-pad{pads}"

    @property
    def graph(self) -> Graph:
        builder = GraphBuilder()
        images = builder.input((self.in_channels, self.height, self.width), "images")
        builder.add(Conv2d(self.out_channels, 3, padding=self.padding), images, name="layer")
        return builder.graph()

    def weights(self, generator: np.random.Generator) -> dict[str, Array]:
        scale = 1 / np.sqrt(9 * self.in_channels)
        shape = (self.out_channels, self.in_channels, 3, 3)
        return {
            "layer.weight": (generator.normal(size=shape) * scale).astype(np.float32),
            "layer.bias": generator.normal(size=self.out_channels).astype(np.float32),
        }

    def images(self, generator: np.random.Generator, count: int) -> Array:
        shape = (count, self.in_channels, self.height, self.width)
        return generator.normal(size=shape).astype(np.float32)

    def padded(self, images: Array) -> torch.Tensor:
        """In double precision."""
        (top, bottom), (left, right) = self.padding
        return functional.pad(torch.from_numpy(images).double(), (left, right, top, bottom))

    def output(self, images: Array, weights: Mapping[str, Array]) -> Array:
        """The definition."""
        weight, bias = (torch.from_numpy(weights[f"layer.{name}"]).double() for name in ("weight", "bias"))
        result: Array = functional.conv2d(self.padded(images), weight, bias).numpy()
        return result

    def deltas(self, generator: np.random.Generator, count: int) -> Array:
        """A gradient of the output."""
        (top, bottom), (left, right) = self.padding
        size = self.height + top + bottom - 2, self.width + left + right - 2
        return generator.normal(size=(count, self.out_channels, *size)).astype(np.float32)

    def input_gradient(self, delta: Array, weights: Mapping[str, Array]) -> Array:
        """The definition."""
        (top, bottom), (left, right) = self.padding
        weight = torch.from_numpy(weights["layer.weight"]).double()
        padded = functional.conv_transpose2d(torch.from_numpy(delta).double(), weight)
        result: Array = functional.pad(padded, (-left, -right, -top, -bottom)).numpy()
        return result

    def weight_gradient(self, images: Array, delta: Array) -> Array:
        """The definition: images and channels change places."""
        gradient = torch.from_numpy(delta).double().transpose(0, 1)
        result = functional.conv2d(self.padded(images).transpose(0, 1), gradient).transpose(0, 1)
        return np.ascontiguousarray(result.numpy())


class OneLayer(Protocol):
    """Anything with a graph of an Input, "images", and one "layer"."""

    @property
    def graph(self) -> Graph: ...


@dataclass
class Bench:
    """A plan under construction around one layer, and what it needs to run.

    Attributes:
        shards: that work is shared out among.
        differentiated: whether the plan is one with backward steps.
        result: the array that a run returns.
    """

    case: OneLayer
    instruction_set: str
    capacity: int
    shards: int
    differentiated: bool = False
    arrays: dict[str, Array] = field(default_factory=dict)
    result: str = "result"

    def __post_init__(self) -> None:
        graph = self.case.graph
        self.store = ParameterStore(graph, None)
        self.lanes = _native.lanes(self.instruction_set)
        self.builder = PlanBuilder(self.lanes, 0, self.capacity, self.shards)
        shapes = {name: spec.shape for name, spec in graph.parameters.items() if self.differentiated}
        gradients = {name: self.floats(name, np.full(shape, np.nan)) for name, shape in shapes.items()}
        self.context = NodeContext(graph, graph.nodes[1], self.store, False, self.differentiated, gradients)

    def floats(self, name: str, array: Array) -> Buffer:
        """An array of the caller's that steps may write to."""
        self.arrays[name] = array.astype(np.float32)
        return self.builder.external(name, nbytes=self.arrays[name].nbytes)

    def bring(self, name: str, array: Array) -> BlockValue:
        """Images as a value in channel blocks."""
        self.arrays[name] = np.ascontiguousarray(array)
        value = BlockValue(name, array.shape[1:], self.builder.external(name), images=SOURCE)
        return plain(self.builder, value)

    def channels(self, name: str, rows: Sequence[Array]) -> Buffer:
        """(rows, padded channels) floats."""
        padded = self.builder.blocks(len(rows[0])) * self.lanes
        place = aligned_floats((len(rows), padded))
        place[:, : len(rows[0])] = rows
        self.arrays[name] = place
        return self.builder.external(name)

    def sums(self, channels: int) -> Buffer:
        """Room for the sums of an epilogue."""
        count = 2 * self.builder.blocks(channels) * self.lanes
        if self.shards == 1:
            return self.floats("sums", np.zeros(2 * count))
        return self.builder.shard_sums("sums", 8 * count, Layout.FLAT, "float64")

    def export(self, value: BlockValue) -> None:
        """Bring a value back as the array "result"."""
        self.arrays["result"] = np.full((self.capacity, *value.shape), np.nan, np.float32)
        scatter_blocks(self.builder, value, self.builder.external("result"))

    def export_floats(self, buffer: Buffer) -> None:
        """What lies in one of the caller's arrays afterwards is the result."""
        self.result = buffer.name

    def run(self, weights: Mapping[str, Array], images: int) -> Array:
        """The exported array; scratch memory starts as 0xA5."""
        self.store.write_parameters(weights)
        plan = self.builder.plan(changes_state=False)
        description = plan.description(self.lanes, self.shards, self.capacity)
        executor = _native.Executor(self.instruction_set, description, True)
        externals = [self.arrays[name] for name in plan.externals]
        executor.run(self.store.native, [*externals, *plan.constants], images, images, [], 0, 0)
        return self.arrays[self.result]

    @property
    def epilogue(self) -> Epilogue:
        """With the layer's bias."""
        return Epilogue(bias=self.context.parameter("bias"))


def aligned_floats(shape: tuple[int, ...]) -> Array:
    """Zeros that begin on a cache line."""
    count = int(np.prod(shape))
    memory = np.zeros(count + 16, np.float32)
    start = -memory.ctypes.data % 64 // 4
    return memory[start : start + count].reshape(shape)


def relative_error(ours: Array, exact: Array) -> float:
    """Relative L2."""
    return float(np.linalg.norm(ours - exact) / np.linalg.norm(exact))
