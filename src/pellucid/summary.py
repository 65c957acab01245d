"""The table that `Model.summary` prints: one row a node, what it yields and what it costs."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table

from pellucid.engines.engine import CompileOptions
from pellucid.engines.schema import Schema
from pellucid.errors import EngineError, LayerError, UnsupportedLayer
from pellucid.graph import Graph, Node
from pellucid.layers import Crop, Slice
from pellucid.model import Model
from pellucid.receptive_field import ReceptiveField, receptive_fields
from pellucid.tuning import Candidate


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
        table.add_column(heading, overflow="fold")
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


def plan_table(model: Model, options: CompileOptions, schema: Schema) -> Table:
    """One row a step of what the engine does with a batch: its node, what it is, how its arrays lie."""
    layouts = [made for made in schema.decisions if made.node is None]
    notes = [f"layout {made.choice}, {made.origin.value}" for made in layouts]
    notes.append(
        f"{_megabytes(schema.workspace_bytes)} to work in, {_megabytes(schema.state_bytes)} of state"
    )
    table = _plain_table(f"{model.name}: {options.purpose.value}, batches of {options.capacity}")
    table.caption = "\n".join(notes)
    for heading in ("node", "step", "layout", "when"):
        table.add_column(heading)
    for step in schema.steps:
        when = "parameters changed" if step.prepared else "every run"
        table.add_row(step.node, step.operation, step.layout, when)
    return table


def algorithm_table(schema: Schema) -> Table:
    """One row a convolution: its algorithm, and whether that was chosen, tuned or forced."""
    table = _plain_table("algorithms")
    for heading in ("convolution", "algorithm", "origin"):
        table.add_column(heading)
    for made in schema.decisions:
        if made.node is not None:
            table.add_row(made.node, made.choice, made.origin.value)
    return table


def timing_table(timings: Sequence[tuple[Candidate, float]]) -> Table:
    """One row a candidate that was timed, in the order in which they were."""
    table = _plain_table("timed")
    for heading in ("what", "candidate"):
        table.add_column(heading)
    table.add_column("milliseconds", justify="right")
    for candidate, seconds in timings:
        what = ", ".join(candidate.nodes) or "whole network"
        table.add_row(what, candidate.choice, f"{1000 * seconds:,.3f}")
    return table


def _plain_table(title: str) -> Table:
    return Table(title=title, caption_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)


def _megabytes(count: int) -> str:
    return f"{count / 1e6:,.1f} MB"


def _memory(model: Model) -> list[str]:
    """Peak memory of the two commonest uses, images and results aside; none of what is impossible."""
    uses = []
    for training in (False, True):
        options = model.options(training=training)
        use = f"train on batches of {options.capacity}" if training else "predict one image"
        # An engine may lack a layer, or a loss not fit the output: the table is shown all the same.
        with contextlib.suppress(EngineError, LayerError, UnsupportedLayer):
            uses.append(f"{_megabytes(model.engine.describe(model.graph, options).nbytes)} to {use}")
    return [f"memory: {', '.join(uses)}"] if uses else []


def print_summary(model: Model) -> None:
    """Print the table to standard output."""
    Console(highlight=False).print(summary_table(model))


def unused_columns(graph: Graph) -> dict[str, tuple[int, ...]]:
    """For every layer whose windows stop short of its input's end: how many positions, an axis each."""
    found = {}
    for node in graph.nodes:
        if isinstance(node.layer, Crop | Slice):  # what they leave out is what they are for
            continue
        windows = node.layer.window(graph.input_shapes(node)) or ()
        unused = tuple(window.unused for window in windows)
        if any(unused):
            found[node.name] = unused
    return found


def _product(lengths: tuple[int, ...]) -> str:
    return "x".join(str(length) for length in lengths)


def _count(model: Model, node: Node, role: str) -> int:
    specs = node.layer.parameters(model.graph.input_shapes(node))
    return sum(math.prod(spec.shape) for spec in specs if spec.role == role)


def _field_text(field: ReceptiveField) -> str:
    return "whole input" if field is None else _product(tuple(math.ceil(axis.size) for axis in field))


def _notes(model: Model) -> str | None:
    notes = _memory(model)
    unused = unused_columns(model.graph)
    for node in model.graph.nodes:
        axes = ("row", "column") if len(unused.get(node.name, ())) == 2 else ("position",)
        parts = [
            f"{count} {axis}{'s' if count > 1 else ''}"
            for count, axis in zip(unused.get(node.name, ()), axes, strict=False)
            if count
        ]
        if parts:
            notes.append(f"{node.name}: its stride leaves the last {' and '.join(parts)} of its input unused")
        fixed = _count(model, node, "fixed")
        if fixed:
            notes.append(f"{node.name}: {fixed:,} fixed numbers besides, which no training moves")
    return "\n".join(notes) or None
