"""A NaN or an infinity stops training at its step, names the layer where it arose, and costs nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from training_cases import CONVOLUTIONAL, ENGINES, MLP, RECIPE, blobs, network, same_parameters, step_by_step

import pellucid
from pellucid.engines.reference.definition import Context
from pellucid.engines.reference.dropout import kept_cells
from pellucid.errors import NonFiniteError
from pellucid.graph import sequential_graph
from pellucid.layers import Dropout, Flatten, Layer, Linear, ReLU
from pellucid.objectives import CrossEntropy, Objective, SquaredError
from pellucid.optimizers import StepDecay
from pellucid.recipe import Recipe
from pellucid.training import train
from pellucid.training.checkpoint import MODEL, read_saved_run
from pellucid.training.diagnose import first_non_finite

DATA = blobs()
BLOW_UP = StepDecay(0.01, 1e30, (0.6,))
"""Of 21 steps the 14th is the first at a rate of 1e28, so the 15th meets what it made of the weights."""


def failure(net: pellucid.Model, output: Path | None = None, resume: bool = False) -> NonFiniteError:
    with pytest.raises(NonFiniteError) as caught:
        train(net, DATA, epochs=3, schedule=BLOW_UP, output=output, resume=resume, progress=False)
    assert "\n" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize("engine", ENGINES)
def test_the_message_names_the_step_the_layer_and_what_to_do(engine: str, tmp_path: Path) -> None:
    error = failure(network(engine=engine), tmp_path / "run")
    assert (error.step, error.node) == (15, "fc2")
    text = str(error)
    assert text.startswith("step 15 (epoch 3): fc2 is the first layer with a")
    assert "weights are as they were before that step" in text
    assert f"saved in {tmp_path / 'run'}" in text
    assert text.endswith("lower the learning rate (1e+28 there)")


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("layers", [MLP, CONVOLUTIONAL], ids=["mlp", "batch norm"])
def test_weights_and_statistics_are_those_before_the_step(
    engine: str, layers: tuple[Layer, ...], tmp_path: Path
) -> None:
    broken, by_hand = network(layers, engine), network(layers, engine)
    done = failure(broken, tmp_path / "run").step - 1
    step_by_step(by_hand, done, BLOW_UP, RECIPE.optimizer, epochs=3, seed=0)
    assert done >= 14
    assert same_parameters(broken, by_hand)
    assert same_parameters(broken, pellucid.load(tmp_path / "run" / MODEL, engine=engine))
    assert read_saved_run(tmp_path / "run").step == done


def test_resuming_meets_the_same_end(tmp_path: Path) -> None:
    first = failure(network(), tmp_path / "run")
    assert str(failure(network(), tmp_path / "run", resume=True)) == str(first)


def test_images_that_hold_a_nan_are_blamed_themselves() -> None:
    images = DATA.train.images
    images[17, 0, 2, 2] = np.nan
    with pytest.raises(
        NonFiniteError, match=r"the images themselves hold a NaN;.*; mend the images"
    ) as caught:
        train(network(), (images, DATA.train.labels), epochs=1, progress=False)
    assert caught.value.node == "input"


# ---- the first of them, on arithmetic that can be followed


def found(
    layers: list[Layer],
    parameters: dict[str, list[list[float]]],
    image: list[float],
    objective: Objective | None = None,
    *,
    seed: int = 0,
) -> tuple[str, str]:
    """Where `first_non_finite` finds it for one image of class 0."""
    graph = sequential_graph(layers, (len(image),))
    arrays = {name: np.zeros(spec.shape, np.float32) for name, spec in graph.parameters.items()}
    arrays |= {name: np.array(value, np.float32) for name, value in parameters.items()}
    return first_non_finite(
        graph,
        arrays,
        np.array([image], np.float32),
        np.array([0]),
        Recipe(objective or CrossEntropy()),
        Context(training=True, seed=seed),
    )


def test_the_first_layer_forwards_is_named() -> None:
    layers: list[Layer] = [Linear(1), ReLU(), Linear(1), ReLU()]
    parameters = {"fc1.weight": [[1e20]], "fc2.weight": [[1e20]]}
    assert found(layers, parameters, [1.0]) == ("fc2", "fc2 is the first layer with an infinity")
    parameters["fc1.weight"] = [[float("nan")]]
    assert found(layers, parameters, [1.0]) == ("fc1", "fc1 is the first layer with a NaN")


def test_then_the_loss() -> None:
    """z = 1e20 is finite, z^2 / 2 is not."""
    node, finding = found([Linear(1)], {"fc1.weight": [[1e20]]}, [1.0], SquaredError())
    assert (node, finding) == ("fc1", "the loss of fc1 is the first number with an infinity")


def test_then_the_gradients_from_the_output_backwards() -> None:
    """h = 1e-20 x = 1, z = (1e20, 2e20), delta = (-1, 1), dJ/dh = 1e20; but dJ/dW1 = dJ/dh x = 1e40."""
    parameters = {"fc1.weight": [[1e-20]], "fc2.weight": [[1e20], [2e20]]}
    node, finding = found([Linear(1), Linear(2)], parameters, [1e20])
    assert node == "fc1"
    assert finding == "fc1 is the first layer, from the output, with an infinity in its gradient"


def test_dropout_is_done_again_with_its_own_random_numbers() -> None:
    """3e38 / (1 - 0.5) overflows where the cell is kept, and only there."""
    layers: list[Layer] = [Dropout(0.5), Linear(1)]
    for seed in range(6):
        kept = bool(kept_cells(0.5, (1, 1), Context(seed=seed, node=1))[0, 0])
        node, finding = found(layers, {"fc1.weight": [[1.0]]}, [3e38], seed=seed)
        expected = "dropout1 is the first layer with an infinity"
        assert (node == "dropout1" and finding == expected) is kept


def test_what_the_definitions_do_not_repeat_is_said_so() -> None:
    node, finding = found([Flatten(), Linear(2)], {}, [1.0])
    assert node == "fc1"
    assert "do not repeat it" in finding
