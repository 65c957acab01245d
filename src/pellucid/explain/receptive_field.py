"""What one cell sees of the image: which pixels it is computed from, and which of them it listens to.

The theoretical field follows from the windows alone. The effective field is how much the cell changes with
each pixel (Luo et al. 2016, Understanding the effective receptive field); it is often far smaller.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pellucid.engines.engine import CompileOptions, Purpose, Wanted
from pellucid.errors import DataError
from pellucid.explain.regions import Region, sources, union
from pellucid.explain.target import choose_target
from pellucid.graph import Graph
from pellucid.model import Model
from pellucid.receptive_field import AxisField, receptive_fields

BATCH = 32
"""Images whose gradients are held at a time."""

VISIBLE = 0.0455
"""Share of the strongest pixel from which one counts as seen: 1 - 95.45 % (Luo et al. 2016, section 4)."""


@dataclass(frozen=True)
class Box:
    """A block of pixels: for every spatial axis the first position and the one after the last."""

    start: tuple[int, ...]
    stop: tuple[int, ...]

    @property
    def size(self) -> tuple[int, ...]:
        """Pixels along each axis."""
        return tuple(stop - start for start, stop in zip(self.start, self.stop, strict=True))

    @property
    def slices(self) -> tuple[slice, ...]:
        """What cuts the block out of an image's spatial axes."""
        return tuple(slice(start, stop) for start, stop in zip(self.start, self.stop, strict=True))


@dataclass(frozen=True)
class TheoreticalField:
    """The pixels that one cell is computed from.

    Attributes:
        node: whose cell it is.
        cell: its position, channel first.
        input: the graph's input that the pixels belong to.
        axes: size, stride and start of the node's fields along each spatial axis; None where every cell may
            see everything.
        unclipped: the block that its windows span, as if the image went on beyond its edges; None where it
            sees nothing.
        clipped: the smallest block of real pixels that holds all it sees, padding as the layers fill it; None
            where it sees none.
    """

    node: str
    cell: tuple[int, ...]
    input: str
    axes: tuple[AxisField, ...] | None
    unclipped: Box | None
    clipped: Box | None


@dataclass(frozen=True, eq=False)
class EffectiveField:
    """How much one cell changes with each pixel.

    Attributes:
        theoretical: the cell, and the block that holds all of the heat.
        heat: (spatial axes of the input) mean over images of |d cell / d pixel|, summed over channels, as
            shares that sum to 1; all 0 where the cell answers to no pixel of any image.
        images: whose mean it is.
    """

    theoretical: TheoreticalField
    heat: NDArray[np.float64]
    images: int

    def central_share(self, fraction: float = 0.5) -> float:
        """Share of the heat within this fraction of the theoretical block's length along each axis."""
        box = self.theoretical.clipped
        if box is None:
            return 0.0
        middle = []
        for start, size in zip(box.start, box.size, strict=True):
            margin = (size - max(1, round(size * fraction))) // 2
            middle.append(slice(start + margin, start + size - margin))
        return float(self.heat[tuple(middle)].sum())

    def area(self, share: float = VISIBLE) -> int:
        """Pixels whose heat is at least this share of the strongest pixel's."""
        return int((self.heat >= share * self.heat.max()).sum()) if self.heat.any() else 0


