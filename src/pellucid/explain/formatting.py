"""Sums and proofs as a person would write them, in plain text and LaTeX."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from pellucid.explain.sums import Factor, Products, Sum

if TYPE_CHECKING:
    from pellucid.explain.proof import Proof
    from pellucid.explain.terms import Window

SHOWN = 12
"""Terms of a group that are written out: all of a group that is little longer, else the largest."""

TOLERATED = 3
"""Terms more than SHOWN that are written out rather than summed up."""


def number(value: float) -> str:
    """Six significant digits: what float32 has for certain."""
    return f"{value:.6g}"


def chosen(group: Products) -> tuple[list[int], float]:
    """The terms of a group that are written out: all, or the largest; and the sum of the others."""
    count = len(group)
    if count <= SHOWN + TOLERATED:
        return list(range(count)), 0.0
    order = np.argsort(-np.abs(group.addends), kind="stable")
    return [int(k) for k in order[:SHOWN]], float(group.addends[order[SHOWN:]].sum())


# ---- plain text


def text_of_sum(found: Sum, formula: str, window: Window | None = None) -> str:
    """A sum, one term a line."""
    lines = [f"{found.name} = {number(found.engine)}", f"  {formula}"]
    if window is not None:
        lines += _window_lines(window)
    for group in found.products:
        lines += _group_lines(group)
    if not len(found.terms):
        lines.append("  no terms: nothing reaches it")
    if found.function:
        lines.append(f"  total = {number(found.total)}")
        lines.append(f"  {found.function} = {number(found.value)}")
    else:
        lines.append(f"  = {number(found.value)}")
    verdict = "within" if found.holds else "MORE than"
    lines.append(
        f"the engine has {found.engine:.9g}; difference {found.difference:.2g}, {verdict} the "
        f"{found.tolerance:.2g} that rounding explains"
    )
    return "\n".join(lines)


def _group_lines(group: Products) -> list[str]:
    shown, rest = chosen(group)
    rows = [[*(_side(factor, k) for factor in group.factors), number(float(group.addends[k]))] for k in shown]
    widths = [max((len(row[i]) for row in rows), default=0) for i in range(len(group.factors) + 1)]
    lines = [f"  from {group.of}:"] if group.of else []
    for row in rows:
        sides = [text.ljust(width) for text, width in zip(row, widths, strict=False)][:-1]
        left = " * ".join(sides)
        lines.append(
            f"  + {left} = {row[-1].rjust(widths[-1])}" if len(sides) > 1 else f"  + {left}".rstrip()
        )
    if len(group) > len(shown):
        lines.append(f"  + ... and {len(group) - len(shown)} more terms that sum to {number(rest)}")
    return lines


def _side(factor: Factor, k: int) -> str:
    return f"{factor.label(k)} {number(float(factor.values[k]))}"


def _window_lines(window: Window) -> list[str]:
    values = [number(float(value)) for value in window.values]
    listed = ", ".join(values) if len(values) <= 4 * SHOWN else f"{len(values)} cells"
    cell = list(window.cells[window.winner].tolist())
    return [f"  the largest of {listed}", f"  won by {window.node}{cell}"]


def text_of_proof(proof: Proof) -> str:
    """Three values below each other, and what they are worth."""
    lines = [
        f"{proof.name}",
        f"  engine       {proof.engine:.9g}",
        f"  terms        {proof.terms:.9g}",
        f"  independent  {proof.independent:.9g}" + (f" +- {proof.uncertainty:.2g}" if proof.steps else ""),
        f"  ({proof.method})",
    ]
    lines += [
        f"    step {step:.3g}: {estimate:.9g}"
        for step, estimate in zip(proof.steps, proof.estimates, strict=True)
    ]
    lines += [f"  {remark}" for remark in proof.remarks]
    verdict = "they agree" if proof.holds else "they DIFFER by more than"
    allowed = proof.uncertainty + proof.rounding
    lines.append(f"  {verdict} within {allowed:.2g}" if proof.holds else f"  {verdict} {allowed:.2g}")
    return "\n".join(lines)


# ---- LaTeX


def latex_of_sum(found: Sum) -> str:
    """A sum as an aligned equation, for amsmath."""
    lines = [rf"{_latex_name(found.name)} &= {_latex_total(found)} \\"]
    for group in found.products:
        shown, rest = chosen(group)
        for k in shown:
            product = r" \cdot ".join(_latex_number(float(f.values[k])) for f in group.factors)
            under = r" \cdot ".join(_latex_name(f.label(k)) for f in group.factors)
            lines.append(rf"&\quad + \underbrace{{{product}}}_{{{under}}} \\")
        if len(group) > len(shown):
            words = rf"\text{{ ({len(group) - len(shown)} more terms)}}"
            lines.append(rf"&\quad + {_latex_number(rest)}{words} \\")
    lines.append(rf"&= {_latex_number(found.value)}")
    return "\n".join([r"\begin{aligned}", *lines, r"\end{aligned}"])


def _latex_total(found: Sum) -> str:
    if not found.function:
        return ""
    return rf"\mathrm{{{_escaped(found.function)}}},\quad \mathrm{{total}} ="


def _latex_name(label: str) -> str:
    name, bracket, cell = label.rstrip("]").partition("[")
    index = f"_{{{cell.replace(' ', '')}}}" if bracket else ""
    return rf"\mathrm{{{_escaped(name)}}}{index}"


def _escaped(text: str) -> str:
    for letter, written in (("\\", ""), ("_", r"\_"), ("^", r"\^{}"), ("%", r"\%"), (" ", r"\ ")):
        text = text.replace(letter, written)
    return text


def _latex_number(value: float) -> str:
    text = number(value)
    if "e" in text:
        digits, _, power = text.partition("e")
        text = rf"{digits} \cdot 10^{{{int(power)}}}"
    return f"({text})" if text.startswith("-") else text


def text_of_rows(title: str, rows: Sequence[tuple[str, str, float]]) -> str:
    """Named numbers below each other: symbol, equation, value."""
    width = max(len(symbol) for symbol, _, _ in rows)
    formula = max(len(equation) for _, equation, _ in rows)
    lines = [f"  {s.ljust(width)}  {e.ljust(formula)}  {v:.9g}" for s, e, v in rows]
    return "\n".join([title, *lines])


def latex_of_rows(rows: Sequence[tuple[str, str, float]]) -> str:
    """Named numbers as an aligned equation, for amsmath."""
    lines = [
        rf"\mathrm{{{_escaped(symbol)}}} &= \mathrm{{{_escaped(equation)}}} = {_latex_number(value)}"
        for symbol, equation, value in rows
    ]
    return "\n".join([r"\begin{aligned}", " \\\\\n".join(lines), r"\end{aligned}"])
