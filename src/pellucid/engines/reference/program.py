"""Running a whole graph with the layers' definitions, node by node."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.engines.engine import (
    Array,
    CompileOptions,
    Examples,
    Gradients,
    Program,
    Rule,
    State,
    StepReport,
    Trace,
    Wanted,
)
from pellucid.engines.loss_nodes import loss_nodes
from pellucid.engines.reference.definition import INFERENCE, Context
from pellucid.engines.reference.definitions import definition
from pellucid.engines.reference.objectives import weighted_loss
from pellucid.engines.reference.optimizers import clipped, update, weight_decay
from pellucid.errors import EngineError, UnknownNameError
from pellucid.graph import Graph, Node
from pellucid.layers import Input
from pellucid.objectives import Objective
from pellucid.optimizers import Optimizer

Float = np.dtype[np.float32] | np.dtype[np.float64]


class ReferenceTrace(Trace):
    """The kept activations, and what running forward again takes: the inputs and the parameters.

    Backward recomputes everything else, so that a trace holds no more than it says.
    """

    def __init__(
        self,
        activations: Mapping[str, Array],
        nodes: tuple[str, ...],
        inputs: tuple[Array, ...],
        parameters: Mapping[str, Array],
    ) -> None:
        self.activations = {name: _read_only(array) for name, array in activations.items()}
        self.nodes = nodes
        self.inputs = inputs
        self.parameters = parameters
        self.count = len(inputs[0])

    def __getitem__(self, name: str) -> Array:
        if name not in self.nodes:
            raise UnknownNameError("kept node", name, self.nodes)
        return self.activations[name]

    @property
    def nbytes(self) -> int:
        """Memory held, in bytes."""
        return sum(array.nbytes for array in self.activations.values())


class ReferenceProgram(Program):
    """The textbook's pace: NumPy, one node after the other.

    `forward` and `trace` always run as in inference; only `train_steps` trains.
    """

    def __init__(self, graph: Graph, options: CompileOptions, dtype: Float) -> None:
        self.graph = graph
        self.options = options
        self._dtype = dtype
        for name in options.keep:
            graph.node(name)
        for node in graph.nodes:
            if not isinstance(node.layer, Input):
                definition(node.layer)
        # Arrays are replaced, never written to, so that a trace may hold on to them.
        self._parameters: State = {
            name: np.zeros(spec.shape, dtype) for name, spec in graph.parameters.items()
        }
        slots = options.optimizer.slots if options.optimizer else ()
        self._slots: State = {
            f"{slot}:{name}": np.zeros(graph.parameters[name].shape, dtype)
            for name in self._trainable
            for slot in slots
        }

    @property
    def _trainable(self) -> list[str]:
        return [name for name, spec in self.graph.parameters.items() if spec.role == "trainable"]

    # ---- state

    def read_parameters(self) -> State:
        """Copies of all parameters and buffers by full name."""
        return {name: array.copy() for name, array in self._parameters.items()}

    def write_parameters(self, parameters: Mapping[str, Array]) -> None:
        """Replace the named parameters and buffers."""
        self._parameters = _replaced("parameter", self._parameters, parameters)

    def read_slots(self) -> State:
        """Copies of the optimiser's arrays, "velocity:conv1.weight"."""
        return {name: array.copy() for name, array in self._slots.items()}

    def write_slots(self, slots: Mapping[str, Array]) -> None:
        """Replace the named optimiser arrays."""
        self._slots = _replaced("optimiser array", self._slots, slots)

    # ---- forward

    def forward(self, *inputs: Array) -> tuple[Array, ...]:
        """The graph's outputs for a batch of at most `capacity`, one array an Input node."""
        activations, _ = self._run(self._own(inputs), self._parameters, INFERENCE)
        return tuple(activations[name].copy() for name in self.graph.outputs)

    def trace_nbytes(self, count: int) -> int:
        """Memory that a trace of this many images will hold, in bytes."""
        cells = sum(math.prod(self.graph.shapes[name]) for name in self._held)
        return cells * count * self._dtype.itemsize

    def trace(self, *inputs: Array) -> ReferenceTrace:
        """Run forward and keep every kept node's activation."""
        own, parameters = self._own(inputs), self._parameters
        activations, _ = self._run(own, parameters, INFERENCE)
        kept = self.options.keep or tuple(node.name for node in self.graph.nodes)
        held = {name: activations[name].copy() for name in self._held if name not in self.graph.inputs}
        held.update(zip(self.graph.inputs, own, strict=True))
        nodes = tuple(node.name for node in self.graph.nodes if node.name in kept)
        return ReferenceTrace(held, nodes, own, parameters)

    @property
    def _held(self) -> list[str]:
        """Nodes whose activations a trace holds: the kept ones, the inputs, and the one the loss reads."""
        needed = set(self.options.keep) or {node.name for node in self.graph.nodes}
        needed.update(self.graph.inputs)
        if self.options.objective is not None:
            needed.update(self._loss_nodes)
        return [node.name for node in self.graph.nodes if node.name in needed]

    def _own(self, inputs: Sequence[Array]) -> tuple[Array, ...]:
        """Copies in the program's number type; EngineError for a batch above capacity."""
        for array in inputs:
            self._check_capacity(len(array))
        return tuple(np.array(array, self._dtype, order="C") for array in inputs)

    def _check_capacity(self, count: int) -> None:
        if count > self.options.capacity:
            raise EngineError(
                f"the program was compiled for batches of at most {self.options.capacity}, received {count}"
            )

    def _run(
        self, inputs: Sequence[Array], parameters: Mapping[str, Array], context: Context
    ) -> tuple[State, dict[str, Any]]:
        """Activation and cache of every node. Overflow gives infinities, as in any engine, not warnings."""
        given = dict(zip(self.graph.inputs, inputs, strict=True))
        activations: State = {}
        caches: dict[str, Any] = {}
        with np.errstate(all="ignore"):
            for index, node in enumerate(self.graph.nodes):
                if node.name in given:
                    activations[node.name] = given[node.name]
                    continue
                at_node = Context(context.training, context.seed, context.step, index, len(inputs[0]))
                output, caches[node.name] = definition(node.layer).forward(
                    node.layer,
                    [activations[source] for source in node.inputs],
                    self._short_names(node, parameters),
                    at_node,
                )
                activations[node.name] = np.ascontiguousarray(output)
        return activations, caches

    def _short_names(self, node: Node, parameters: Mapping[str, Array]) -> State:
        specs = node.layer.parameters(self.graph.input_shapes(node))
        return {spec.name: parameters[f"{node.name}.{spec.name}"] for spec in specs}

    # ---- backward

    def loss(self, trace: Trace, targets: Array) -> tuple[float, State]:
        """J and the seeds that `backward` takes to differentiate it."""
        objective, own = self._objective(), self._trace(trace)
        with np.errstate(all="ignore"):
            return weighted_loss(objective, own.activations, targets, self._loss_nodes)

    @property
    def _loss_nodes(self) -> dict[str, float]:
        return loss_nodes(self.graph, self._objective(), self.options.loss_weights)

    def _objective(self) -> Objective:
        if self.options.objective is None:
            raise EngineError("the program was compiled without an objective; give CompileOptions one")
        return self.options.objective

    def _optimizer(self) -> Optimizer:
        if self.options.optimizer is None:
            raise EngineError("the program was compiled without an optimizer; give CompileOptions one")
        return self.options.optimizer

    @staticmethod
    def _trace(trace: Trace) -> ReferenceTrace:
        if not isinstance(trace, ReferenceTrace):
            raise EngineError(f"expects a trace of the reference engine, received {type(trace).__name__}")
        return trace

    def backward(
        self,
        trace: Trace,
        seeds: Mapping[str, Array],
        rules: Mapping[str, Rule] | None = None,
        wanted: Wanted | None = None,
    ) -> Gradients:
        """Propagate the seeds (dJ/da at any nodes) backwards; a node without a rule follows GRADIENT."""
        own = self._trace(trace)
        for name, seed in seeds.items():
            self.graph.node(name)
            expected = (own.count, *self.graph.shapes[name])
            if seed.shape != expected:
                raise EngineError(f"{name}: expects a seed of shape {expected}, received {seed.shape}")
        for name in rules or {}:
            self.graph.node(name)
        wanted = wanted or Wanted(self.graph.inputs)
        names = tuple(self._trainable) if wanted.parameters is None else wanted.parameters
        activations, caches = self._run(own.inputs, own.parameters, INFERENCE)
        nodes, parameters = self._propagate(caches, seeds, rules or {})
        return Gradients(
            parameters={name: self._parameter_gradient(name, parameters) for name in names},
            nodes={name: self._node_gradient(name, nodes, own.count) for name in wanted.nodes},
            inputs=self.graph.inputs,
            activations={name: activations[self.graph.node(name).name] for name in wanted.activations},
        )

    def _parameter_gradient(self, name: str, gradients: Mapping[str, Array]) -> Array:
        if name not in self.graph.parameters:
            raise UnknownNameError("parameter", name, self.graph.parameters)
        if self.graph.parameters[name].role == "buffer":
            raise EngineError(f"{name}: running statistics have no gradient; ask for trainable parameters")
        gradient = gradients.get(name)
        return np.zeros(self.graph.parameters[name].shape, self._dtype) if gradient is None else gradient

    def _node_gradient(self, name: str, gradients: Mapping[str, Array], count: int) -> Array:
        self.graph.node(name)
        gradient = gradients.get(name)
        if gradient is None:
            return np.zeros((count, *self.graph.shapes[name]), self._dtype)
        return np.array(gradient, self._dtype, order="C")

    def _propagate(
        self, caches: Mapping[str, Any], seeds: Mapping[str, Array], rules: Mapping[str, Rule]
    ) -> tuple[State, State]:
        """dJ/da of every node that a seed reaches and dJ/dW of its parameters."""
        # delta(l) is complete when all consumers of node l have added their share: reverse graph order.
        nodes: State = {name: np.asarray(seed, self._dtype) for name, seed in seeds.items()}
        parameters: State = {}
        with np.errstate(all="ignore"):
            for node in reversed(self.graph.nodes):
                if node.name not in nodes or node.name not in caches:
                    continue
                shares, gradients = definition(node.layer).backward(
                    node.layer, nodes[node.name], caches[node.name], rules.get(node.name, Rule.GRADIENT)
                )
                for source, share in zip(node.inputs, shares, strict=True):
                    nodes[source] = nodes[source] + share if source in nodes else share
                for name, gradient in gradients.items():
                    parameters[f"{node.name}.{name}"] = np.ascontiguousarray(gradient)
        return nodes, parameters

    # ---- training

    def train_steps(
        self,
        examples: Examples,
        indices: NDArray[np.int64],
        *,
        batch_size: int,
        learning_rates: Sequence[float],
        first_step: int = 0,
    ) -> StepReport:
        """One update for each batch_size of `indices` (the last batch may be smaller)."""
        self._objective(), self._optimizer()  # complain before any work
        self._check_capacity(batch_size)
        batches = [indices[start : start + batch_size] for start in range(0, len(indices), batch_size)]
        if len(batches) != len(learning_rates):
            raise EngineError(
                f"expects one learning rate for each of {len(batches)} steps, received {len(learning_rates)}"
            )
        losses: list[float] = []
        correct: list[int] = []
        non_finite = None
        for number, (batch, learning_rate) in enumerate(zip(batches, learning_rates, strict=True)):
            result = self._train_step(examples, batch, learning_rate, first_step + number)
            if result is None:
                non_finite = number
                break
            losses.append(result[0])
            correct.append(result[1])
        sizes = [len(batch) for batch in batches[: len(losses)]]
        return StepReport(
            np.array(losses, np.float64), np.array(correct, np.int64), np.array(sizes, np.int64), non_finite
        )

    def _train_step(
        self, examples: Examples, batch: NDArray[np.int64], learning_rate: float, step: int
    ) -> tuple[float, int] | None:
        """Loss and number of correct images; None, and nothing changed, where a number is not finite."""
        objective = self._objective()
        images, targets = self._images(examples.images[batch]), examples.targets[batch]
        context = Context(training=True, seed=self.options.seed, step=step)
        activations, caches = self._run((images,), self._parameters, context)
        with np.errstate(all="ignore"):
            value, deltas = weighted_loss(objective, activations, targets, self._loss_nodes)
        _, gradients = self._propagate(caches, deltas, {})
        finite = all(np.isfinite(gradients[p]).all() for p in self._trainable if p in gradients)
        if not (math.isfinite(value) and finite):
            return None
        buffers = self._new_buffers(caches)
        self._update(gradients, learning_rate, step + 1)
        self._parameters = {**self._parameters, **buffers}
        return value, _correct(activations[self.graph.outputs[0]], targets)

    def _images(self, images: Array) -> Array:
        """Bytes are read as value / 255, multiplied by the rounded 1/255."""
        if images.dtype == np.uint8:
            return np.multiply(images, self._dtype.type(1 / 255), dtype=self._dtype)
        return images.astype(self._dtype)

    def _new_buffers(self, caches: Mapping[str, Any]) -> State:
        return {
            f"{node.name}.{name}": array
            for node in self.graph.nodes
            if node.name in caches and (buffers := definition(node.layer).buffers) is not None
            for name, array in buffers(
                node.layer, caches[node.name], self._short_names(node, self._parameters)
            ).items()
        }

    def _update(self, gradients: Mapping[str, Array], learning_rate: float, t: int) -> None:
        rule = self._optimizer()
        parameters, slots = dict(self._parameters), dict(self._slots)
        # What the loss does not reach has the gradient 0: momentum and decay still move it.
        gradients = {name: gradients.get(name, np.zeros_like(parameters[name])) for name in self._trainable}
        gradients = clipped(gradients, rule.clip_norm)
        for name in self._trainable:
            decay = weight_decay(rule, self.graph.parameters[name])
            own = {slot: slots[f"{slot}:{name}"] for slot in rule.slots}
            parameters[name], own = update(
                rule, parameters[name], gradients[name], own, learning_rate, t, decay
            )
            slots.update({f"{slot}:{name}": array for slot, array in own.items()})
        self._parameters, self._slots = parameters, slots


def _correct(output: Array, targets: Array) -> int:
    """Images whose largest output is their class; 0 for array targets."""
    if targets.dtype.kind not in "iu":
        return 0
    return int((output.reshape(len(output), -1).argmax(axis=1) == targets).sum())


def _read_only(array: Array) -> Array:
    view = array.view()
    view.flags.writeable = False
    return view


def _replaced(what: str, current: State, changes: Mapping[str, Array]) -> State:
    """The state with the named arrays replaced by copies; raises where a name or a shape is unknown."""
    result = dict(current)
    for name, value in changes.items():
        if name not in current:
            raise UnknownNameError(what, name, current)
        array = np.array(value, current[name].dtype, order="C")
        if array.shape != current[name].shape:
            raise EngineError(
                f"{name}: expects an array of shape {current[name].shape}, received {array.shape}"
            )
        result[name] = array
    return result