def theoretical_field(
    network: Model | Graph, node: str, at: Sequence[int] | None = None, *, input: str | None = None
) -> TheoreticalField:
    """The block of pixels that one cell is computed from, exactly.

    Windows are walked back from the cell, so that what padding, strides and the zeros between the cells of a
    transposed convolution hide from this very cell is left out, and a channel of a concatenation sees its
    own branch only.

    Args:
        network: a model or its graph.
        node: any node.
        at: the cell, channel first; the middle of channel 0 when left out.
        input: whose pixels; the graph's first when left out.

    Raises:
        UnknownNameError: no such node or input.
        DataError: no such cell.

    Example:
        >>> import pellucid
        >>> net = pellucid.zoo.create("lenet5", engine="reference")
        >>> seen = pellucid.explain.theoretical_field(net, "pool2", at=(0, 2, 2))
        >>> seen.clipped.start, seen.clipped.size
        ((6, 6), (16, 16))
    """
    graph = network.graph if isinstance(network, Model) else network
    name = graph.node(node).name
    entrance = graph.node(input or graph.inputs[0]).name
    if entrance not in graph.inputs:
        raise DataError(f"{entrance}: pixels belong to an input ({', '.join(graph.inputs)})")
    cell = _cell(name, graph.shapes[name], at)
    unclipped, clipped = (
        _box(_walk(graph, name, cell, beyond=beyond).get(entrance)) for beyond in (True, False)
    )
    return TheoreticalField(name, cell, entrance, receptive_fields(graph)[name], unclipped, clipped)


def effective_field(
    model: Model, node: str, at: Sequence[int] | None = None, *, images: ArrayLike
) -> EffectiveField:
    """How much one cell changes with each pixel, on average over images.

    Args:
        model: with one input.
        node: any node.
        at: the cell, channel first; the middle of channel 0 when left out.
        images: (N, *shape), at least one; they are read a few at a time.
    """
    if len(model.graph.inputs) != 1:
        raise DataError(f"{model.name}: expects one input, received {len(model.graph.inputs)}")
    seen = theoretical_field(model, node, at)
    (entrance,) = model.graph.inputs
    pixels = np.asarray(images, np.float32)
    shape = model.graph.shapes[entrance]
    if pixels.shape[1:] != shape or len(pixels) == 0:
        raise DataError(f"{entrance}: expects one image or more of shape {shape}, received {pixels.shape}")
    total = np.zeros(shape, np.float64)
    capacity = min(BATCH, 1 << (len(pixels) - 1).bit_length())
    program = model.program(CompileOptions(capacity, Purpose.TRACE, (seen.node,)))
    for start in range(0, len(pixels), capacity):
        batch = np.ascontiguousarray(pixels[start : start + capacity])
        seed = choose_target(model, batch, seen.cell, node=seen.node).seed(model.graph)
        wanted = Wanted(nodes=(entrance,), parameters=())
        gradients = program.backward(program.trace(batch), seed, wanted=wanted)
        total += np.abs(gradients.nodes[entrance], dtype=np.float64).sum(axis=0)
    heat = total.sum(axis=0) if len(shape) > 1 else total
    whole = float(heat.sum())
    return EffectiveField(seen, heat / whole if whole > 0 else heat, len(pixels))


def _cell(node: str, shape: tuple[int, ...], at: Sequence[int] | None) -> tuple[int, ...]:
    if at is None:
        return (0, *(length // 2 for length in shape[1:]))
    cell = tuple(int(position) for position in at)
    if len(cell) != len(shape) or not all(0 <= p < n for p, n in zip(cell, shape, strict=True)):
        raise DataError(f"{node}: a cell lies within {shape}, received {cell}")
    return cell


def _walk(graph: Graph, node: str, cell: tuple[int, ...], *, beyond: bool) -> dict[str, Region]:
    """For every node that the cell is computed from, the cells that take part."""
    regions: dict[str, Region] = {node: tuple(np.array([position]) for position in cell)}
    for current in reversed(graph.nodes):
        if current.name not in regions or not current.inputs:
            continue
        found = sources(current.layer, graph.input_shapes(current), regions[current.name], beyond=beyond)
        for source, region in zip(current.inputs, found, strict=True):
            if region is not None:
                regions[source] = union(regions.get(source), region)
    return regions


def _box(region: Region | None) -> Box | None:
    """The smallest block that holds a region's positions; of a vector, its features."""
    if region is None:
        return None
    axes = region[1:] if len(region) > 1 else region
    return Box(tuple(int(axis.min()) for axis in axes), tuple(int(axis.max()) + 1 for axis in axes))
