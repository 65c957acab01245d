"""What if: a channel, a weight, a cell or a patch silenced or replaced, and what becomes of the rest.

Only what lies downstream of a change is computed again; the model stays as it is.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from pellucid.engines.engine import Array, CompileOptions, Program, Purpose, Trace
from pellucid.errors import DataError, UnknownNameError
from pellucid.explain.evidence import Evidence, check_within, evidence, whole_numbers
from pellucid.explain.rerun import descendants, downstream
from pellucid.explain.sums import Cell
from pellucid.graph import Graph
from pellucid.layers import ChannelShuffle, Flatten, Reshape, Transpose
from pellucid.layers.dropout import DropoutLayer
from pellucid.model import Model

SHOWN_CHANGES = 10

COPIES = (Flatten, Reshape, Transpose, ChannelShuffle, DropoutLayer)
"""Layers whose output is their input again: what changes there has been listed."""


@dataclass(frozen=True)
class ActivationChange(ABC):
    """A change of what a node puts out, for all images of the batch; of an input, of the images.

    Args:
        node: whose output.
    """

    node: str

    @abstractmethod
    def apply(self, activation: Array) -> None:
        """Change an activation (N, *shape) in place.

        Raises:
            DataError: it has no such channel or cells, or the values do not fit.
        """


@dataclass(frozen=True)
class ReplaceChannel(ActivationChange):
    """A channel (or feature) becomes other values: one number, or a map.

    Args:
        channel: its number.
        values: what it becomes.
    """

    channel: int
    values: ArrayLike = 0.0

    def apply(self, activation: Array) -> None:
        """Change the channel."""
        cell = whole_numbers(self.node, (self.channel,))
        check_within(self.node, cell, activation.shape[1:2])
        _assign(self.node, activation, (slice(None), self.channel), self.values)


@dataclass(frozen=True)
class SilenceChannel(ReplaceChannel):
    """A channel becomes 0."""

    values: ArrayLike = field(default=0.0, init=False)


@dataclass(frozen=True)
class ReplaceCell(ActivationChange):
    """One cell of every channel's map, or one cell alone: of an input, a pixel.

    Args:
        at: (channel, row, column), or (row, column) for a pixel in all its channels.
        values: what it becomes: one number, or one a channel.
    """

    at: tuple[int, ...]
    values: ArrayLike = 0.0

    def apply(self, activation: Array) -> None:
        """Change the cell."""
        cell, shape = whole_numbers(self.node, self.at), activation.shape[1:]
        if len(cell) == len(shape):
            check_within(self.node, cell, shape)
            _assign(self.node, activation, (slice(None), *cell), self.values)
        elif len(cell) == len(shape) - 1:
            check_within(self.node, cell, shape[1:])
            _assign(self.node, activation, (slice(None), slice(None), *cell), self.values)
        else:
            raise DataError(f"{self.node}: a cell of {shape} has as many numbers, received {self.at}")


@dataclass(frozen=True)
class ReplacePatch(ActivationChange):
    """A box of cells in all channels.

    Args:
        corner: (row, column) of its first cell.
        size: (rows, columns).
        values: what it becomes: one number, or anything that fits (channels, rows, columns).
    """

    corner: tuple[int, ...]
    size: tuple[int, ...]
    values: ArrayLike = 0.0

    def apply(self, activation: Array) -> None:
        """Change the box."""
        shape = activation.shape[2:]
        corner, size = whole_numbers(self.node, self.corner), whole_numbers(self.node, self.size)
        if not len(corner) == len(size) == len(shape) or min(size, default=1) < 1:
            raise DataError(
                f"{self.node}: a patch of {shape} has a corner and a size of as many numbers, "
                f"received {self.corner} and {self.size}"
            )
        check_within(self.node, corner, shape)
        check_within(self.node, tuple(c + s - 1 for c, s in zip(corner, size, strict=True)), shape)
        box = (slice(c, c + s) for c, s in zip(corner, size, strict=True))
        _assign(self.node, activation, (slice(None), slice(None), *box), self.values)


@dataclass(frozen=True)
class ReplaceWeight:
    """One number of a parameter, or all that begin with an index: (3,) is the whole kernel of map 3.

    Args:
        parameter: full name, "conv1.weight" or "conv1.bias".
        at: index; () for the whole array.
        values: what it becomes.
    """

    parameter: str
    at: tuple[int, ...]
    values: ArrayLike

    def changed(self, array: Array) -> Array:
        """The parameter, changed.

        Raises:
            DataError: it has no such number, or the values do not fit.
        """
        at = whole_numbers(self.parameter, self.at) if len(self.at) else ()
        if len(at) > array.ndim:
            raise DataError(f"{self.parameter}: has {array.ndim} axes, received the index {self.at}")
        check_within(self.parameter, at, array.shape[: len(at)])
        result = array.copy()
        _assign(self.parameter, result, at, self.values)
        return result


@dataclass(frozen=True)
class SilenceWeight(ReplaceWeight):
    """A weight, a kernel or a bias becomes 0."""

    values: ArrayLike = field(default=0.0, init=False)


Intervention = ActivationChange | ReplaceWeight


def _assign(name: str, array: Array, place: Cell | tuple[slice | int, ...], values: ArrayLike) -> None:
    target = array[place]
    given = np.asarray(values, np.float32)
    per_channel = given.ndim == 1 and target.ndim > 1 and len(given) == target.shape[1]
    shaped = given.reshape(-1, *(1,) * (target.ndim - 2)) if per_channel else given
    try:
        array[place] = np.broadcast_to(shaped, target.shape)
    except ValueError:
        raise DataError(f"{name}: expects values of shape {target.shape}, received {given.shape}") from None


@dataclass(frozen=True)
class ChannelChange:
    """How much one channel changed.

    Attributes:
        node: whose it is.
        channel: its number.
        amount: mean absolute difference of its cells, over the batch.
        relative: the same, as a share of the node's mean absolute activation before.
    """

    node: str
    channel: int
    amount: float
    relative: float


@dataclass(frozen=True)
class WhatIf:
    """What became of a batch.

    Attributes:
        outputs: by output node, (N, *shape), after the changes.
        differences: the same minus what they were before.
        most_changed: channels downstream, the most changed first, relative to their node's activations; those
            of layers that only rearrange cells are left out.
        activations: by node, those that were computed again, and the changed ones.
    """

    outputs: Mapping[str, Array]
    differences: Mapping[str, Array]
    most_changed: tuple[ChannelChange, ...]
    activations: Mapping[str, Array] = field(repr=False)

    @property
    def output(self) -> Array:
        """Of the first output."""
        return next(iter(self.outputs.values()))

    @property
    def difference(self) -> Array:
        """Of the first output."""
        return next(iter(self.differences.values()))

    def __str__(self) -> str:
        lines = []
        for name, after in self.outputs.items():
            moved = np.abs(self.differences[name])
            cell = [int(i) for i in np.unravel_index(int(moved.argmax()), moved.shape)]
            place = tuple(cell)
            before = float(after[place] - self.differences[name][place])
            lines.append(f"{name}: most at {cell}, from {before:.6g} to {float(after[place]):.6g}")
        lines += [
            f"  {change.node}[{change.channel}] by {change.amount:.4g} on average ({change.relative:.1%})"
            for change in self.most_changed
        ]
        return "\n".join(lines)


def what_if(
    model: Model,
    images: ArrayLike | Trace | Evidence,
    *changes: Intervention,
    top: int = SHOWN_CHANGES,
) -> WhatIf:
    """Change activations or weights and see what follows.

    Args:
        model: the network, which stays as it is.
        images: one image, a batch, a trace of all nodes, or an Evidence, for which nothing is compiled twice.
        changes: SilenceChannel, ReplaceChannel, ReplaceCell, ReplacePatch, SilenceWeight, ReplaceWeight;
            those of one node in the order given.
        top: channels to list.

    Raises:
        UnknownNameError: no such node or parameter.
        DataError: no such channel, cell or index, or values that do not fit.

    Example:
        >>> import numpy as np, pellucid
        >>> from pellucid.explain import SilenceChannel, what_if
        >>> net = pellucid.Sequential(pellucid.Linear(2), pellucid.Linear(1), input_shape=(2,))
        >>> net.set_parameters({"fc1.weight": [[1, 2], [3, 4]], "fc2.weight": [[1, 1]]})
        >>> what_if(net, [1, 1], SilenceChannel("fc1", 1)).difference.tolist()
        [[-7.0]]
    """
    read = evidence(model, images)
    weights = _changed_parameters(read, [c for c in changes if isinstance(c, ReplaceWeight)])
    moved = {name.rpartition(".")[0] for name in weights}
    by_node: dict[str, list[ActivationChange]] = {}
    for change in changes:
        if isinstance(change, ActivationChange):
            by_node.setdefault(read.graph.node(change.node).name, []).append(change)
    given: dict[str, Array] = {}
    for node in read.graph.nodes:
        if node.name in by_node:
            # A change may lie downstream of others: then it changes what those have made of the node.
            now = _recomputed(read, given, moved, weights, (node.name,)).get(node.name)
            activation = np.array(read.activation(node.name) if now is None else now)
            for change in by_node[node.name]:
                change.apply(activation)
            given[node.name] = activation
    affected = descendants(read.graph, moved.union(given)) - set(given)
    wanted = [node.name for node in read.graph.nodes if node.name in affected]
    activations = {**given, **_recomputed(read, given, moved, weights, wanted)}
    return _compared(read, activations, top)


def _changed_parameters(read: Evidence, changes: Iterable[ReplaceWeight]) -> dict[str, Array]:
    result: dict[str, Array] = {}
    for change in changes:
        if change.parameter not in read.parameters:
            raise UnknownNameError("parameter", change.parameter, read.parameters)
        result[change.parameter] = change.changed(
            result.get(change.parameter, read.parameters[change.parameter])
        )
    return result


def _recomputed(
    read: Evidence,
    given: Mapping[str, Array],
    moved: Iterable[str],
    weights: Mapping[str, Array],
    wanted: Sequence[str],
) -> dict[str, Array]:
    """The wanted activations as far as they follow from what is given and from changed parameters."""
    part = downstream(read.graph, given, wanted, moved)
    if part is None:
        return {}
    program = _program(read, part, weights)
    inputs = [given[name] if name in given else read.activation(name) for name in part.inputs]
    at_once = program.options.capacity
    pieces = []
    for start in range(0, read.count, at_once):
        trace = program.trace(*(array[start : start + at_once] for array in inputs))
        pieces.append({name: trace[name] for name in part.outputs})
    return {name: np.concatenate([piece[name] for piece in pieces]) for name in part.outputs}


def _program(read: Evidence, part: Graph, weights: Mapping[str, Array]) -> Program:
    """Programs with the network's own parameters are kept; one with others is nobody else's."""
    options = CompileOptions(1 << max(0, read.count - 1).bit_length(), Purpose.TRACE, part.outputs)
    own = {name: array for name, array in weights.items() if name in part.parameters}
    if not own:
        return read.program(part, options)
    program = read.engine.compile(part, options)
    program.write_parameters({**{name: read.parameters[name] for name in part.parameters}, **own})
    return program


def _compared(read: Evidence, activations: Mapping[str, Array], top: int) -> WhatIf:
    outputs, differences, changed = {}, {}, []
    for name in read.graph.outputs:
        before = read.activation(name)
        outputs[name] = activations.get(name, before)
        differences[name] = outputs[name] - before
    for name, after in activations.items():
        if isinstance(read.graph.node(name).layer, COPIES):
            continue
        before = read.activation(name)
        usual = float(np.abs(before).mean(dtype=np.float64))
        amounts = np.abs(after - before, dtype=np.float64)
        amounts = amounts.mean(axis=tuple(axis for axis in range(after.ndim) if axis != 1))
        for channel in np.argsort(-amounts, kind="stable")[:top]:
            amount = float(amounts[channel])
            if amount > 0:
                relative = amount / usual if usual > 0 else float("inf")
                changed.append(ChannelChange(name, int(channel), amount, relative))
    changed.sort(key=lambda change: -change.relative)
    return WhatIf(outputs, differences, tuple(changed[:top]), dict(activations))
