"""The contract between a graph and whatever computes it.

Arrays that cross it are NCHW (or (N, C, L), (N, features)) and C-contiguous, float32 unless the engine was
made for float64. A Program is immutable code with state of its own: parameters, buffers, optimiser slots.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.engines.schema import Schema
from pellucid.errors import EngineError
from pellucid.graph import Graph
from pellucid.objectives import Objective
from pellucid.optimizers import Optimizer
from pellucid.tuning import Stopwatch, Tuning

Array = NDArray[Any]
State = dict[str, Array]


class Purpose(Enum):
    """What a program is compiled for."""

    INFERENCE = "inference"
    """forward only; BatchNorm by its running statistics, no dropout."""
    TRACE = "trace"
    """forward, trace and backward; BatchNorm and dropout as in inference."""
    TRAINING = "training"
    """train_steps; BatchNorm by the batch, dropout active."""


class Rule(Enum):
    """How a gradient passes backwards through a rectifier (any other layer knows only GRADIENT).

    GRADIENT: where the input was positive. DECONVNET: where the gradient is positive (Zeiler & Fergus 2014).
    GUIDED: where both are (Springenberg et al. 2015).
    """

    GRADIENT = "gradient"
    GUIDED = "guided"
    DECONVNET = "deconvnet"


@dataclass(frozen=True)
class Examples:
    """What training reads: images with their targets.

    Attributes:
        images: (N, *input shape), uint8 (read as value / 255) or float32.
        targets: (N,) classes as int32 or int64, or (N, *output shape) float32.
    """

    images: Array
    targets: Array

    def __post_init__(self) -> None:
        if len(self.images) != len(self.targets):
            raise ValueError(f"one target an image: received {len(self.images)} and {len(self.targets)}")


@dataclass(frozen=True)
class StepReport:
    """What train_steps did, one value a step.

    Attributes:
        losses: J of each batch, before its update.
        correct: images of each batch whose largest output was their class (0 for array targets).
        images: size of each batch.
        non_finite: index within this call of the step that met a NaN or an infinity, else None. That step and
            those after it changed nothing; the arrays above end before it.
    """

    losses: NDArray[np.float64]
    correct: NDArray[np.int64]
    images: NDArray[np.int64]
    non_finite: int | None = None


class Trace(ABC, Mapping[str, Array]):
    """Every kept activation of one batch, by node name. It owns its memory."""

    count: int
    """Images in the batch."""

    nodes: tuple[str, ...]
    """Names of the kept nodes, in graph order."""

    @property
    @abstractmethod
    def nbytes(self) -> int:
        """Memory held, in bytes."""

    def __iter__(self) -> Iterator[str]:
        return iter(self.nodes)

    def __len__(self) -> int:
        return len(self.nodes)


@dataclass(frozen=True)
class Gradients(Mapping[str, Array]):
    """Gradients by name: "conv1.weight" for parameters, "conv1" for a node's output.

    Attributes:
        parameters: dJ/dW by full parameter name, shaped like the parameter.
        nodes: dJ/da by node name, shaped like the activation.
        inputs: names of the graph's inputs.
        loss: J, where the gradient came from a loss.
        activations: a by node name, of the nodes whose activation was wanted too.
    """

    parameters: Mapping[str, Array]
    nodes: Mapping[str, Array]
    inputs: tuple[str, ...] = ()
    loss: float | None = None
    activations: Mapping[str, Array] = field(default_factory=dict)

    @property
    def input(self) -> Array:
        """dJ/dx of the only input."""
        (name,) = self.inputs
        return self.nodes[name]

    def __getitem__(self, name: str) -> Array:
        return self.parameters[name] if name in self.parameters else self.nodes[name]

    def __iter__(self) -> Iterator[str]:
        yield from self.parameters
        yield from self.nodes

    def __len__(self) -> int:
        return len(self.parameters) + len(self.nodes)


@dataclass(frozen=True)
class Wanted:
    """Which gradients a backward pass returns.

    Attributes:
        nodes: names of nodes.
        parameters: full names of parameters; None for all trainable ones.
        activations: names of nodes whose activation is returned as well: the pass has it anyway.
    """

    nodes: tuple[str, ...] = ()
    parameters: tuple[str, ...] | None = None
    activations: tuple[str, ...] = ()


PRECISIONS = ("default", "direct")


@dataclass(frozen=True)
class CompileOptions:
    """Everything a program is compiled from besides the graph.

    Attributes:
        capacity: largest batch; any smaller one runs without recompiling.
        purpose: see Purpose.
        keep: nodes whose activations a trace holds; empty for all. A kept node is never fused away.
        objective: the loss; needed for TRAINING, and for `Program.loss`.
        optimizer: the update rule; needed for TRAINING.
        precision: "default", or "direct" to forbid algorithms that round differently (Winograd).
        seed: of dropout's random numbers.
        algorithms: (node, algorithm) pairs that are forced, whatever was measured or an engine would choose;
            see Schema.
        tunings: what was measured before; an engine follows the one for just this workload, if there is one.
        loss_weights: of the outputs' losses, each against the same targets, in J = sum_i weight_i J_i; the
            first output's alone when empty.
    """

    capacity: int
    purpose: Purpose
    keep: tuple[str, ...] = ()
    objective: Objective | None = None
    optimizer: Optimizer | None = None
    precision: str = "default"
    seed: int = 0
    algorithms: tuple[tuple[str, str], ...] = ()
    tunings: tuple[Tuning, ...] = ()
    loss_weights: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if self.precision not in PRECISIONS:
            raise EngineError(f"precision is one of {', '.join(PRECISIONS)}, received {self.precision!r}")


class Program(ABC):
    """A compiled graph with its state. Several Python threads may call it."""

    graph: Graph
    options: CompileOptions

    @abstractmethod
    def read_parameters(self) -> State:
        """Copies of all parameters and buffers by full name."""

    @abstractmethod
    def write_parameters(self, parameters: Mapping[str, Array]) -> None:
        """Replace the named parameters and buffers."""

    @abstractmethod
    def read_slots(self) -> State:
        """Copies of the optimiser's arrays, "velocity:conv1.weight"."""

    @abstractmethod
    def write_slots(self, slots: Mapping[str, Array]) -> None:
        """Replace the named optimiser arrays."""

    @abstractmethod
    def forward(self, *inputs: Array) -> tuple[Array, ...]:
        """The graph's outputs for a batch of at most `capacity`, one array an Input node."""

    @abstractmethod
    def trace_nbytes(self, count: int) -> int:
        """Memory that a trace of this many images will hold, in bytes."""

    @abstractmethod
    def trace(self, *inputs: Array) -> Trace:
        """Run forward and keep every kept node's activation."""

    @abstractmethod
    def loss(self, trace: Trace, targets: Array) -> tuple[float, dict[str, Array]]:
        """J and the seeds that `backward` takes to differentiate it."""

    @abstractmethod
    def backward(
        self,
        trace: Trace,
        seeds: Mapping[str, Array],
        rules: Mapping[str, Rule] | None = None,
        wanted: Wanted | None = None,
    ) -> Gradients:
        """Propagate the seeds (dJ/da at any nodes) backwards; a node without a rule follows GRADIENT.

        `wanted` is the graph's inputs and every trainable parameter when left out.
        """

    def differentiate(
        self,
        inputs: Sequence[Array],
        seeds: Mapping[str, Array] | None = None,
        rules: Mapping[str, Rule] | None = None,
        wanted: Wanted | None = None,
        targets: Array | None = None,
    ) -> Gradients:
        """`backward` for a batch of which there is no trace; an engine may need one pass where both need two.

        From seeds that do not depend on the activations, a one at a class for example, or from the loss of
        targets.
        """
        trace = self.trace(*inputs)
        if targets is None:
            return self.backward(trace, seeds or {}, rules, wanted)
        loss, loss_seeds = self.loss(trace, targets)
        return replace(self.backward(trace, loss_seeds, rules, wanted), loss=loss)

    @abstractmethod
    def train_steps(
        self,
        examples: Examples,
        indices: NDArray[np.int64],
        *,
        batch_size: int,
        learning_rates: Sequence[float],
        first_step: int = 0,
    ) -> StepReport:
        """One update for each batch_size of `indices` (the last batch may be smaller).

        Args:
            examples: images and targets; single-input graphs only.
            indices: which images, in order.
            batch_size: at most `capacity`.
            learning_rates: one a step.
            first_step: number of the first step since training began: the key of the random numbers and
                Adam's t - 1.
        """


