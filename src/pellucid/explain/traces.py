"""Everything that one pass through a network and back computes: activations, and gradients of all of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from numpy.typing import ArrayLike

from pellucid.engines.engine import Array, CompileOptions, Gradients, Purpose, Wanted
from pellucid.errors import DataError
from pellucid.explain.passes import as_batch
from pellucid.explain.target import Target, TargetLike, choose_target, score_node
from pellucid.model import Model
from pellucid.objectives import Objective, objective

FLOAT = 4

LARGEST = 4 << 30
"""Bytes that a full trace takes unless more are allowed."""


@dataclass(frozen=True)
class FullTrace:
    """A batch, all the way through and back.

    Attributes:
        activations: a by node name, (N, *shape).
        gradients: dJ/da by node name, shaped like the activation.
        parameters: dJ/dW by full name.
        loss: J, the mean over the batch, where a loss was differentiated.
        target: the cells whose sum is J otherwise.
    """

    activations: Mapping[str, Array]
    gradients: Mapping[str, Array]
    parameters: Mapping[str, Array]
    loss: float | None = None
    target: Target | None = None

    @property
    def nbytes(self) -> int:
        """Memory held, in bytes."""
        held = (*self.activations.values(), *self.gradients.values(), *self.parameters.values())
        return sum(array.nbytes for array in held)


def full_trace_nbytes(
    model: Model, count: int, nodes: Sequence[str] = (), parameters: Sequence[str] | None = None
) -> int:
    """Bytes that a full trace of this many images holds.

    Args:
        model: the network.
        count: images.
        nodes: as in `full_trace`.
        parameters: likewise.
    """
    graph = model.graph
    names = nodes or tuple(node.name for node in graph.nodes)
    cells = sum(math.prod(graph.shapes[graph.node(name).name]) for name in names)
    # The gradients of all parameters are one array, of which single ones are views.
    values = 0 if parameters is not None and not parameters else model.parameter_count
    return FLOAT * (2 * count * cells + values)


def full_trace(
    model: Model,
    images: ArrayLike,
    targets: ArrayLike | None = None,
    *,
    target: TargetLike = None,
    loss: str | Objective | None = None,
    nodes: Sequence[str] = (),
    parameters: Sequence[str] | None = None,
    limit: int = LARGEST,
) -> FullTrace:
    """Every activation, its gradient and every parameter's, in one pass forwards and backwards.

    BatchNorm goes by its running statistics and dropout does nothing, as when the network is used.

    Args:
        model: the network, with one input.
        images: (N, *shape), or one image.
        targets: (N,) classes or (N, *output shape) numbers: J is the loss of these.
        target: without targets, J is the sum over the images of this class's score; see `choose_target`.
        loss: of the targets; that of the model's recipe when left out.
        nodes: whose activations and gradients are held; all when empty.
        parameters: full names of those whose gradient is held; all trainable ones when left out.
        limit: bytes that may be held.

    Raises:
        DataError: it would take more memory than allowed, or the images or targets do not fit.
    """
    batch = as_batch(model, images)
    names = tuple(nodes) or tuple(node.name for node in model.graph.nodes)
    size = full_trace_nbytes(model, len(batch), names, parameters)
    if size > limit:
        raise DataError(
            f"{model.name}: a full trace of {len(batch)} image(s) takes {size} bytes, more than the limit of "
            f"{limit}; choose fewer nodes= or images, or raise limit="
        )
    if targets is not None:
        chosen = model.recipe.objective if loss is None else objective(loss)
        gradients = model.gradients(batch, targets, chosen, names, parameters=parameters, activations=names)
        return _full_trace(gradients, names, None)
    node = score_node(model.graph)
    cells = choose_target(model, batch, target)
    capacity = 1 << (len(batch) - 1).bit_length()
    program = model.program(CompileOptions(capacity, Purpose.TRACE, keep=(node,)))
    wanted = Wanted(names, None if parameters is None else tuple(parameters), names)
    return _full_trace(program.differentiate([batch], cells.seed(model.graph), wanted=wanted), names, cells)


def _full_trace(gradients: Gradients, names: Sequence[str], target: Target | None) -> FullTrace:
    return FullTrace(
        gradients.activations,
        {name: gradients.nodes[name] for name in names},
        gradients.parameters,
        gradients.loss,
        target,
    )
