"""What a figure of convolution arithmetic says: its numbers, its title, its captions and its equations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pellucid.engines.engine import Array
from pellucid.engines.reference.definition import INFERENCE
from pellucid.engines.reference.definitions import definition
from pellucid.layers import Conv2d, ConvTranspose2d
from pellucid.layers.geometry import Axes as Lengths
from pellucid.layers.geometry import per_axis
from pellucid.plot.grids import PlaneCells
from pellucid.plot.language import Words

SHOWN_TERMS = 12
"""Products of a sum that are written out at most."""


@dataclass(frozen=True, eq=False)
class WindowPlan:
    """What is drawn: a layer, the cells it meets, which output cell is computed, and numbers if any."""

    layer: Conv2d | ConvTranspose2d
    cells: PlaneCells
    at: tuple[int, int]
    words: Words
    values: Array | None
    weights: Array | None

    @property
    def output(self) -> tuple[int, int]:
        """Rows and columns of the output."""
        return self.cells.rows.window.output, self.cells.columns.window.output

    @property
    def kernel(self) -> tuple[int, int]:
        """Rows and columns of the kernel."""
        return self.cells.rows.window.kernel, self.cells.columns.window.kernel


def result(plan: WindowPlan) -> Array | None:
    """The output's numbers, where there are values."""
    if plan.values is None or plan.weights is None:
        return None
    forward: Callable[..., tuple[Array, object]] = definition(plan.layer).forward
    parameters = {"weight": plan.weights[None, None]}
    output, _ = forward(plan.layer, [plan.values[None, None]], parameters, INFERENCE)
    plane: Array = output[0, 0]
    return plane


def seen_weights(plan: WindowPlan) -> Array:
    """The kernel as it meets the input: a transposed convolution's lies on it turned by 180 degrees."""
    assert plan.weights is not None
    turned: Array = plan.weights[::-1, ::-1] if isinstance(plan.layer, ConvTranspose2d) else plan.weights
    return turned


def input_text(plan: WindowPlan, row: int, column: int) -> str:
    """A value, a cell's number where padding copies cells, or the zero of padding and in between."""
    source = plan.cells.source(row, column)
    if source is None:
        return "0"
    if plan.values is not None:
        return f"{plan.values[source]:g}"
    copied = plan.cells.rows.mode != "zeros" and any(
        axis.window.pad_start or axis.window.pad_end for axis in plan.cells.axes
    )
    return str(source[0] * plan.cells.columns.window.input + source[1] + 1) if copied else ""


def title(plan: WindowPlan) -> str:
    """What the layer is: its kernel and every setting that is not the usual one."""
    words, layer = plan.words, plan.layer
    transposed = isinstance(layer, ConvTranspose2d)
    parts = [words("Transposed convolution") if transposed else words("Convolution")]
    parts.append(words("kernel {size}", size=_times(plan.kernel)))
    for phrase, value in (("stride {number}", layer.stride), ("dilation {number}", layer.dilation)):
        if value not in (1, (1, 1)):
            parts.append(words(phrase, number=_times(value)))
    if layer.padding not in (0, "valid"):
        parts.append(words("padding {amount}", amount=_amount(layer.padding)))
    if isinstance(layer, ConvTranspose2d) and layer.output_padding:
        parts.append(words("output padding {amount}", amount=_amount(layer.output_padding)))
    return words(", ").join(parts)


def _times(lengths: Lengths) -> str:
    return str(lengths) if isinstance(lengths, int) else "×".join(map(str, lengths))


def _amount(amount: object) -> str:
    if isinstance(amount, tuple):
        return ", ".join(
            "+".join(map(str, part)) if isinstance(part, tuple) else str(part) for part in amount
        )
    return str(amount)


def captions(plan: WindowPlan) -> list[str]:
    """What stands below the input, the kernel and the output."""
    words = plan.words
    windows = [axis.window for axis in plan.cells.axes]
    lengths = _times(tuple(window.input for window in windows))
    padded = _times(tuple(window.padded for window in windows))
    seen = words("input {size}", size=lengths)
    if padded != lengths:
        seen += "\n" + words("with padding {size}", size=padded)
    kernel = words("kernel {size}", size=_times(plan.kernel))
    if isinstance(plan.layer, ConvTranspose2d):
        kernel += "\n" + words("turned by 180°")
    elif any(window.dilation > 1 for window in windows):
        kernel += "\n" + words("spans {size}", size=_times(tuple(window.extent for window in windows)))
    return [seen, kernel, words("output {size}", size=_times(plan.output))]


def notes(plan: WindowPlan) -> list[str]:
    """The output's length by the rule, and the chosen cell's sum."""
    equations = [_equation(plan, axis) for axis in (0, 1)]
    if equations[0] == equations[1]:
        lines = equations[:1]
    else:
        names = (plan.words("height"), plan.words("width"))
        lines = [f"{name}: {equation}" for name, equation in zip(names, equations, strict=True)]
    numbers = result(plan)
    if numbers is not None and plan.kernel[0] * plan.kernel[1] <= SHOWN_TERMS:
        lines.append(f"{_sum(plan)} = {numbers[plan.at]:g}")
    return lines


def _equation(plan: WindowPlan, axis: int) -> str:
    window = plan.cells.axes[axis].window
    paddings = r"P_{\mathrm{start}} %s P_{\mathrm{end}}"
    if isinstance(plan.layer, ConvTranspose2d):
        start, end = plan.layer.paddings[axis]
        more = per_axis("figure", "output_padding", plan.layer.output_padding, 2, 0)[axis]
        rule = rf"(I - 1)\,S + F - {paddings % '-'}" + (r" + P_{\mathrm{out}}" if more else "")
        amounts = f"({window.input} - 1) \\cdot {window.fraction} + {window.extent} - {start} - {end}"
        amounts += f" + {more}" if more else ""
        return f"$O = {rule} = {amounts} = {window.output}$"
    amounts = f"{window.input} + {window.pad_start} + {window.pad_end} - {window.extent}"
    rule = rf"\left\lfloor \dfrac{{I + {paddings % '+'} - F}}{{S}} \right\rfloor + 1"
    numbers = rf"\left\lfloor \dfrac{{{amounts}}}{{{window.stride}}} \right\rfloor + 1"
    return f"$O = {rule} = {numbers} = {window.output}$"


def _sum(plan: WindowPlan) -> str:
    weights, cells = seen_weights(plan), plan.cells
    terms = []
    for i, row in enumerate(cells.rows.taps(plan.at[0])):
        for j, column in enumerate(cells.columns.taps(plan.at[1])):
            source = cells.source(row, column)
            value = 0.0 if source is None or plan.values is None else plan.values[source]
            weight = float(weights[i, j])
            terms.append(f"{value:g}·{f'({weight:g})' if weight < 0 else f'{weight:g}'}")
    return " + ".join(terms)