class Engine(ABC):
    """A way to run graphs."""

    name: str

    @abstractmethod
    def describe(self, graph: Graph, options: CompileOptions) -> Schema:
        """What a program compiled so would do with a full batch: forward, or for TRAINING a whole step."""

    @abstractmethod
    def compile(self, graph: Graph, options: CompileOptions) -> Program:
        """A program for this graph, its parameters zero until written."""

    @abstractmethod
    def tune(
        self, graph: Graph, options: CompileOptions, parameters: Mapping[str, Array], stopwatch: Stopwatch
    ) -> Tuning:
        """Time what could be chosen for a program compiled so, and return what was fastest.

        Raises:
            EngineError: the engine has nothing to choose from.
        """


@dataclass(frozen=True)
class Terms:
    """The addends behind one cell: value = function(sum of addends).

    Attributes:
        addends: (K,) numbers that sum to `total`; a bias is the last addend, with source -1.
        sources: for each addend (input number, *cell in that input), or -1 throughout where it has none.
        inputs: (K,) input cells' values, where an addend is input times weight; else None.
        weights: (K,) their weights; else None.
        weight_cells: (P, axes), where the first P of them lie in the parameter "weight"; None if they do not.
        function: what turns the total into the value, in words; "" when they are equal.
        value: the cell.
    """

    addends: Array
    sources: Array
    value: float
    inputs: Array | None = None
    weights: Array | None = None
    function: str = ""
    weight_cells: Array | None = None
    total: float = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "total", float(np.sum(self.addends)))
