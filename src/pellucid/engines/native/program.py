"""A compiled graph with its state: plans handed to the executor, arrays in and out."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.engines.engine import (
    Array,
    CompileOptions,
    Examples,
    Gradients,
    Program,
    Purpose,
    Rule,
    State,
    StepReport,
    Trace,
    Wanted,
)
from pellucid.engines.loss_nodes import loss_nodes
from pellucid.engines.native import _native
from pellucid.engines.native.compiler import BackwardWishes, Compiler, LossWishes
from pellucid.engines.native.decisions import decisions, settle
from pellucid.engines.native.executable import Executable
from pellucid.engines.native.parameters import ParameterStore
from pellucid.engines.native.plan import Layout, Plan, Scope
from pellucid.engines.native.recycling import Recycler
from pellucid.engines.native.rounds import Rounds, own_rounds, shared_rounds
from pellucid.engines.native.trace import NativeTrace, TracePlan, trace_plan
from pellucid.engines.schema import Schema
from pellucid.errors import DataError, EngineError
from pellucid.graph import Graph
from pellucid.objectives import Objective

Float32 = NDArray[np.float32]


class NativeProgram(Program):
    """See engines/engine.py. Plans are made when first needed and kept."""

    def __init__(
        self,
        graph: Graph,
        options: CompileOptions,
        *,
        instruction_set: str,
        threads: int,
        poison: bool,
        layout: Layout | None,
    ) -> None:
        self.graph = graph
        self.options = options
        self._instruction_set = instruction_set
        self._threads = threads
        self._poison = poison
        self._store = ParameterStore(graph, options.optimizer)
        self._settled = settle(
            graph, self._store, options, layout=layout, instruction_set=instruction_set, threads=threads
        )
        lanes, choices = _native.lanes(instruction_set), self._settled.choices
        self._compiler = Compiler(graph, self._store, lanes, options.capacity, threads, choices)
        self._plans: dict[tuple[Any, ...], Executable] = {}
        self._lock = threading.Lock()
        self._recycler = Recycler()

    def _executable(
        self, key: tuple[Any, ...], make: Callable[[Compiler], Plan], compiler: Compiler | None = None
    ) -> Executable:
        """The compiler's plan kept under this key, made now if it is the first time."""
        compiler = compiler or self._compiler
        shards, capacity = compiler.shards, compiler.capacity
        key = (*key, shards, capacity)
        with self._lock:
            if key not in self._plans:
                plan = make(compiler)
                self._plans[key] = Executable(plan, self._instruction_set, shards, capacity, self._poison)
            return self._plans[key]

    def schema(self) -> Schema:
        """What a full batch goes through: forward, or for TRAINING a whole step."""
        options = self.options
        if options.purpose is Purpose.TRAINING and options.objective and options.optimizer:
            rounds, training = Rounds(self._compiler), True
            weights = options.loss_weights
            plan = rounds.compiler.training(
                options.objective, options.optimizer, bytes_in=True, classes=True, loss_weights=weights
            )
        else:
            rounds, training = self._rounds(options.capacity), False
            plan = rounds.compiler.forward(tuple(dict.fromkeys(self.graph.outputs)))
        compiler, sizes = rounds.compiler, plan.sizes
        tiles = -(-compiler.capacity // compiler.lanes)
        workspace = sizes[Scope.BATCH] + compiler.shards * sizes[Scope.SHARD] + tiles * sizes[Scope.TILE]
        return Schema(
            steps=plan.schema_steps(),
            state_bytes=self._store.nbytes + sizes[Scope.PREPARED],
            workspace_bytes=rounds.workers * workspace,
            decisions=decisions(compiler, self._settled, training=training),
        )

    def _empty(self, shape: tuple[int, ...]) -> Float32:
        array = self._recycler.empty(shape)
        if self._poison:
            array.fill(np.nan)
        return array

    def _check_count(self, count: int) -> None:
        if count > self.options.capacity:
            raise EngineError(
                f"a batch is at most the program's capacity, {self.options.capacity}; received {count}"
            )

    # ---- state

    def read_parameters(self) -> State:
        """Copies of all parameters and buffers."""
        return self._store.read_parameters()

    def write_parameters(self, parameters: Mapping[str, Array]) -> None:
        """Replace the named parameters and buffers."""
        self._store.write_parameters(parameters)

    def read_slots(self) -> State:
        """Copies of the optimiser's arrays."""
        return self._store.read_slots()

    def write_slots(self, slots: Mapping[str, Array]) -> None:
        """Replace the named optimiser arrays."""
        self._store.write_slots(slots)

    # ---- forward

    def _run_forward(self, nodes: tuple[str, ...], inputs: Sequence[Array]) -> dict[str, Float32]:
        count = len(inputs[0])
        self._check_count(count)
        rounds = self._rounds(count)
        executable = self._executable(("forward", nodes), lambda c: c.forward(nodes), rounds.compiler)
        outputs = {node: self._empty((count, *self.graph.shapes[node])) for node in nodes}
        arrays: dict[str, Array] = {f"output:{node}": array for node, array in outputs.items()}
        arrays.update({f"input:{name}": array for name, array in zip(self.graph.inputs, inputs, strict=True)})
        if count:
            executable.run(self._store.native, arrays, count, rounds.images(count), workers=rounds.workers)
        return outputs

    def _rounds(self, count: int) -> Rounds:
        """Of so many images, each its own concern."""
        own = self._own_rounds
        return own if own is not None and own.are_worth(count) else self._shared_rounds

    @cached_property
    def _shared_rounds(self) -> Rounds:
        return shared_rounds(self._compiler)

    @cached_property
    def _own_rounds(self) -> Rounds | None:
        return own_rounds(self._compiler)

    @property
    def images_together(self) -> int:
        """Of a batch that no sum runs over; a large one goes a part at a time to spare memory."""
        return self._shared_rounds.compiler.capacity

    def forward(self, *inputs: Array) -> tuple[Array, ...]:
        """The graph's outputs."""
        outputs = self._run_forward(tuple(dict.fromkeys(self.graph.outputs)), inputs)
        return tuple(outputs[node] for node in self.graph.outputs)

    @cached_property
    def _traced(self) -> TracePlan:
        read = () if self.options.objective is None else self._loss_nodes
        return trace_plan(self.graph, self.options.keep, read)

    @property
    def _objective(self) -> Objective:
        if self.options.objective is None:
            raise EngineError("a program's loss needs an objective in its options, received none")
        return self.options.objective

    @cached_property
    def _loss_nodes(self) -> dict[str, float]:
        return loss_nodes(self.graph, self._objective, self.options.loss_weights)

    def trace_nbytes(self, count: int) -> int:
        """Memory that a trace of this many images will hold, in bytes."""
        names = (*self._traced.held, *self.graph.inputs)
        return 4 * count * sum(math.prod(self.graph.shapes[name]) for name in names)

    def trace(self, *inputs: Array) -> NativeTrace:
        """Run forward and keep every kept node's activation."""
        plan, copies = self._traced, tuple(self._copy(array) for array in inputs)
        kept = dict(zip(self.graph.inputs, copies, strict=True))
        kept |= self._run_forward(plan.computed, copies) if plan.computed else {}
        for node, source in plan.same.items():
            kept[node] = kept[source].reshape(len(copies[0]), *self.graph.shapes[node])
        return NativeTrace(plan.kept, copies, kept)

    def _copy(self, array: Array) -> Float32:
        copy = self._recycler.empty(array.shape)
        copy[...] = array
        return copy

    # ---- backward

    def loss(self, trace: Trace, targets: Array) -> tuple[float, dict[str, Array]]:
        """J and its gradients with respect to the nodes that the loss reads."""
        assert isinstance(trace, NativeTrace)
        objective, weights, classes = self._objective, self._loss_nodes, _is_classes(targets)
        executable = self._executable(
            ("loss", classes), lambda c: c.loss(weights, objective, classes=classes)
        )
        gradients: dict[str, Array] = {node: self._empty(trace.kept[node].shape) for node in weights}
        losses = np.zeros(1)
        arrays = _loss_arrays(targets, losses)
        for node, gradient in gradients.items():
            arrays.update({f"scores:{node}": trace.kept[node], f"gradient:{node}": gradient})
        executable.run(self._store.native, arrays, trace.count, trace.count)
        return float(losses[0]), gradients

    def backward(
        self,
        trace: Trace,
        seeds: Mapping[str, Array],
        rules: Mapping[str, Rule] | None = None,
        wanted: Wanted | None = None,
    ) -> Gradients:
        """Propagate the seeds backwards."""
        assert isinstance(trace, NativeTrace)
        return self.differentiate(trace.inputs, seeds, rules, wanted)

    def differentiate(
        self,
        inputs: Sequence[Array],
        seeds: Mapping[str, Array] | None = None,
        rules: Mapping[str, Rule] | None = None,
        wanted: Wanted | None = None,
        targets: Array | None = None,
    ) -> Gradients:
        """`backward` for a batch of which there is no trace, in one pass."""
        count, seeds = len(inputs[0]), seeds or {}
        self._check_count(count)
        wishes = self._wishes(seeds, rules or {}, wanted or Wanted(nodes=self.graph.inputs), targets)
        # Parameters' gradients and the loss are sums over the batch; anything else is each image's own.
        in_parts = not wishes.parameters and wishes.loss is None
        rounds = self._rounds(count) if in_parts else Rounds(self._compiler)
        executable = self._executable(("backward", wishes), lambda c: c.backward(wishes), rounds.compiler)
        # A node that no seed depends on is not in the plan: its gradient stays zero.
        reached = {name for name in executable.plan.externals if name.startswith("gradient:")}
        gradients: dict[str, Array] = {}
        for node in wishes.nodes:
            shape = (count, *self.graph.shapes[node])
            written = f"gradient:{node}" in reached
            gradients[node] = self._empty(shape) if written else np.zeros(shape, np.float32)
        activations = {node: self._empty((count, *self.graph.shapes[node])) for node in wishes.activations}
        specs = self.graph.parameters
        parameters = {name: self._empty(specs[name].shape) for name in wishes.parameters}
        losses = np.zeros(1)
        arrays: dict[str, Array] = {f"gradient:{node}": array for node, array in gradients.items()}
        arrays.update({f"seed:{node}": np.ascontiguousarray(s, np.float32) for node, s in seeds.items()})
        arrays.update({f"output:{node}": array for node, array in activations.items()})
        arrays.update({f"input:{name}": array for name, array in zip(self.graph.inputs, inputs, strict=True)})
        arrays.update({f"gradient of {name}": array for name, array in parameters.items()})
        if targets is not None:
            arrays |= _loss_arrays(targets, losses)
        executable.run(self._store.native, arrays, count, rounds.images(count), workers=rounds.workers)
        parameters = {name: self._store.oriented(name, array) for name, array in parameters.items()}
        loss = None if targets is None else float(losses[0])
        return Gradients(parameters, gradients, self.graph.inputs, loss, activations)

    def _wishes(
        self,
        seeds: Mapping[str, Array],
        rules: Mapping[str, Rule],
        wanted: Wanted,
        targets: Array | None,
    ) -> BackwardWishes:
        loss = None
        if targets is not None:
            weights = tuple(self._loss_nodes.items())
            loss = LossWishes(self._objective, weights, _is_classes(targets))
        return BackwardWishes(
            seeds=tuple(seeds),
            loss=loss,
            rules=tuple(sorted((node, rule) for node, rule in rules.items() if rule is not Rule.GRADIENT)),
            nodes=tuple(dict.fromkeys(wanted.nodes)),
            parameters=self._trainable if wanted.parameters is None else wanted.parameters,
            activations=tuple(dict.fromkeys(wanted.activations)),
        )

    @cached_property
    def _trainable(self) -> tuple[str, ...]:
        return tuple(name for name, spec in self.graph.parameters.items() if spec.role == "trainable")

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
        """One update for each batch_size of `indices`, all in one call of the compiled module."""
        executable, arrays = self._training(examples, indices)
        self._check_count(min(batch_size, len(indices)))
        steps = -(-len(indices) // batch_size)
        if len(learning_rates) != steps:
            raise DataError(f"{steps} steps need as many learning rates, received {len(learning_rates)}")
        losses, correct = np.zeros(steps), np.zeros(steps, np.int64)
        arrays.update({"losses": losses, "correct": correct})
        completed = executable.run(
            self._store.native,
            arrays,
            len(indices),
            batch_size,
            learning_rates=learning_rates,
            first_step=first_step,
            seed=self.options.seed,
        )
        images = np.minimum(batch_size, len(indices) - batch_size * np.arange(completed, dtype=np.int64))
        return StepReport(
            losses=losses[:completed],
            correct=correct[:completed],
            images=images,
            non_finite=None if completed == steps else completed,
        )

    def _training(
        self, examples: Examples, indices: NDArray[np.int64]
    ) -> tuple[Executable, dict[str, Array]]:
        options = self.options
        if options.objective is None or options.optimizer is None:
            raise EngineError("training needs an objective and an optimizer in the program's options")
        if len(self.graph.inputs) != 1:
            raise EngineError(f"training takes graphs with one input, received {len(self.graph.inputs)}")
        name = self.graph.inputs[0]
        if examples.images.shape[1:] != self.graph.shapes[name]:
            raise DataError(
                f"{name}: expects images of shape {self.graph.shapes[name]}, "
                f"received {examples.images.shape[1:]}"
            )
        if len(indices) and not 0 <= int(indices.min()) <= int(indices.max()) < len(examples.images):
            raise DataError(f"indices lie between 0 and {len(examples.images) - 1}")
        classes, bytes_in = _is_classes(examples.targets), examples.images.dtype == np.uint8
        self._check_targets(examples.targets, classes)
        objective, optimizer = options.objective, options.optimizer
        executable = self._executable(
            ("training", bytes_in, classes),
            lambda c: c.training(
                objective,
                optimizer,
                bytes_in=bytes_in,
                classes=classes,
                loss_weights=options.loss_weights,
            ),
        )
        arrays: dict[str, Array] = {
            f"input:{name}": np.ascontiguousarray(examples.images, np.uint8 if bytes_in else np.float32),
            "indices": np.ascontiguousarray(indices, np.int64),
            "targets": np.ascontiguousarray(examples.targets, np.int64 if classes else np.float32),
        }
        return executable, arrays

    def _check_targets(self, targets: Array, classes: bool) -> None:
        shapes = {self.graph.shapes[node] for node in self._loss_nodes}
        if classes:
            count = min(shape[0] for shape in shapes)
            if len(targets) and not 0 <= int(targets.min()) <= int(targets.max()) < count:
                raise DataError(f"classes are 0 to {count - 1}, received {targets.min()} to {targets.max()}")
        elif {targets.shape[1:]} != shapes:
            expected = " and ".join(map(str, sorted(shapes)))
            raise DataError(f"targets have the output's shape {expected}, received {targets.shape[1:]}")


def _is_classes(targets: Array) -> bool:
    """Whether targets are classes, not arrays like the output."""
    return targets.ndim == 1 and targets.dtype.kind in "iu"


def _loss_arrays(targets: Array, losses: NDArray[np.float64]) -> dict[str, Array]:
    """The externals of a loss that is not trained on."""
    return {
        "targets": np.ascontiguousarray(targets, np.int64 if _is_classes(targets) else np.float32),
        "losses": losses,
        "correct": np.zeros(1, np.int64),
    }
