"""What people hold: a graph, its parameters and the engine that runs it."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pellucid.engines import select
from pellucid.engines.engine import Array, CompileOptions, Engine, Gradients, Program, Purpose, Trace, Wanted
from pellucid.errors import DataError, LayerError, UnknownNameError
from pellucid.graph import Graph, sequential_graph
from pellucid.initialization import initial_parameters
from pellucid.layers import Layer, RBFOutput, Softmax
from pellucid.objectives import Objective, OutputKind, objective
from pellucid.recipe import Recipe
from pellucid.tuning import Stopwatch, Tuning, check_tunings, shortest_run

Float32 = NDArray[np.float32]

PREDICT_BATCH = 256
"""Images that predict sends to the engine at a time."""


PROGRAM_BYTES = 5 << 28
"""That the parameters of kept programs take together, at most; the latest is kept whatever it takes."""


class Model:
    """A network: graph + parameters + an engine.

    Args:
        graph: what is computed.
        parameters: arrays by full name ("conv1.weight"); the layers' initialisers draw those left out.
        seed: of the initial parameters.
        engine: "native", "reference", or an Engine.
        output_kind: "logits", "probabilities" or "scores" (any larger-is-better number); from the last layer
            when left out.
        class_names: names of the outputs, for people.
        name: of the network, for people.
        recipe: how the network is trained unless `train` is told otherwise.
        tunings: what the native engine measured, one for each workload; see `tune`.
    """

    def __init__(
        self,
        graph: Graph,
        parameters: Mapping[str, ArrayLike] | None = None,
        *,
        seed: int = 0,
        engine: str | Engine = "native",
        output_kind: OutputKind | None = None,
        class_names: Sequence[str] = (),
        name: str = "network",
        recipe: Recipe | None = None,
        tunings: Sequence[Tuning] = (),
    ) -> None:
        self.graph = graph
        self.tunings = tuple(tunings)
        self.name = name
        self.recipe = recipe or Recipe()
        self.class_names = tuple(class_names)
        self.output_kind: OutputKind = output_kind or _output_kind(graph)
        self.engine = select(engine) if isinstance(engine, str) else engine
        self._programs: dict[CompileOptions, tuple[Program, int]] = {}
        nbytes = sum(4 * math.prod(spec.shape) for spec in graph.parameters.values())
        self._most_programs = max(1, PROGRAM_BYTES // max(1, nbytes))
        self._version = 0
        self._parameters: dict[str, Float32] = {}
        if parameters is None or len(parameters) < len(graph.parameters):
            self._store(initial_parameters(graph, seed))
        if parameters is not None:
            self.set_parameters(parameters)
        self._parameters = {full: self._parameters[full] for full in graph.parameters}  # in graph order

    # ---- parameters

    @property
    def parameters(self) -> Mapping[str, Float32]:
        """All arrays by full name, read-only views; `set_parameters` replaces them."""
        return MappingProxyType(self._parameters)

    @property
    def parameter_count(self) -> int:
        """Number of trainable parameters."""
        specs = self.graph.parameters.values()
        return sum(math.prod(spec.shape) for spec in specs if spec.role == "trainable")

    def set_parameters(self, parameters: Mapping[str, ArrayLike]) -> None:
        """Replace the named arrays; raises where a name is unknown or a shape differs, changing nothing."""
        checked = {}
        for name, value in parameters.items():
            if name not in self.graph.parameters:
                raise UnknownNameError("parameter", name, self.graph.parameters)
            array = np.array(value, dtype=np.float32, order="C")
            expected = self.graph.parameters[name].shape
            if array.shape != expected:
                raise LayerError(f"{name}: expects an array of shape {expected}, received {array.shape}")
            checked[name] = array
        self._store(checked)

    def _store(self, arrays: Mapping[str, Float32]) -> None:
        for array in arrays.values():
            array.setflags(write=False)
        self._parameters.update(arrays)
        self._version += 1

    # ---- programs

    @property
    def tunings(self) -> tuple[Tuning, ...]:
        """What was measured, one for each workload: the engine follows it where just that is asked for."""
        return self._tunings

    @tunings.setter
    def tunings(self, tunings: Sequence[Tuning]) -> None:
        check_tunings(tunings, self.graph)
        self._tunings = tuple(tunings)

    def options(self, *, batch_size: int | None = None, training: bool = False) -> CompileOptions:
        """What `predict` compiles for when it receives a batch, or `train` with the model's recipe.

        Args:
            batch_size: 1 image when left out, or the recipe's; `predict` rounds up to a power of two.
            training: whether it is for `train`.
        """
        if not training:
            return CompileOptions(_capacity(batch_size or 1), Purpose.INFERENCE, tunings=self.tunings)
        recipe = self.recipe
        return CompileOptions(
            batch_size or recipe.batch_size,
            Purpose.TRAINING,
            objective=recipe.objective,
            loss_weights=recipe.loss_weights,
            optimizer=recipe.optimizer,
            tunings=self.tunings,
        )

    def tune(
        self, *, batch_size: int | None = None, training: bool = False, stopwatch: Stopwatch = shortest_run
    ) -> Tuning:
        """Time layouts and algorithms on this machine and keep what is fastest, here and in the model's file.

        What is kept counts for this purpose, batch size, instruction set and number of threads only. It may
        change the last bits once; from then on they are the same, run after run.

        Args:
            batch_size: as in `options`.
            training: whether it is for `train`, not `predict`.
            stopwatch: measures each candidate.

        Raises:
            EngineError: the engine has nothing to choose from.
        """
        options = replace(self.options(batch_size=batch_size, training=training), tunings=())
        tuning = self.engine.tune(self.graph, options, self._parameters, stopwatch)
        others = [other for other in self.tunings if other.workload != tuning.workload]
        self.tunings = (*others, tuning)
        return tuning

    def program(self, options: CompileOptions) -> Program:
        """A program of this graph with the current parameters; compiled once for each set of options.

        Every program has the parameters in an order of its own: of large networks only the latest are kept.
        """
        program, version = self._programs.get(options, (None, -1))
        if program is None:
            program = self.engine.compile(self.graph, options)
        if version != self._version:
            program.write_parameters(self._parameters)
        self._programs.pop(options, None)
        self._programs[options] = (program, self._version)  # the last one used is the last to go
        for other in list(self._programs)[: -self._most_programs]:
            self._programs.pop(other, None)
        return program

    def rebuilt(
        self,
        parameters: Mapping[str, ArrayLike] | None = None,
        *,
        graph: Graph | None = None,
        name: str | None = None,
    ) -> Model:
        """A model of its own with this one's engine, kind of output, class names and recipe.

        Args:
            parameters: its arrays; copies of these when left out.
            graph: these parameters' graph; the same when left out.
            name: of the network; the same when left out.
        """
        return Model(
            graph or self.graph,
            self._parameters if parameters is None else parameters,
            engine=self.engine,
            output_kind=self.output_kind,
            class_names=self.class_names,
            name=self.name if name is None else name,
            recipe=self.recipe,
        )

    def _batch(self, inputs: Sequence[ArrayLike]) -> tuple[Float32, ...]:
        names = self.graph.inputs
        if len(inputs) != len(names):
            raise DataError(f"{self.name}: expects {len(names)} input(s), received {len(inputs)}")
        arrays: list[Float32] = []
        for name, value in zip(names, inputs, strict=True):
            array = np.ascontiguousarray(value, dtype=np.float32)
            shape = self.graph.shapes[name]
            if array.ndim != len(shape) + 1 or array.shape[1:] != shape:
                expected = ", ".join(["N", *map(str, shape)])
                raise DataError(f"{name}: expects images of shape ({expected}), received {array.shape}")
            if len(array) != len(arrays[0] if arrays else array):
                raise DataError(f"{name}: inputs have one batch size, received {len(array)}")
            arrays.append(array)
        return tuple(arrays)

    # ---- numbers

    def predict(self, *inputs: ArrayLike) -> Float32 | tuple[Float32, ...]:
        """The network's output for a batch.

        Args:
            inputs: one (N, *shape) array an input of the graph.

        Returns:
            (N, *output shape) float32; a tuple of them when the graph has several outputs.
        """
        arrays = self._batch(inputs)
        count = len(arrays[0])
        options = self.options(batch_size=count)
        capacity, program = options.capacity, self.program(options)
        parts = [
            program.forward(*(array[start : start + capacity] for array in arrays))
            for start in range(0, count, capacity)
        ]
        shapes = [self.graph.shapes[name] for name in self.graph.outputs]
        outputs = tuple(
            np.concatenate([part[i] for part in parts]) if parts else np.empty((0, *shape), np.float32)
            for i, shape in enumerate(shapes)
        )
        return outputs[0] if len(outputs) == 1 else outputs

    def _trace_program(
        self,
        count: int,
        keep: Sequence[str],
        loss: Objective | None = None,
        loss_weights: Sequence[float] = (),
    ) -> Program:
        for name in keep:
            self.graph.node(name)
        capacity = 1 << max(0, count - 1).bit_length()
        weights = tuple(loss_weights)
        options = CompileOptions(capacity, Purpose.TRACE, tuple(keep), loss, loss_weights=weights)
        return self.program(options)

    def trace_nbytes(self, count: int, nodes: Sequence[str] = ()) -> int:
        """Bytes that `trace` of this many images will hold."""
        return self._trace_program(count, nodes).trace_nbytes(count)

    def trace(self, *inputs: ArrayLike, nodes: Sequence[str] = ()) -> Trace:
        """Every activation of a batch by node name, or those of `nodes` only."""
        arrays = self._batch(inputs)
        return self._trace_program(len(arrays[0]), nodes).trace(*arrays)

    def gradients(
        self,
        images: ArrayLike,
        targets: ArrayLike,
        loss: str | Objective = "cross_entropy",
        nodes: Sequence[str] = (),
        loss_weights: Sequence[float] = (),
        *,
        parameters: Sequence[str] | None = None,
        activations: Sequence[str] = (),
    ) -> Gradients:
        """Gradients of the mean loss of a batch, with running statistics and without dropout.

        Args:
            images: (N, *shape).
            targets: (N,) classes, or (N, *output shape) numbers.
            loss: a name in OBJECTIVES or an Objective.
            nodes: further nodes whose dJ/da is wanted; the input's is always there.
            loss_weights: one an output, see Recipe; the first output's loss alone when empty.
            parameters: full names of those whose gradient is wanted; all trainable ones when left out.
            activations: nodes whose activation is returned as well, from the same pass.
        """
        arrays = self._batch((images,))
        for name in (*nodes, *activations):
            self.graph.node(name)
        count = len(arrays[0])
        program = self._trace_program(count, self.graph.outputs, objective(loss), loss_weights)
        wanted = Wanted(
            nodes=tuple(dict.fromkeys((*self.graph.inputs, *nodes))),
            parameters=None if parameters is None else tuple(parameters),
            activations=tuple(activations),
        )
        return program.differentiate(arrays, wanted=wanted, targets=self.targets(targets, count))

    def targets(self, targets: ArrayLike, count: int) -> Array:
        """Classes as int64 or arrays as float32, checked against the first output."""
        array = np.asarray(targets)
        shape = self.graph.shapes[self.graph.outputs[0]]
        if array.shape == (count,) and array.dtype.kind in "iu":
            if count and not (0 <= int(array.min()) and int(array.max()) < shape[0]):
                wrong = array[(array < 0) | (array >= shape[0])][0]
                raise DataError(f"classes are 0 to {shape[0] - 1}, received {wrong}")
            return array.astype(np.int64)
        if array.shape == (count, *shape):
            return array.astype(np.float32)
        raise DataError(
            f"targets are {count} whole numbers, or an array of shape {(count, *shape)}; "
            f"received {array.dtype} of shape {array.shape}"
        )

    # ---- people

    def summary(self) -> None:
        """Print a table, one row a layer: output shape, parameters, multiply-adds, receptive field."""
        from pellucid.summary import print_summary

        print_summary(self)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a .pellucid file; see formats/native_file.py."""
        from pellucid.formats.native_file import save

        save(self, path)

    def to_onnx(self, path: str | os.PathLike[str]) -> None:
        """Write an ONNX file; see formats/onnx_export."""
        from pellucid.formats.onnx_export import save

        save(self, path)

    def explain(self, image: Any = None) -> Any:
        """The Studio in a notebook's cell, opened on an image: a Jupyter widget.

        Args:
            image: an array of the input's shape, the path of a picture, or a PIL image; pictures are fitted.
                Images of the package when left out.

        Raises:
            DataError: the image cannot be the network's input, or the extra [notebook] is not installed.
        """
        from pellucid.notebook import explain

        return explain(self, image)

    def __repr__(self) -> str:
        return f"<{self.name}: {len(self.graph.nodes)} nodes, {self.parameter_count:,} parameters>"


class Sequential(Model):
    """A chain of layers.

    Args:
        layers: in order; a (name, layer) pair names its node.
        input_shape: (C, H, W), (C, L) or (features,).

    Example:
        >>> import pellucid
        >>> net = pellucid.Sequential(pellucid.Flatten(), pellucid.Linear(10), input_shape=(1, 28, 28))
        >>> net.parameter_count
        7850
    """

    def __init__(
        self,
        *layers: Layer | tuple[str, Layer],
        input_shape: Sequence[int],
        seed: int = 0,
        engine: str | Engine = "native",
        class_names: Sequence[str] = (),
        name: str = "network",
        recipe: Recipe | None = None,
    ) -> None:
        graph = sequential_graph(layers, input_shape)
        super().__init__(graph, seed=seed, engine=engine, class_names=class_names, name=name, recipe=recipe)


def _capacity(count: int) -> int:
    """Of the program that predicts so many images: few programs serve every batch."""
    return min(PREDICT_BATCH, 1 << max(0, count - 1).bit_length())


def _output_kind(graph: Graph) -> OutputKind:
    last = graph.node(graph.outputs[0]).layer
    if isinstance(last, Softmax):
        return "probabilities"
    return "scores" if isinstance(last, RBFOutput) else "logits"
