"""The smallest layer that computes one cell, or that one number of a parameter has a say in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from pellucid.engines.engine import Array
from pellucid.engines.reference.windows import pad
from pellucid.explain.sums import Cell
from pellucid.layers import Conv1d, Conv2d, Layer, Linear
from pellucid.layers.convolution import Convolution
from pellucid.layers.locally_connected import LocallyConnected
from pellucid.layers.transposed_convolution import TransposedConvolution


@dataclass(frozen=True)
class Part:
    """A layer that computes part of another one's output.

    Attributes:
        layer: it.
        inputs: what it receives, (N, *shape) each.
        parameters: its own, by short names.
        at: the cell or number in question, in this part.
        outputs: where its output lies in the whole one.
    """

    layer: Layer
    inputs: Sequence[Array]
    parameters: Mapping[str, Array]
    at: Cell
    outputs: tuple[slice, ...] = ()


def part_of_cell(layer: Layer, inputs: Sequence[Array], parameters: Mapping[str, Array], cell: Cell) -> Part:
    """The window that an output cell sees, for a convolution; one map for others with kernels; else all."""
    position = (0,) * (len(cell) - 1)
    if isinstance(layer, Linear):
        row = slice(cell[0], cell[0] + 1)
        return Part(replace(layer, out_features=1), inputs, _rows(parameters, row), (0,))
    if isinstance(layer, Convolution):
        channels = list(layer.table(inputs[0].shape[1])[cell[0]])
        windows = layer.window([inputs[0].shape[1:]])
        padded = pad(inputs[0][:, channels], windows, layer.padding_mode)
        first = sum(len(row) for row in layer.table(inputs[0].shape[1])[: cell[0]])
        kernels = parameters["weight"].reshape(-1, *layer.kernel)[first : first + len(channels)]
        alone = replace(
            layer, out_channels=1, stride=1, padding=0, padding_mode="zeros", groups=1, connections=None
        )
    elif isinstance(layer, LocallyConnected):
        windows = layer.window([inputs[0].shape[1:]])
        padded = pad(inputs[0], windows)
        kernels = parameters["weight"][cell]
        family = Conv1d if layer.rank == 1 else Conv2d
        alone = family(1, layer.kernel, bias=layer.bias)
    elif isinstance(layer, TransposedConvolution):
        return _one_map(layer, inputs, parameters, cell)
    else:
        return Part(layer, inputs, parameters, cell)
    seen = (
        slice(o * axis.stride, o * axis.stride + axis.extent)
        for o, axis in zip(cell[1:], windows, strict=True)
    )
    own = {"weight": kernels[None]}
    if layer.bias:
        bias = parameters["bias"]
        own["bias"] = np.reshape(bias[cell] if bias.ndim > 1 else bias[cell[0]], 1)
    return Part(alone, [padded[(slice(None), slice(None), *seen)]], own, (0, *position))


def _rows(parameters: Mapping[str, Array], row: slice) -> dict[str, Array]:
    return {name: array[row] for name, array in parameters.items()}


def _one_map(
    layer: TransposedConvolution, inputs: Sequence[Array], parameters: Mapping[str, Array], cell: Cell
) -> Part:
    per_group = layer.out_channels // layer.groups
    group, own_map = divmod(cell[0], per_group)
    width = inputs[0].shape[1] // layer.groups
    channels = slice(group * width, (group + 1) * width)
    own = {"weight": parameters["weight"][channels, own_map : own_map + 1]}
    if layer.bias:
        own["bias"] = parameters["bias"][cell[0] : cell[0] + 1]
    alone = replace(layer, out_channels=1, groups=1)
    return Part(alone, [inputs[0][:, channels]], own, (0, *cell[1:]))


def part_of_weight(
    layer: Layer, inputs: Sequence[Array], parameters: Mapping[str, Array], name: str, at: Cell
) -> Part:
    """One map from one channel, for a weight or a bias of a layer of kernels; else all."""
    if not isinstance(layer, Linear | Convolution | LocallyConnected | TransposedConvolution):
        return Part(layer, inputs, parameters, at)
    if name == "bias":
        return _part_of_bias(layer, inputs, parameters, at)
    x, weight = inputs[0], parameters["weight"]
    if isinstance(layer, Linear):
        output, channel = at
        own = weight[output : output + 1, channel : channel + 1]
        alone: Layer = replace(layer, out_features=1, bias=False)
        place: Cell = (0, 0)
    elif isinstance(layer, Convolution):
        lead = at[: len(at) - layer.rank]
        rows = layer.table(x.shape[1])
        pairs = [(o, channel) for o, row in enumerate(rows) for channel in row]
        kernel = int(np.ravel_multi_index(lead, weight.shape[: len(lead)]))
        output, channel = pairs[kernel]
        own = weight[lead][None, None]
        alone = replace(layer, out_channels=1, groups=1, connections=None, bias=False)
        place = (0, 0, *at[len(lead) :])
    elif isinstance(layer, LocallyConnected):
        output, channel = at[0], at[1 + layer.rank]
        index = (slice(output, output + 1), *(slice(None),) * layer.rank, slice(channel, channel + 1))
        own = weight[index]
        alone = replace(layer, out_channels=1, bias=False)
        place = (0, *at[1 : 1 + layer.rank], 0, *at[2 + layer.rank :])
    else:
        assert isinstance(layer, TransposedConvolution)
        channel = at[0]
        group = channel // (x.shape[1] // layer.groups)
        output = group * (layer.out_channels // layer.groups) + at[1]
        own = weight[channel : channel + 1, at[1] : at[1] + 1]
        alone = replace(layer, out_channels=1, groups=1, bias=False)
        place = (0, 0, *at[2:])
    seen = [x[:, channel : channel + 1]]
    return Part(alone, seen, {"weight": own}, place, (slice(None), slice(output, output + 1)))


def _part_of_bias(
    layer: Linear | Convolution | LocallyConnected | TransposedConvolution,
    inputs: Sequence[Array],
    parameters: Mapping[str, Array],
    at: Cell,
) -> Part:
    """One map from one channel too, whose weights do not matter: a bias adds to all that they make."""
    weight: Cell = (0, 0)
    if isinstance(layer, LocallyConnected):
        weight = (*at, *(0,) * (1 + layer.rank))
    elif isinstance(layer, Convolution):
        kernel = sum(len(row) for row in layer.table(inputs[0].shape[1])[: at[0]])
        lead = np.unravel_index(kernel, parameters["weight"].shape[: -layer.rank])
        weight = (*(int(i) for i in lead), *(0,) * layer.rank)
    elif isinstance(layer, TransposedConvolution):
        per_group = layer.out_channels // layer.groups
        group, own_map = divmod(at[0], per_group)
        weight = (group * (inputs[0].shape[1] // layer.groups), own_map, *(0,) * layer.rank)
    elif isinstance(layer, Linear):
        weight = (at[0], 0)
    part = part_of_weight(layer, inputs, parameters, "weight", weight)
    assert isinstance(part.layer, type(layer))
    alone: Layer = replace(part.layer, bias=True)
    own = {**part.parameters, "bias": parameters["bias"][at[0] : at[0] + 1]}
    return replace(part, layer=alone, parameters=own, at=(0, *at[1:]))
