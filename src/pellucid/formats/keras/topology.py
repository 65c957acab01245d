"""The wiring of a Keras model: its configuration, as Keras 2, Keras 3 and TensorFlow.js write it, as calls.

A Sequential or Functional model is {"class_name", "config": {"layers": [...]}}; a model among the layers is
taken apart, so that the calls are of layers only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from pellucid.errors import FormatError

Json = Mapping[str, object]
Tensor = tuple[str, int]
"""The output of a layer's call: path and number of the call."""

MODELS = ("Sequential", "Functional", "Model")
DEEPEST = 16
"""Models within models."""


@dataclass(frozen=True)
class Call:
    """A layer at one place of the wiring.

    Attributes:
        path: names of the models it is in and its own, "backbone/conv1".
        layer: its own name.
        number: which of the layer's calls; more than one where weights are shared.
        class_name: of the layer.
        config: its hyper-parameters.
        inputs: the tensors that it receives.
        operands: of an operation on tensors and plain numbers its arguments in order, None for a tensor;
            empty where all are tensors.
    """

    path: str
    layer: str
    number: int
    class_name: str
    config: Json
    inputs: tuple[Tensor, ...]
    operands: tuple[float | None, ...] = ()

    @property
    def tensor(self) -> Tensor:
        """What the call yields."""
        return self.path, self.number


@dataclass
class Wiring:
    """Calls, each after those it reads, and the tensors that the model returns."""

    calls: list[Call] = field(default_factory=list)
    outputs: list[Tensor] = field(default_factory=list)


def wiring(model: object) -> Wiring:
    """The calls of a model's configuration.

    Raises:
        FormatError: not such a configuration, or wiring that does not hold together.
    """
    result = Wiring()
    result.outputs = _expand(_entry(model), "", None, 0, result.calls, 0)
    return result


def text(data: Json, key: str) -> str:
    """A text of a JSON object."""
    value = data.get(key)
    if not isinstance(value, str):
        raise FormatError(f"{key} is text, received {_short(value)}")
    return value


def _entry(data: object) -> Json:
    if not isinstance(data, dict) or not isinstance(data.get("config"), dict | list):
        raise FormatError(f"a layer has a class_name and a config, received {_short(data)}")
    text(data, "class_name")
    config = data["config"]
    # Keras 1 and early TensorFlow.js write a Sequential model's layers in place of its config.
    return data if isinstance(config, dict) else {**data, "config": {"name": "sequential", "layers": config}}


def _config(entry: Json) -> Json:
    config = entry["config"]
    assert isinstance(config, dict)
    return config


def _expand(
    model: Json, prefix: str, given: Sequence[Tensor] | None, number: int, calls: list[Call], depth: int
) -> list[Tensor]:
    """Append the calls of a model that receives `given` (None for the outermost), and return its outputs."""
    if depth > DEEPEST:
        raise FormatError(f"models lie in models at most {DEEPEST} deep")
    config = _config(model)
    if model["class_name"] not in MODELS:
        raise FormatError(f"a model is one of {', '.join(MODELS)}, received {model['class_name']!r}")
    layers = config.get("layers")
    if not isinstance(layers, list) or not layers:
        raise FormatError("a model has a list of layers")
    entries = [_entry(layer) for layer in layers]
    expansion = _Expansion(prefix, number, calls, depth)
    if model["class_name"] == "Sequential":
        return expansion.chain(entries, given)
    return expansion.functional(config, entries, given)


