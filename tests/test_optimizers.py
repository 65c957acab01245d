"""Update rules and schedules against torch.optim and against the equations' own arithmetic."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from pellucid.engines.reference.optimizers import clipped, update, weight_decay
from pellucid.errors import LayerError, UnknownNameError
from pellucid.layers import Conv2d
from pellucid.optimizers import (
    OPTIMIZERS,
    SCHEDULES,
    SGD,
    Adam,
    AdamW,
    Constant,
    Cosine,
    OneCycle,
    Optimizer,
    Schedule,
    StepDecay,
    optimizer,
    schedule,
)

SEED = 11
ETA = 0.05
STEPS = 5

PyTorch = Callable[[list[torch.Tensor]], Any]

PAIRS: list[tuple[Optimizer, PyTorch]] = [
    (SGD(), lambda w: torch.optim.SGD(w, ETA)),
    (SGD(weight_decay=0.1), lambda w: torch.optim.SGD(w, ETA, weight_decay=0.1)),
    (SGD(momentum=0.9), lambda w: torch.optim.SGD(w, ETA, momentum=0.9)),
    (
        SGD(momentum=0.8, nesterov=True, weight_decay=0.01),
        lambda w: torch.optim.SGD(w, ETA, momentum=0.8, nesterov=True, weight_decay=0.01),
    ),
    (Adam(), lambda w: torch.optim.Adam(w, ETA)),
    (
        Adam(beta1=0.8, beta2=0.9, epsilon=1e-3, weight_decay=0.1),
        lambda w: torch.optim.Adam(w, ETA, (0.8, 0.9), 1e-3, 0.1),
    ),
    (AdamW(), lambda w: torch.optim.AdamW(w, ETA)),
    (AdamW(weight_decay=0.3), lambda w: torch.optim.AdamW(w, ETA, weight_decay=0.3)),
]


def descend(rule: Optimizer, w: np.ndarray, gradients: np.ndarray, decay: float) -> np.ndarray:
    slots = {slot: np.zeros_like(w) for slot in rule.slots}
    for t, g in enumerate(gradients, start=1):
        w, slots = update(rule, w, g.astype(w.dtype), slots, ETA, t, decay)
    return w


@pytest.mark.parametrize(("rule", "theirs"), PAIRS, ids=[str(rule) for rule, _ in PAIRS])
def test_updates_equal_pytorch(rule: Optimizer, theirs: PyTorch) -> None:
    generator = np.random.default_rng(SEED)
    w, gradients = generator.normal(size=(3, 4)), generator.normal(size=(STEPS, 3, 4))
    weight = torch.tensor(w)
    reference = theirs([weight])
    for g in gradients:
        weight.grad = torch.tensor(g)
        reference.step()
    ours = descend(rule, w, gradients, rule.weight_decay)
    np.testing.assert_allclose(ours, weight.numpy(), rtol=1e-12, atol=1e-14, err_msg=f"seed {SEED}")


@pytest.mark.parametrize("rule", [rule for rule, _ in PAIRS], ids=str)
def test_float32_updates_round_every_operation(rule: Optimizer) -> None:
    """The same step, cell by cell in single precision scalars, gives the same bits."""
    generator = np.random.default_rng(SEED)
    w, g = (generator.normal(size=50).astype(np.float32) for _ in range(2))
    slots = {slot: np.abs(generator.normal(size=50)).astype(np.float32) for slot in rule.slots}
    together, _ = update(rule, w, g, slots, ETA, 3, 0.01)
    assert together.dtype == np.float32
    for i in range(len(w)):
        own = {slot: array[i : i + 1] for slot, array in slots.items()}
        assert _step(rule, w[i], g[i], {k: v[0] for k, v in own.items()}, 3, 0.01) == together[i]


def _step(rule: Optimizer, w: Any, g: Any, slots: dict[str, Any], t: int, decay: float) -> Any:
    f = np.float32
    if isinstance(rule, AdamW):
        w = f(w - f(f(ETA * decay) * w))
    else:
        g = f(g + f(f(decay) * w))
    if isinstance(rule, SGD):
        v = f(f(f(rule.momentum) * slots["velocity"]) + g) if rule.momentum else g
        step = f(g + f(f(rule.momentum) * v)) if rule.nesterov else v
        return f(w - f(f(ETA) * step))
    assert isinstance(rule, Adam)
    m = f(f(f(rule.beta1) * slots["mean"]) + f(f(1 - rule.beta1) * g))
    v = f(f(f(rule.beta2) * slots["variance"]) + f(f(1 - rule.beta2) * f(g * g)))
    rate = f(ETA / (1 - rule.beta1**t))
    root = f(f(np.sqrt(v)) / f(math.sqrt(1 - rule.beta2**t)))
    return f(w - f(f(rate * m) / f(root + f(rule.epsilon))))


def test_momentum_by_hand() -> None:
    w = descend(SGD(momentum=0.5), np.array([1.0]), np.array([[2.0], [4.0]]), 0)
    assert w.item() == pytest.approx(1 - ETA * 2 - ETA * (0.5 * 2 + 4))


def test_nesterov_by_hand() -> None:
    w = descend(SGD(momentum=0.5, nesterov=True), np.array([1.0]), np.array([[2.0]]), 0)
    assert w.item() == pytest.approx(1 - ETA * (2 + 0.5 * 2))


def test_adams_first_step_has_the_length_of_the_learning_rate() -> None:
    w = descend(Adam(), np.array([0.0, 0.0]), np.array([[3.0, -0.001]]), 0)
    np.testing.assert_allclose(w, [-ETA, ETA], rtol=1e-4)


@pytest.mark.parametrize("family", [SGD, Adam, AdamW])
def test_decay_spares_biases_unless_asked(family: type[SGD] | type[Adam]) -> None:
    weight, bias = Conv2d(2, 3).parameters([(1, 4, 4)])
    assert weight_decay(family(weight_decay=0.1), weight) == 0.1
    assert weight_decay(family(weight_decay=0.1), bias) == 0
    assert weight_decay(family(weight_decay=0.1, decay_all=True), bias) == 0.1


def test_optimizers_by_name() -> None:
    names = ["sgd", "momentum", "nesterov", "adam", "adamw"]
    assert list(OPTIMIZERS) == names
    assert [type(optimizer(name)) for name in names] == [SGD, SGD, SGD, Adam, AdamW]
    assert optimizer("momentum") == SGD(momentum=0.9)
    assert optimizer("nesterov") == SGD(momentum=0.9, nesterov=True)
    assert optimizer(SGD(momentum=0.5)) == SGD(momentum=0.5)
    with pytest.raises(UnknownNameError, match="did you mean adam"):
        optimizer("Adam")


def test_nesterov_without_momentum_is_refused() -> None:
    with pytest.raises(LayerError, match="nesterov needs momentum above 0"):
        SGD(nesterov=True)


# ---- schedules


def rates(rule: Schedule, total: int) -> list[float]:
    return [rule.at(step, total) for step in range(total)]


@pytest.mark.parametrize("total", [12, 37, 100, 1000])
@pytest.mark.parametrize("warm_up", [0.3, 0.25, 0.1])
def test_one_cycle_equals_pytorch(total: int, warm_up: float) -> None:
    weight = torch.zeros(1)
    optimizer_ = torch.optim.SGD([weight], 1.0)
    weight.grad = torch.zeros(1)
    theirs = torch.optim.lr_scheduler.OneCycleLR(
        optimizer_, 0.5, total_steps=total, pct_start=warm_up, cycle_momentum=False
    )
    expected = []
    for _ in range(total):
        expected.append(theirs.get_last_lr()[0])
        optimizer_.step()
        if len(expected) < total:
            theirs.step()
    np.testing.assert_allclose(rates(OneCycle(0.5, warm_up=warm_up), total), expected, rtol=1e-9)


@pytest.mark.parametrize("total", [1, 2, 3, 5])
def test_one_cycle_of_a_few_steps_stays_between_its_ends(total: int) -> None:
    values = rates(OneCycle(0.5), total)
    assert all(0.5 / 25 / 1e4 * (1 - 1e-12) <= rate <= 0.5 for rate in values)


def test_cosine_equals_pytorch() -> None:
    weight = torch.zeros(1)
    optimizer_ = torch.optim.SGD([weight], 0.5)
    weight.grad = torch.zeros(1)
    theirs = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer_, 20, eta_min=0.1)
    expected = []
    for _ in range(20):
        expected.append(theirs.get_last_lr()[0])
        optimizer_.step()
        theirs.step()
    np.testing.assert_allclose(rates(Cosine(0.5, final=0.1), 20), expected, rtol=1e-9)


def test_step_decay_drops_at_its_milestones() -> None:
    assert rates(StepDecay(1.0, factor=0.5, milestones=(0.5, 0.75)), 8) == [1, 1, 1, 1, 0.5, 0.5, 0.25, 0.25]


def test_constant_is_constant() -> None:
    assert rates(Constant(0.1), 3) == [0.1] * 3


def test_schedules_by_name() -> None:
    assert [schedule(name, 0.5) for name in SCHEDULES] == [
        Constant(0.5),
        StepDecay(0.5),
        Cosine(0.5),
        OneCycle(0.5),
    ]
    with pytest.raises(UnknownNameError, match="did you mean cosine"):
        schedule("cosin", 0.5)


@pytest.mark.parametrize("limit", [0.5, 1e6])
def test_clipping_equals_pytorch(limit: float) -> None:
    rng = np.random.default_rng(5)
    gradients = {name: rng.normal(size=shape) for name, shape in (("w", (3, 4)), ("b", (4,)))}
    tensors = [torch.zeros(g.shape, dtype=torch.float64, requires_grad=True) for g in gradients.values()]
    for tensor, g in zip(tensors, gradients.values(), strict=True):
        tensor.grad = torch.from_numpy(g.copy())
    torch.nn.utils.clip_grad_norm_(tensors, limit)
    ours = clipped(gradients, limit)
    for tensor, g in zip(tensors, ours.values(), strict=True):
        np.testing.assert_allclose(g, tensor.grad.numpy(), rtol=1e-5)  # PyTorch adds 1e-6 to the norm


def test_a_clip_norm_that_cannot_be_is_refused() -> None:
    for wrong in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(LayerError, match="SGD: clip_norm is None or greater than 0"):
            SGD(clip_norm=wrong)
