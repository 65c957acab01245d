"""The optimiser's step, row by row: the bits that the engine trains."""

from __future__ import annotations

import numpy as np
import pytest
from training_cases import CONVOLUTIONAL, MLP, blobs, network

from pellucid import explain
from pellucid.engines.engine import Array, CompileOptions, Examples, Purpose
from pellucid.errors import DataError, NonFiniteError, UnknownNameError
from pellucid.layers import Layer
from pellucid.model import Model
from pellucid.objectives import CrossEntropy
from pellucid.optimizers import OPTIMIZERS, SGD, Adam, AdamW, Optimizer

BATCH = 8
SEED = 4
ETA = 0.05

RULES: list[Optimizer] = [
    *OPTIMIZERS.values(),
    SGD(weight_decay=0.1),
    SGD(momentum=0.8, nesterov=True, weight_decay=0.01, decay_all=True, clip_norm=0.1),
    SGD(momentum=0.9, clip_norm=1e6),
    SGD(clip_norm=0.05),
    Adam(beta1=0.8, beta2=0.9, epsilon=1e-3, weight_decay=0.1, clip_norm=0.2),
    AdamW(weight_decay=0.3, decay_all=True, clip_norm=0.2),
]
DATA = blobs().train


def batch(step: int) -> tuple[Array, Array]:
    chosen = slice(step * BATCH, (step + 1) * BATCH)
    return DATA.images[chosen], DATA.labels[chosen]


def cells(model: Model) -> list[tuple[str, tuple[int, ...]]]:
    """A number of every trainable parameter."""
    generator = np.random.default_rng(SEED)
    return [
        (name, tuple(generator.integers(0, spec.shape).tolist()))
        for name, spec in model.graph.parameters.items()
        if spec.role == "trainable"
    ]


@pytest.mark.parametrize("layers", [MLP, CONVOLUTIONAL], ids=["mlp", "batch-norm-and-dropout"])
@pytest.mark.parametrize("rule", RULES, ids=str)
def test_rows_end_in_the_trained_weights_to_the_bit(rule: Optimizer, layers: tuple[Layer, ...]) -> None:
    model = network(layers, engine="native")
    options = CompileOptions(BATCH, Purpose.TRAINING, objective=CrossEntropy(), optimizer=rule, seed=SEED)
    program = model.engine.compile(model.graph, options)
    program.write_parameters(model.parameters)
    for step in range(3):
        images, targets = batch(step)
        slots = program.read_slots()
        found = {
            (name, at): explain.update_arithmetic(
                model,
                images,
                targets,
                parameter=name,
                at=at,
                rule=rule,
                learning_rate=ETA,
                slots=slots,
                first_step=step,
                seed=SEED,
            )
            for name, at in cells(model)[step::3]
        }
        program.train_steps(
            Examples(images, targets),
            np.arange(BATCH),
            batch_size=BATCH,
            learning_rates=[ETA],
            first_step=step,
        )
        model.set_parameters(program.read_parameters())
        for (name, at), update in found.items():
            assert update.holds, str(update)
            assert np.float32(update.value) == model.parameters[name][at], str(update)
            proof = update.prove()
            assert proof.holds, str(proof)


def test_clipping_multiplies_by_the_number_it_shows() -> None:
    model = network(engine="native")
    images, targets = batch(0)
    update = explain.update_arithmetic(
        model, images, targets, parameter="fc1.weight", at=(0, 3), rule=SGD(clip_norm=0.05), learning_rate=ETA
    )
    assert np.float32(update["c"]) * np.float32(update["g"]) == np.float32(update["g used"])
    assert update["c"] == pytest.approx(0.05 / update["|g|"], rel=1e-6)
    assert update["|g|"] > 0.05


def test_a_step_by_hand() -> None:
    """One weight, one image: J = 1/2 (w x - t)^2 with w = 2, x = 3, t = 4, so that g = (6 - 4) 3 = 6."""
    model = network((*MLP[:1], MLP[3]), engine="native")
    weight = np.zeros((3, 36), np.float32)
    weight[0, 0] = 2
    model.set_parameters({"fc1.weight": weight})
    images = np.zeros((1, 1, 6, 6), np.float32)
    images[0, 0, 0, 0] = 3
    rule = SGD(momentum=0.5, nesterov=True, weight_decay=0.25)
    update = explain.update_arithmetic(
        model,
        images,
        np.array([[4, 0, 0]], np.float32),
        parameter="fc1.weight",
        at=(0, 0),
        rule=rule,
        learning_rate=0.125,
        loss="squared_error",
        slots={"velocity:fc1.weight": np.full((3, 36), 4, np.float32)},
    )
    values = {row.symbol: row.value for row in update.rows}
    assert values == {
        "w": 2,
        "g": 6,
        "g used": 6,
        "lambda w": 0.5,
        "g + lambda w": 6.5,
        "v before": 4,
        "v": 8.5,
        "g + mu v": 10.75,
        "step": 1.34375,
        "w new": 0.65625,
    }
    assert str(update).splitlines()[-1] == "the engine has 0.65625: the same bits"
    assert r"\mathrm{w\ new} &= \mathrm{w\ -\ step} = 0.65625" in update.latex()


def test_the_model_stays_as_it_is() -> None:
    model = network(CONVOLUTIONAL, engine="native")
    before = {name: array.copy() for name, array in model.parameters.items()}
    images, targets = batch(0)
    explain.update_arithmetic(model, images, targets, parameter="fc1.bias", at=(1,))
    for name, array in before.items():
        np.testing.assert_array_equal(model.parameters[name], array)


def test_what_has_no_update_is_said() -> None:
    model = network(CONVOLUTIONAL, engine="native")
    images, targets = batch(0)
    with pytest.raises(UnknownNameError, match=r"unknown trainable parameter 'norm1\.running_mean'"):
        explain.update_arithmetic(model, images, targets, parameter="norm1.running_mean", at=(0,))
    with pytest.raises(DataError, match=r"conv1.weight: a number of \(4, 1, 3, 3\) is 4 indices"):
        explain.update_arithmetic(model, images, targets, parameter="conv1.weight", at=(0,))
    with pytest.raises(DataError, match="lies within"):
        explain.update_arithmetic(model, images, targets, parameter="conv1.weight", at=(0, 0, 0, 3))
    broken = np.full((1, 1, 6, 6), np.nan, np.float32)
    with pytest.raises(NonFiniteError, match="step 1: the loss or a gradient is not finite"):
        explain.update_arithmetic(model, broken, targets[:1], parameter="fc1.bias", at=(1,))
