"""What an optimiser's step makes of one weight, number by number.

Every operation rounds to float32 as the engine's does, so that the last row is the trained weight to the bit.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from pellucid.engines.engine import Array, CompileOptions, Examples, Program, Purpose
from pellucid.engines.reference.optimizers import update, weight_decay
from pellucid.errors import DataError, NonFiniteError, UnknownNameError
from pellucid.explain.evidence import check_within, whole_numbers
from pellucid.explain.formatting import latex_of_rows, text_of_rows
from pellucid.explain.proof import Proof
from pellucid.explain.sums import Cell
from pellucid.model import Model
from pellucid.objectives import Objective, objective
from pellucid.optimizers import SGD, Adam, AdamW, Optimizer, optimizer

ALL_OF_IT = SGD(momentum=0.5)
"""After one step from rest its velocity is the gradient, to the bit: v = 0.5 * 0 + g."""


@dataclass(frozen=True)
class Row:
    """One number of an update.

    Attributes:
        symbol: what it is called.
        equation: where it comes from.
        value: the number, a float32 unless it is a norm.
    """

    symbol: str
    equation: str
    value: float


@dataclass(frozen=True)
class UpdateArithmetic:
    """One step of one weight.

    Attributes:
        parameter: full name.
        cell: which number of it.
        optimizer: whose step it is.
        learning_rate: eta.
        step: t, the number of the step, from 1.
        rows: from the weight before to the weight after.
        slots: the rule's numbers of this weight, before the step.
        decay: lambda of this weight.
        engine: the weight after the step, as the engine trained it.
    """

    parameter: str
    cell: Cell
    optimizer: Optimizer
    learning_rate: float
    step: int
    rows: tuple[Row, ...]
    slots: Mapping[str, float]
    decay: float
    engine: float

    def __getitem__(self, symbol: str) -> float:
        """The value of a row."""
        values = {row.symbol: row.value for row in self.rows}
        if symbol not in values:
            raise UnknownNameError("row of the update", symbol, values)
        return values[symbol]

    @property
    def value(self) -> float:
        """The weight after the step, by the rows."""
        return self.rows[-1].value

    @property
    def difference(self) -> float:
        """The engine's number minus the rows'."""
        return self.engine - self.value

    @property
    def holds(self) -> bool:
        """Whether they are the same number, to the bit."""
        return self.engine == self.value

    def prove(self) -> Proof:
        """The step by the optimiser's definition, in float64, from the same gradient, weight and slots."""
        w, g = np.array([self["w"]]), np.array([self["g used"]])
        slots = {slot: np.array([value]) for slot, value in self.slots.items()}
        new, _ = update(self.optimizer, w, g, slots, self.learning_rate, self.step, self.decay)
        unit = float(np.finfo(np.float32).eps)
        scale = abs(self["w"]) + 8 * abs(self["w"] - self.value)
        return Proof(
            f"{self.parameter}{list(self.cell)} after step {self.step}",
            self.engine,
            self.value,
            float(new[0]),
            f"{type(self.optimizer).__name__} by its definition, in float64",
            0.0,
            unit * scale,
        )

    def __str__(self) -> str:
        rule = self.optimizer
        title = (
            f"{self.parameter}{list(self.cell)}, step {self.step} of {type(rule).__name__}: {rule.formula}"
        )
        verdict = "the same bits" if self.holds else f"difference {self.difference:.2g}"
        rows = [(row.symbol, row.equation, row.value) for row in self.rows]
        return f"{text_of_rows(title, rows)}\nthe engine has {self.engine:.9g}: {verdict}"

    def latex(self) -> str:
        """The rows as an aligned equation."""
        return latex_of_rows([(row.symbol, row.equation, row.value) for row in self.rows])