@dataclass
class _Expansion:
    """One model on its way into calls.

    Attributes:
        prefix: path of the model, with a slash, or "".
        number: which of the model's calls this is.
        calls: all there are so far.
        values: tensors by layer name, number of its call and number of its output.
    """

    prefix: str
    number: int
    calls: list[Call]
    depth: int
    values: dict[tuple[str, int, int], Tensor] = field(default_factory=dict)

    def chain(self, entries: list[Json], given: Sequence[Tensor] | None) -> list[Tensor]:
        """A Sequential model."""
        current = list(given or [])
        for entry in entries:
            name = text(_config(entry), "name")
            if entry["class_name"] == "InputLayer":
                if given is None:
                    current = self._call(entry, name, [], 0)
                continue
            if not current:
                shape = _config(entry).get("batch_input_shape") or _config(entry).get("batch_shape")
                source = {"class_name": "InputLayer", "config": {"batch_shape": shape, "name": "input"}}
                current = self._call(source, "input", [], 0)
            current = self._call(entry, name, current, 0)
        return current

    def functional(self, config: Json, entries: list[Json], given: Sequence[Tensor] | None) -> list[Tensor]:
        """A Functional model; its layers may come in any order."""
        if given is not None:
            inputs = list(_references(config.get("input_layers")))
            if len(inputs) != len(given):
                raise FormatError(f"{self.prefix}: takes {len(inputs)} inputs, received {len(given)}")
            self.values.update(zip(inputs, given, strict=True))
        pending = [
            (entry, name, number, sources)
            for entry in entries
            for name in [_layer_name(entry)]
            if given is None or entry["class_name"] != "InputLayer"
            for number, sources in enumerate(_inbound(entry))
        ]
        while pending:
            waiting = []
            for entry, name, number, sources in pending:
                if all(source in self.values for source in sources):
                    outputs = self._call(entry, name, [self.values[source] for source in sources], number)
                    self.values.update({(name, number, i): tensor for i, tensor in enumerate(outputs)})
                else:
                    waiting.append((entry, name, number, sources))
            if len(waiting) == len(pending):
                raise FormatError(f"{self.prefix}{waiting[0][1]}: its inputs are not outputs of other layers")
            pending = waiting
        returned = list(_references(config.get("output_layers")))
        unknown = [output for output in returned if output not in self.values]
        if unknown or not returned:
            raise FormatError(f"a model returns outputs of its layers, received {_short(unknown)}")
        return [self.values[output] for output in returned]

    def _call(self, entry: Json, name: str, inputs: list[Tensor], number: int) -> list[Tensor]:
        path = self.prefix + name
        if entry["class_name"] in MODELS:
            return _expand(entry, f"{path}/", inputs, number, self.calls, self.depth + 1)
        # A model that is called again calls each of its layers again.
        call = Call(
            path,
            name,
            self.number + number,
            text(entry, "class_name"),
            _config(entry),
            tuple(inputs),
            _operands(entry, number),
        )
        self.calls.append(call)
        return [call.tensor]


def _layer_name(entry: Json) -> str:
    return text(entry, "name") if "name" in entry else text(_config(entry), "name")


def _inbound(entry: Json) -> list[list[tuple[str, int, int]]]:
    """For every call of a layer the tensors it receives; one call without any for an InputLayer."""
    nodes = entry.get("inbound_nodes")
    if not isinstance(nodes, list):
        raise FormatError(f"inbound_nodes is a list, received {_short(nodes)}")
    if not nodes and entry["class_name"] == "InputLayer":
        return [[]]
    if any(not isinstance(node, list | dict) for node in nodes):
        raise FormatError(f"inbound_nodes is a list of calls, received {_short(nodes)}")
    if nodes and isinstance(nodes[0], list) and nodes[0] and isinstance(nodes[0][0], str):
        nodes = [nodes]  # one call, of which TensorFlow.js leaves a level out
    return [
        list(_keras_tensors(node.get("args"))) if isinstance(node, dict) else list(_references(node))
        for node in nodes
    ]


def _operands(entry: Json, number: int) -> tuple[float | None, ...]:
    """Keras 3: the arguments of an operation such as x + 3, where some are numbers."""
    nodes = entry.get("inbound_nodes")
    node = nodes[number] if isinstance(nodes, list) and number < len(nodes) else None
    arguments = node.get("args") if isinstance(node, dict) else None
    if not isinstance(arguments, list):
        return ()
    operands = tuple(float(a) if type(a) in (int, float) else None for a in arguments)
    return operands if any(operand is not None for operand in operands) else ()


def _keras_tensors(value: object) -> Iterator[tuple[str, int, int]]:
    """Keras 3: tensors anywhere in a call's arguments."""
    if isinstance(value, dict):
        history = (
            value.get("config", {}).get("keras_history") if isinstance(value.get("config"), dict) else None
        )
        if value.get("class_name") == "__keras_tensor__" and history is not None:
            yield from _references(history)
        return
    if isinstance(value, list):
        for item in value:
            yield from _keras_tensors(item)


def _references(value: object) -> Iterator[tuple[str, int, int]]:
    """["conv1", 0, 0], or any nesting of such; what else an entry holds (Keras 2: arguments) is not read."""
    if not isinstance(value, list):
        raise FormatError(f'a tensor is ["layer", 0, 0], received {_short(value)}')
    if value and isinstance(value[0], str):
        numbers = value[1:3]
        if len(numbers) < 2 or any(type(number) is not int for number in numbers):
            raise FormatError(f'a tensor is ["layer", 0, 0], received {_short(value)}')
        yield value[0], numbers[0], numbers[1]
        return
    for item in value:
        yield from _references(item)


def _short(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= 80 else f"{shown[:80]}..."
