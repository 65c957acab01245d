"""What is differentiated, and the gradients of it: the loss of a batch, or the scores of a target."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from pellucid.engines.engine import Array, CompileOptions, Gradients, Program, Purpose, Trace, Wanted
from pellucid.engines.loss_nodes import loss_nodes
from pellucid.engines.reference.channel_activation import softmax
from pellucid.engines.reference.objectives import weighted_loss
from pellucid.errors import DataError
from pellucid.explain.evidence import Evidence, evidence
from pellucid.explain.target import Target, TargetLike, choose_target, score_node
from pellucid.model import Model
from pellucid.objectives import CrossEntropy, Objective, SquaredError, objective


class Quantity(ABC):
    """A number that a batch's outputs decide: what J stands for."""

    @property
    @abstractmethod
    def nodes(self) -> tuple[str, ...]:
        """Whose outputs it reads."""

    @property
    @abstractmethod
    def text(self) -> str:
        """What it is, for people."""

    @abstractmethod
    def value(self, outputs: Mapping[str, Array], images: Sequence[int]) -> float:
        """The part of J that these images of the batch have.

        Args:
            outputs: by node, (K, *shape).
            images: number of each of the K images in the batch.
        """

    @abstractmethod
    def seeds(self, outputs: Mapping[str, Array]) -> Mapping[str, Array]:
        """dJ/da of the nodes it reads, in float64, from the whole batch's outputs."""

    @abstractmethod
    def parts(self, node: str, output: Array, place: tuple[int, ...]) -> Sequence[tuple[str, float]]:
        """One cell of those as a sum: what is added, and its value.

        Args:
            node: whose output it is.
            output: (N, *shape).
            place: (image, *cell).
        """


@dataclass(frozen=True)
class Loss(Quantity):
    """The mean loss of a batch.

    Attributes:
        objective: the loss.
        targets: of the whole batch.
        weights: of the losses of several nodes.
    """

    objective: Objective
    targets: Array
    weights: Mapping[str, float]

    @property
    def nodes(self) -> tuple[str, ...]:
        """Whose outputs it reads."""
        return tuple(self.weights)

    @property
    def text(self) -> str:
        """What it is, for people."""
        return f"{type(self.objective).__name__} (mean of {len(self.targets)})"

    def value(self, outputs: Mapping[str, Array], images: Sequence[int]) -> float:
        """The part of J that these images of the batch have."""
        scores = {node: outputs[node].astype(np.float64) for node in self.weights}
        mean, _ = weighted_loss(self.objective, scores, self.targets[list(images)], self.weights)
        return mean * len(images) / len(self.targets)

    def seeds(self, outputs: Mapping[str, Array]) -> Mapping[str, Array]:
        """delta, by the loss's definition."""
        scores = {node: outputs[node].astype(np.float64) for node in self.weights}
        return weighted_loss(self.objective, scores, self.targets, self.weights)[1]

    def parts(self, node: str, output: Array, place: tuple[int, ...]) -> Sequence[tuple[str, float]]:
        """delta = (p - T) / N of a cross-entropy, (z - T) / N of a squared error; else delta as it is."""
        z, share = output.astype(np.float64), self.weights[node] / len(self.targets)
        delta = float(
            weighted_loss(self.objective, {node: z}, self.targets, {node: self.weights[node]})[1][node][place]
        )
        if isinstance(self.objective, CrossEntropy):
            first, value = f"softmax({node})", float(softmax(z)[place]) * share
        elif isinstance(self.objective, SquaredError):
            first, value = node, float(z[place]) * share
        else:
            return [(f"delta of {type(self.objective).__name__}", delta)]
        over = f" / {len(self.targets)}" if len(self.targets) > 1 else ""
        return [(f"{first}{over}", value), (f"-target{over}", delta - value)]


