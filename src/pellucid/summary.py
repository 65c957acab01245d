"""The table that `Model.summary` prints: one row a node, what it yields and what it costs."""

from __future__ import annotations

import contextlib
import math

from rich import box
from rich.console import Console
from rich.table import Table

from pellucid.engines.engine import CompileOptions, Purpose
from pellucid.errors import LayerError, UnsupportedLayer
from pellucid.graph import Node
from pellucid.model import Model
from pellucid.receptive_field import ReceptiveField, receptive_fields


def summary_table(model: Model) -> Table:
    """One row a node and a row of totals.

    Columns: node and layer; output shape without the batch; trainable parameters; multiply-adds of one image;
    the input pixels that one cell sees, an axis each. Notes below give the memory that it takes, and name
    inputs that a layer leaves unused and parameters that no training moves.
    """
    graph = model.graph
    fields = receptive_fields(graph)
    table = Table(
        title=model.name,
        caption=_notes(model),
        caption_justify="left",
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        padding=(0, 1, 0, 0),  # ResNet-50 fits a terminal of 80 columns
    )
    for heading in ("layer", "type"):
        table.add_column(heading)
    for heading in ("output", "parameters", "multiply-\nadds", "receptive\nfield"):
        table.add_column(heading, justify="right")
    total = 0
    for node in graph.nodes:
        cost = node.layer.cost(graph.input_shapes(node))
        total += cost
        table.add_row(
            node.name,
            node.layer.name,
            _product(graph.shapes[node.name]),
            f"{_count(model, node, 'trainable'):,}",
            f"{cost:,}",
            _field_text(fields[node.name]),
        )
    table.add_section()
    table.add_row("total", "", "", f"{model.parameter_count:,}", f"{total:,}", "", style="bold")
    return table


def plan_table(model: Model, options: CompileOptions) -> Table:
    """One row a step of what the engine does with a batch: its node, what it is, how its arrays lie."""
    schema = model.engine.describe(model.graph, options)
    table = Table(
        title=f"{model.name}: {options.purpose.value}, batches of {options.capacity}",
        caption=f"{_megabytes(schema.workspace_bytes)} to work in, {_megabytes(schema.state_bytes)} of state",
        caption_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
    )
    for heading in ("node", "step", "layout", "when"):
        table.add_column(heading)
    for step in schema.steps:
        when = "parameters changed" if step.prepared else "every run"
        table.add_row(step.node, step.operation, step.layout, when)
    return table


def options_of(model: Model, *, batch_size: int | None, training: bool) -> CompileOptions:
    """What `predict` compiles for, or `train` with the model's recipe."""
    if not training:
        return CompileOptions(batch_size or 1, Purpose.INFERENCE)
    recipe = model.recipe
    return CompileOptions(
        batch_size or recipe.batch_size,
        Purpose.TRAINING,
        objective=recipe.objective,
        optimizer=recipe.optimizer,
    )


def _megabytes(count: int) -> str:
    return f"{count / 1e6:,.1f} MB"


def _memory(model: Model) -> list[str]:
    """Peak memory of the two commonest uses, images and results aside; none of what is impossible."""
    uses = []
    for training in (False, True):
        options = options_of(model, batch_size=None, training=training)
        use = f"train on batches of {options.capacity}" if training else "predict one image"
        # An engine may lack a layer, or a loss not fit the output: the table is shown all the same.
        with contextlib.suppress(UnsupportedLayer, LayerError):
            uses.append(f"{_megabytes(model.engine.describe(model.graph, options).nbytes)} to {use}")
    return [f"memory: {', '.join(uses)}"] if uses else []


def print_summary(model: Model) -> None:
    """Print the table to standard output."""
    Console(highlight=False).print(summary_table(model))


def _product(lengths: tuple[int, ...]) -> str:
    return "x".join(str(length) for length in lengths)


def _count(model: Model, node: Node, role: str) -> int:
    specs = node.layer.parameters(model.graph.input_shapes(node))
    return sum(math.prod(spec.shape) for spec in specs if spec.role == role)


def _field_text(field: ReceptiveField) -> str:
    return "whole input" if field is None else _product(tuple(axis.size for axis in field))


def _notes(model: Model) -> str | None:
    notes = _memory(model)
    for node in model.graph.nodes:
        windows = node.layer.window(model.graph.input_shapes(node)) or ()
        axes = ("row", "column") if len(windows) == 2 else ("position",)
        unused = [
            f"{window.unused} {axis}{'s' if window.unused > 1 else ''}"
            for window, axis in zip(windows, axes, strict=False)
            if window.unused
        ]
        if unused:
            notes.append(
                f"{node.name}: its stride leaves the last {' and '.join(unused)} of its input unused"
            )
        fixed = _count(model, node, "fixed")
        if fixed:
            notes.append(f"{node.name}: {fixed:,} fixed numbers besides, which no training moves")
    return "\n".join(notes) or None