def update_arithmetic(
    model: Model,
    images: ArrayLike,
    targets: ArrayLike,
    *,
    parameter: str,
    at: Sequence[int],
    rule: str | Optimizer | None = None,
    learning_rate: float | None = None,
    loss: str | Objective | None = None,
    loss_weights: Sequence[float] | None = None,
    slots: Mapping[str, ArrayLike] | None = None,
    first_step: int = 0,
    seed: int = 0,
    batch_size: int | None = None,
) -> UpdateArithmetic:
    """The rows of one training step of one weight; the model stays as it is.

    A step of training: BatchNorm by the batch, dropout active.

    Args:
        model: the network, with its weights before the step.
        images: (N, *shape) of the batch, uint8 (read as value / 255) or float32.
        targets: theirs.
        parameter: full name of a trainable parameter.
        at: which number of it.
        rule: the optimiser, or a name in OPTIMIZERS; the recipe's when left out.
        learning_rate: eta of this step; the recipe's when left out.
        loss: the recipe's when left out.
        loss_weights: likewise.
        slots: the optimiser's arrays before the step ("velocity:conv1.weight", as `Program.read_slots` has
            them); zeros when left out.
        first_step: steps done before: keys dropout, and Adam's t is one more.
        seed: of dropout.
        batch_size: that the training program is compiled for; the number of images when left out.

    Raises:
        UnknownNameError: no such trainable parameter.
        DataError: no such number, or images and targets that do not fit.
        NonFiniteError: the step meets a NaN or an infinity, so that training would stop.
    """
    trainable = [name for name, spec in model.graph.parameters.items() if spec.role == "trainable"]
    if parameter not in trainable:
        raise UnknownNameError("trainable parameter", parameter, trainable)
    cell, shape = whole_numbers(parameter, at), model.graph.parameters[parameter].shape
    if len(cell) != len(shape):
        raise DataError(f"{parameter}: a number of {shape} is {len(shape)} indices, received {tuple(at)}")
    check_within(parameter, cell, shape)
    chosen = model.recipe.optimizer if rule is None else optimizer(rule)
    eta = model.recipe.schedule.learning_rate if learning_rate is None else float(learning_rate)
    pixels = np.asarray(images)
    pixels = pixels if pixels.dtype == np.uint8 else pixels.astype(np.float32)
    step = _Step(
        model,
        Examples(pixels, model.targets(np.asarray(targets), len(pixels))),
        CompileOptions(
            max(len(pixels), batch_size or 0),
            Purpose.TRAINING,
            objective=model.recipe.objective if loss is None else objective(loss),
            optimizer=chosen,
            seed=seed,
            tunings=model.tunings,
            loss_weights=model.recipe.loss_weights if loss_weights is None else tuple(loss_weights),
        ),
        first_step,
    )
    given = {name: np.asarray(array, np.float32) for name, array in (slots or {}).items()}
    after = step.taken(chosen, eta, given).read_parameters()[parameter]
    own = {
        slot: np.float32(given[name][cell]) if (name := f"{slot}:{parameter}") in given else np.float32(0)
        for slot in chosen.slots
    }
    decay = weight_decay(chosen, model.graph.parameters[parameter])
    rows = [Row("w", "the weight before", float(model.parameters[parameter][cell]))]
    rows += _gradient_rows(step, chosen, parameter, cell)
    w, g = np.float32(rows[0].value), np.float32(rows[-1].value)
    rows += _rule_rows(chosen, w, g, own, eta, first_step + 1, decay)
    before = {slot: float(value) for slot, value in own.items()}
    return UpdateArithmetic(
        parameter, cell, chosen, eta, first_step + 1, tuple(rows), before, decay, float(after[cell])
    )


@dataclass(frozen=True)
class _Step:
    """A training step that can be taken again and again, from the same weights."""

    model: Model
    examples: Examples
    options: CompileOptions
    first_step: int

    def taken(self, rule: Optimizer, learning_rate: float, slots: Mapping[str, Array]) -> Program:
        """A program that has just done it."""
        program = self.model.engine.compile(self.model.graph, replace(self.options, optimizer=rule))
        program.write_parameters(self.model.parameters)
        program.write_slots(slots)
        count = len(self.examples.images)
        report = program.train_steps(
            self.examples,
            np.arange(count, dtype=np.int64),
            batch_size=count,
            learning_rates=[learning_rate],
            first_step=self.first_step,
        )
        if report.non_finite is not None:
            message = (
                f"step {self.first_step + 1}: the loss or a gradient is not finite, so nothing is updated"
            )
            raise NonFiniteError(message, step=self.first_step, node="")
        return program

    def gradients(self, clip_norm: float | None) -> dict[str, Array]:
        """dJ/dw of every trainable parameter, shortened to a norm: what an optimiser receives."""
        slots = self.taken(replace(ALL_OF_IT, clip_norm=clip_norm), 0.0, {}).read_slots()
        return {name.removeprefix("velocity:"): array for name, array in slots.items()}


def _gradient_rows(step: _Step, rule: Optimizer, parameter: str, cell: Cell) -> Iterator[Row]:
    """The gradient as the engine found it, and as the optimiser receives it."""
    gradients = step.gradients(None)
    g = gradients[parameter][cell]
    yield Row("g", "dJ/dw of the batch", float(g))
    if rule.clip_norm is not None:
        clipped = step.gradients(rule.clip_norm)
        norm = math.sqrt(sum(float(np.square(a, dtype=np.float64).sum()) for a in gradients.values()))
        yield Row("|g|", "norm of the gradients of all parameters together", norm)
        factor = _factor(gradients, clipped, rule.clip_norm / norm) if norm > rule.clip_norm else 1.0
        yield Row("c", f"min(1, {rule.clip_norm:g} / |g|)", float(factor))
        g = clipped[parameter][cell]
    yield Row("g used", "c g" if rule.clip_norm is not None else "g", float(g))