@dataclass(frozen=True)
class Score(Quantity):
    """The sum of a target's cells over the batch.

    Attributes:
        target: the cells.
    """

    target: Target

    @property
    def nodes(self) -> tuple[str, ...]:
        """Whose output it reads."""
        return (self.target.node,)

    @property
    def text(self) -> str:
        """What it is, for people."""
        cells = self.target.cells.tolist()
        return f"{self.target.node}{cells[0]}" if len(cells) == 1 else f"sum of {self.target.node}{cells}"

    def value(self, outputs: Mapping[str, Array], images: Sequence[int]) -> float:
        """The sum of these images' cells."""
        cells = Target(self.target.node, self.target.cells[list(images)])
        return float(cells.values(outputs[self.target.node].astype(np.float64)).sum())

    def seeds(self, outputs: Mapping[str, Array]) -> Mapping[str, Array]:
        """Ones at the cells."""
        node = self.target.node
        ones = np.zeros(outputs[node].shape)
        ones[(np.arange(len(ones)), *self.target.cells.T)] = 1
        return {node: ones}

    def parts(self, node: str, output: Array, place: tuple[int, ...]) -> Sequence[tuple[str, float]]:
        """1 for the cell itself, 0 for any other."""
        return [("J itself", float(self.seeds({node: output})[node][place]))]


@dataclass(frozen=True)
class Differentiation:
    """A batch that went through a network, forwards and backwards.

    Attributes:
        evidence: what the batch made of the network.
        quantity: what J is.
        seeds: dJ/da by node that J reads, as the engine has them.
        gradients: dJ/da and dJ/dw, of the nodes and parameters that were asked for.
    """

    evidence: Evidence = field(repr=False)
    quantity: Quantity
    seeds: Mapping[str, Array] = field(repr=False)
    gradients: Gradients = field(repr=False)


def differentiate(
    model: Model,
    images: ArrayLike | Trace | Evidence,
    targets: ArrayLike | None = None,
    *,
    loss: str | Objective | None = None,
    loss_weights: Sequence[float] = (),
    target: TargetLike = None,
    target_node: str | None = None,
    nodes: Sequence[str] | None = None,
    parameters: Sequence[str] | None = None,
) -> Differentiation:
    """One pass forwards and backwards, from which `gradient_arithmetic` answers any number of questions.

    Args:
        model: the network; BatchNorm by its running statistics, no dropout.
        images: one image, a batch, a trace already taken, or an Evidence.
        targets: classes or arrays: J is the mean loss. When left out, J is the sum of the target's scores.
        loss: a name in OBJECTIVES or an Objective; the recipe's when left out.
        loss_weights: one an output, see Recipe.
        target: see `choose_target`; without targets, and when left out, each image's largest score.
        target_node: whose cells the target names.
        nodes: whose gradients are wanted; of all when left out.
        parameters: likewise, of the trainable ones.

    Raises:
        DataError: both targets and a target, or one that does not fit.
    """
    read = evidence(model, images)
    if targets is not None and (target is not None or target_node is not None):
        raise DataError("J is the loss against targets, or the score of a target: received both")
    asked = read.model.graph.nodes if nodes is None else [read.graph.node(name) for name in nodes]
    wanted = Wanted(tuple(node.name for node in asked), None if parameters is None else tuple(parameters))
    capacity = 1 << max(0, read.count - 1).bit_length()
    if targets is None:
        node = score_node(read.graph) if target_node is None else read.graph.node(target_node).name
        scores = read.activation(node)
        chosen = choose_target(model, scores, target, node=node, scores=scores)
        program = read.program(read.engine, read.graph, CompileOptions(capacity, Purpose.TRACE))
        quantity: Quantity = Score(chosen)
        seeds: dict[str, Array] = dict(chosen.seed(read.graph))
        return _backward(read, program, quantity, seeds, wanted, None)
    rule = model.recipe.objective if loss is None else objective(loss)
    options = CompileOptions(capacity, Purpose.TRACE, (), rule, loss_weights=tuple(loss_weights))
    program = read.program(read.engine, read.graph, options)
    checked = model.targets(np.atleast_1d(np.asarray(targets)), read.count)
    weights = loss_nodes(read.graph, rule, tuple(loss_weights))
    for name in weights:
        read.activation(name)
    value, seeds = program.loss(read.trace, checked)
    return _backward(read, program, Loss(rule, checked, weights), seeds, wanted, value)


def _backward(
    read: Evidence,
    program: Program,
    quantity: Quantity,
    seeds: dict[str, Array],
    wanted: Wanted,
    value: float | None,
) -> Differentiation:
    gradients = program.backward(read.trace, seeds, wanted=wanted)
    stated = Gradients(gradients.parameters, gradients.nodes, gradients.inputs, value)
    return Differentiation(read, quantity, seeds, stated)
