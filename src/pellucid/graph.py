"""The graph: named nodes and their wiring. Immutable, and no numbers but hyper-parameters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType

from pellucid.errors import GraphError, LayerError, UnknownNameError
from pellucid.layers import Input, Layer, ParameterSpec, Shape


@dataclass(frozen=True)
class Node:
    """A layer at its place: what it is called and which nodes feed it."""

    name: str
    layer: Layer
    inputs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Graph:
    """A directed acyclic graph of nodes, each after its inputs.

    Args:
        nodes: every node; inputs come before the nodes they feed.
        outputs: names of the nodes whose values the network returns.

    Raises:
        GraphError: a name is used twice, an input is unknown or comes later, or an output is missing.
        LayerError: a layer does not fit the shapes it receives; the message begins with the node's name.
    """

    nodes: tuple[Node, ...]
    outputs: tuple[str, ...]

    def __post_init__(self) -> None:
        seen: set[str] = set()
        for node in self.nodes:
            if node.name in seen:
                raise GraphError(f"{node.name}: a node's name is used once, received it twice")
            if not node.name:
                raise GraphError("a node's name has at least one letter, received ''")
            for source in node.inputs:
                if source not in seen:
                    raise GraphError(
                        f"{node.name}: inputs are nodes that come before it, received {source!r}"
                    )
            self._check_input_count(node)
            seen.add(node.name)
        if not self.outputs:
            raise GraphError("a graph has at least one output, received none")
        if not self.inputs:
            raise GraphError("a graph has at least one Input, received none")
        for output in self.outputs:
            if output not in seen:
                raise GraphError(f"outputs are nodes of the graph, received {output!r}")
        _ = self.shapes  # a graph that exists fits together

    @staticmethod
    def _check_input_count(node: Node) -> None:
        expected, received = node.layer.input_count, len(node.inputs)
        if expected is None and received < 2:
            raise GraphError(f"{node.name}: {node.layer.name} takes two inputs or more, received {received}")
        if expected is not None and received != expected:
            raise GraphError(f"{node.name}: {node.layer.name} takes {expected} input(s), received {received}")

    @cached_property
    def by_name(self) -> Mapping[str, Node]:
        """Nodes by name."""
        return MappingProxyType({node.name: node for node in self.nodes})

    def node(self, name: str) -> Node:
        """The node of this name; UnknownNameError gives the nearest names otherwise."""
        try:
            return self.by_name[name]
        except KeyError:
            raise UnknownNameError("node", name, self.by_name) from None

    @cached_property
    def inputs(self) -> tuple[str, ...]:
        """Names of the Input nodes, in order."""
        return tuple(node.name for node in self.nodes if isinstance(node.layer, Input))

    @cached_property
    def shapes(self) -> Mapping[str, Shape]:
        """Output shape of every node, without the batch."""
        shapes: dict[str, Shape] = {}
        for node in self.nodes:
            try:
                shapes[node.name] = node.layer.output_shape([shapes[source] for source in node.inputs])
            except LayerError as error:
                origin = f" (output of {', '.join(node.inputs)})" if node.inputs else ""
                raise LayerError(f"{node.name}: {error}{origin}") from None
        return MappingProxyType(shapes)

    def input_shapes(self, node: Node) -> list[Shape]:
        """Shapes that a node receives."""
        return [self.shapes[source] for source in node.inputs]

    @cached_property
    def consumers(self) -> Mapping[str, tuple[str, ...]]:
        """For every node the nodes it feeds, once for each input it feeds."""
        result: dict[str, list[str]] = {node.name: [] for node in self.nodes}
        for node in self.nodes:
            for source in node.inputs:
                result[source].append(node.name)
        return MappingProxyType({name: tuple(names) for name, names in result.items()})

    @cached_property
    def parameters(self) -> Mapping[str, ParameterSpec]:
        """Every parameter by its full name, "conv1.weight"."""
        return MappingProxyType(
            {
                f"{node.name}.{spec.name}": spec
                for node in self.nodes
                for spec in node.layer.parameters(self.input_shapes(node))
            }
        )

    def ancestors(self, names: Iterable[str]) -> set[str]:
        """These nodes and everything they are computed from."""
        needed = set(names)
        for node in reversed(self.nodes):
            if node.name in needed:
                needed.update(node.inputs)
        return needed


class GraphBuilder:
    """Collects nodes one by one, naming them by their layer: conv1, relu1, pool1, conv2, ...

    Example:
        >>> from pellucid.layers import Add, Conv2d
        >>> builder = GraphBuilder()
        >>> x = builder.input((3, 8, 8))
        >>> y = builder.add(Conv2d(3, kernel_size=3, padding="same"), x)
        >>> builder.add(Add(), x, y)
        'add1'
        >>> builder.graph().shapes["add1"]
        (3, 8, 8)
    """

    def __init__(self) -> None:
        self._nodes: list[Node] = []
        self._counts: dict[str, int] = {}

    def input(self, shape: Sequence[int], name: str = "input") -> str:
        """Add an Input for arrays of this shape (without the batch) and return its name."""
        self._nodes.append(Node(name, Input(tuple(shape))))
        return name

    def add(self, layer: Layer, *inputs: str, name: str | None = None) -> str:
        """Add a layer fed by the named nodes and return the new node's name."""
        if not isinstance(layer, Layer):
            raise GraphError(f"a node holds a layer, received {layer!r}")
        if name is None:
            taken = {node.name for node in self._nodes}
            while name is None or name in taken:
                self._counts[layer.label] = self._counts.get(layer.label, 0) + 1
                name = f"{layer.label}{self._counts[layer.label]}"
        self._nodes.append(Node(name, layer, inputs))
        return name

    def graph(self, outputs: Sequence[str] | None = None) -> Graph:
        """The graph so far; its output is the last node unless others are named."""
        if not self._nodes:
            raise GraphError("a graph has at least one node, received none")
        return Graph(tuple(self._nodes), tuple(outputs) if outputs else (self._nodes[-1].name,))


def sequential_graph(layers: Sequence[Layer | tuple[str, Layer]], input_shape: Sequence[int]) -> Graph:
    """A chain: every layer fed by the one before. A (name, layer) pair names its node."""
    builder = GraphBuilder()
    last = builder.input(input_shape)
    for entry in layers:
        name, layer = entry if isinstance(entry, tuple) else (None, entry)
        last = builder.add(layer, last, name=name)
    return builder.graph()