def _factor(gradients: Mapping[str, Array], clipped: Mapping[str, Array], about: float) -> float:
    """The float32 number that all gradients were multiplied by: limit / norm, or its neighbour.

    The last bit of a norm depends on the order of its sum, which is the engine's own.
    """
    near = np.float32(about)
    for factor in (near, np.nextafter(near, np.float32(0)), np.nextafter(near, np.float32(1))):
        if all(np.array_equal(array * factor, clipped[name]) for name, array in gradients.items()):
            return float(factor)
    return float(near)


# ---- the rules, one rounded operation a row


def _rule_rows(
    rule: Optimizer,
    w: np.float32,
    g: np.float32,
    slots: Mapping[str, np.float32],
    eta: float,
    t: int,
    decay: float,
) -> Iterator[Row]:
    """What follows from the weight and the gradient, by engines/reference/optimizers.py, row by row."""
    if isinstance(rule, AdamW) and decay:
        shrink = np.float32(eta * decay) * w
        yield Row("eta lambda w", f"{eta:g} * {decay:g} * w", float(shrink))
        w = w - shrink
        yield Row("w decayed", "w - eta lambda w", float(w))
    elif decay:
        pull = np.float32(decay) * w
        yield Row("lambda w", f"{decay:g} * w", float(pull))
        g = g + pull
        yield Row("g + lambda w", "g used + lambda w", float(g))
    if isinstance(rule, SGD):
        yield from _sgd_rows(rule, w, g, slots, eta)
    elif isinstance(rule, Adam):
        yield from _adam_rows(rule, w, g, slots, eta, t)
    else:
        raise DataError(f"{type(rule).__name__}: update_arithmetic explains SGD, Adam and AdamW")


def _sgd_rows(
    rule: SGD, w: np.float32, g: np.float32, slots: Mapping[str, np.float32], eta: float
) -> Iterator[Row]:
    """v <- mu v + g;  w <- w - eta v, or w - eta (g + mu v) with nesterov."""
    direction = g
    if rule.momentum:
        mu = np.float32(rule.momentum)
        before = slots["velocity"]
        yield Row("v before", "velocity", float(before))
        v = mu * before + g
        yield Row("v", f"{rule.momentum:g} * v before + g", float(v))
        direction = v
        if rule.nesterov:
            direction = g + mu * v
            yield Row("g + mu v", f"g + {rule.momentum:g} * v", float(direction))
    step = np.float32(eta) * direction
    yield Row(
        "step",
        f"{eta:g} * " + ("(g + mu v)" if rule.nesterov else "v" if rule.momentum else "g"),
        float(step),
    )
    yield Row("w new", "w - step", float(w - step))


def _adam_rows(
    rule: Adam, w: np.float32, g: np.float32, slots: Mapping[str, np.float32], eta: float, t: int
) -> Iterator[Row]:
    """m <- b1 m + (1 - b1) g;  v <- b2 v + (1 - b2) g^2;  w <- w - eta m^ / (sqrt(v^) + epsilon)."""
    single = np.float32
    b1, b2 = rule.beta1, rule.beta2
    yield Row("m before", "mean", float(slots["mean"]))
    m = single(b1) * slots["mean"] + single(1 - b1) * g
    yield Row("m", f"{b1:g} * m before + {1 - b1:g} * g", float(m))
    yield Row("v before", "variance", float(slots["variance"]))
    v = single(b2) * slots["variance"] + single(1 - b2) * (g * g)
    yield Row("v", f"{b2:g} * v before + {1 - b2:g} * g^2", float(v))
    c1, c2 = 1 - b1**t, 1 - b2**t
    yield Row("c1", f"1 - {b1:g}^{t}", c1)
    yield Row("c2", f"1 - {b2:g}^{t}", c2)
    below = np.sqrt(v) / single(math.sqrt(c2)) + single(rule.epsilon)
    yield Row("root", "sqrt(v) / sqrt(c2) + epsilon", float(below))
    step = single(eta / c1) * m / below
    yield Row("step", f"{eta:g} / c1 * m / root", float(step))
    yield Row("w new", "w - step" if not isinstance(rule, AdamW) else "w decayed - step", float(w - step))
