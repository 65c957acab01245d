"""The sum behind one number of a gradient: a weight's, or an activation's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from numpy.typing import ArrayLike

from pellucid.engines.engine import Array, Trace, Wanted
from pellucid.errors import DataError, UnknownNameError
from pellucid.explain import proof
from pellucid.explain.derivatives import input_column, parameter_column
from pellucid.explain.differentiation import Differentiation, differentiate
from pellucid.explain.evidence import Evidence, check_within, evidence, whole_numbers
from pellucid.explain.formatting import latex_of_sum, text_of_sum
from pellucid.explain.sums import Cell, Factor, Products, Sum, single
from pellucid.explain.target import TargetLike
from pellucid.graph import Node
from pellucid.model import Model
from pellucid.objectives import Objective


@dataclass(frozen=True)
class GradientArithmetic(Sum):
    """The sum behind one number of a gradient.

    The terms of dJ/dw are the error signal of every output cell that uses the weight, times what the weight
    is multiplied by there. The terms of dJ/da are those of every cell that reads a, times its derivative.

    Attributes:
        node: whose activation it is the gradient of, or whose parameter.
        parameter: its full name, "conv1.weight"; None for an activation.
        image: number of the activation's image in the batch; None for a parameter.
        cell: position in the activation or in the parameter.
        differentiation: what was read.
    """

    node: str
    parameter: str | None
    image: int | None
    cell: Cell
    differentiation: Differentiation = field(repr=False, compare=False)

    def prove(self) -> proof.Proof:
        """Measure the gradient by central differences: what J becomes when the number is a little changed."""
        return proof.prove_gradient(
            self.differentiation, self.node, self.parameter, self.image, self.cell, self
        )

    def __str__(self) -> str:
        return text_of_sum(self, f"J = {self.differentiation.quantity.text}")

    def latex(self) -> str:
        """The sum as an aligned equation."""
        return latex_of_sum(self)


def gradient_arithmetic(
    model: Model,
    images: ArrayLike | Trace | Evidence | Differentiation,
    *,
    at: Sequence[int],
    parameter: str | None = None,
    node: str | None = None,
    targets: ArrayLike | None = None,
    loss: str | Objective | None = None,
    loss_weights: Sequence[float] = (),
    target: TargetLike = None,
    target_node: str | None = None,
) -> GradientArithmetic:
    """The terms of dJ/dw of one weight, or of dJ/da of one cell.

    Args:
        model: the network; BatchNorm by its running statistics, no dropout.
        images: one image, a batch, a trace, an Evidence, or a Differentiation, which knows J already.
        at: which number: an index into the parameter; of an activation its cell, of a batch (image, *cell).
        parameter: full name of a trainable parameter, "conv1.weight".
        node: or the node whose activation it is.
        targets: see `differentiate`, as the rest.
        loss: of J, where there are targets.
        loss_weights: of its outputs.
        target: what J is, where there are none.
        target_node: whose cells the target names.

    Raises:
        UnknownNameError: no such node or trainable parameter.
        DataError: no such number, or not just one of parameter and node.
    """
    if (parameter is None) == (node is None):
        raise DataError("a gradient is that of a parameter or of a node: give one of them")
    if isinstance(images, Differentiation):
        passed = images
    else:
        read = evidence(model, images)
        wanted = _wanted(read, parameter, node)
        passed = differentiate(
            model,
            read,
            targets,
            loss=loss,
            loss_weights=loss_weights,
            target=target,
            target_node=target_node,
            nodes=wanted.nodes,
            parameters=wanted.parameters,
            activations=wanted.activations,
        )
    if parameter is not None:
        return _of_parameter(passed, parameter, at)
    assert node is not None
    return _of_cell(passed, node, at)


def _wanted(read: Evidence, parameter: str | None, node: str | None) -> Wanted:
    """What stands behind one number's sum, as one pass backwards meets it."""
    if parameter is not None:
        owner = _owner(read, parameter)
        return Wanted((owner.name,), (parameter,), owner.inputs)
    assert node is not None
    read.graph.node(node)
    consumers = tuple(dict.fromkeys(read.graph.consumers[node]))
    inputs = (source for consumer in consumers for source in read.graph.node(consumer).inputs)
    return Wanted((node, *consumers), (), tuple(dict.fromkeys(inputs)))


def _owner(read: Evidence, parameter: str) -> Node:
    """The node of a trainable parameter."""
    trainable = [name for name, spec in read.graph.parameters.items() if spec.role == "trainable"]
    if parameter not in trainable:
        raise UnknownNameError("trainable parameter", parameter, trainable)
    return read.graph.node(parameter.rpartition(".")[0])


def _gradient(passed: Differentiation, name: str) -> Array:
    if name not in passed.gradients:
        raise UnknownNameError("gradient of the pass", name, passed.gradients)
    return passed.gradients[name]


def _of_parameter(passed: Differentiation, parameter: str, at: Sequence[int]) -> GradientArithmetic:
    read = passed.evidence
    node, cell = _owner(read, parameter), whole_numbers(parameter, at)
    shape = read.graph.parameters[parameter].shape
    if len(cell) != len(shape):
        raise DataError(f"{parameter}: a number of {shape} is {len(shape)} indices, received {tuple(at)}")
    check_within(parameter, cell, shape)
    delta = _gradient(passed, node.name)
    column = parameter_column(
        node, read.inputs(node), read.short_parameters(node), parameter.rpartition(".")[2], cell, delta.shape
    )
    deltas = Factor(f"dJ/d {node.name}", delta[tuple(column.cells.T)], column.cells)
    products = (Products((deltas, column.factor)),)
    engine = float(_gradient(passed, parameter)[cell])
    return _finished(
        passed, f"dJ/d {parameter}{list(cell)}", products, engine, node.name, parameter, None, cell
    )


def _of_cell(passed: Differentiation, name: str, at: Sequence[int]) -> GradientArithmetic:
    read = passed.evidence
    image, cell = read.place(name, at)
    products = tuple(_shares(passed, name, image, cell))
    engine = float(_gradient(passed, name)[(image, *cell)])
    shown = [image, *cell] if read.count > 1 else list(cell)
    return _finished(passed, f"dJ/d {name}{shown}", products, engine, name, None, image, cell)


def _shares(passed: Differentiation, name: str, image: int, cell: Cell) -> Iterator[Products]:
    """What reaches a cell from behind: from J itself, and from every node that reads it."""
    read = passed.evidence
    if name in passed.seeds:
        for label, value in passed.quantity.parts(name, read.activation(name), (image, *cell)):
            yield single(label, value)
    counted = read.graph.ancestors(passed.seeds)
    for consumer in dict.fromkeys(read.graph.consumers[name]):
        node = read.graph.node(consumer)
        if consumer not in counted:
            continue
        delta = _gradient(passed, consumer)[image]
        inputs = [x[0] for x in read.inputs(node, slice(image, image + 1))]
        output = read.activation(consumer)[image]
        for number, source in enumerate(node.inputs):
            if source != name:
                continue
            column = input_column(node, inputs, read.short_parameters(node), number, cell, output)
            deltas = Factor(f"dJ/d {consumer}", delta[tuple(column.cells.T)], column.cells)
            yield Products((deltas, column.factor), of=consumer)


def _finished(
    passed: Differentiation,
    title: str,
    products: tuple[Products, ...],
    engine: float,
    node: str,
    parameter: str | None,
    image: int | None,
    cell: Cell,
) -> GradientArithmetic:
    value = float(sum(group.addends.sum() for group in products))
    return GradientArithmetic(title, products, engine, "", value, node, parameter, image, cell, passed)
