"""Descriptions survive as JSON, and nothing else comes back from JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

import pytest
from layer_cases import LAYER_CASES, LayerCase

from pellucid.augmentation import AUGMENTATIONS
from pellucid.errors import FormatError
from pellucid.formats.descriptions import (
    TYPES,
    JsonObject,
    describe,
    restore_layer,
    restore_recipe,
    restore_tuning,
)
from pellucid.layers import LAYERS, Conv2d, Input, MaxPool2d, Normalize, Parameter, ReLU
from pellucid.objectives import OBJECTIVES, CrossEntropy, MaximumAPosteriori, Objective, SquaredError
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
)
from pellucid.recipe import Recipe
from pellucid.tuning import Algorithm, Tuning


def through_json(description: JsonObject) -> object:
    return json.loads(json.dumps(description, allow_nan=False))


@pytest.mark.parametrize("case", LAYER_CASES, ids=str)
def test_a_layer_comes_back_equal(case: LayerCase) -> None:
    again = restore_layer(through_json(describe(case.layer)))
    assert again == case.layer
    assert type(again) is type(case.layer)
    assert hash(again) == hash(case.layer)


def test_every_layer_type_is_among_the_cases() -> None:
    assert {type(case.layer) for case in LAYER_CASES} | {Input, Parameter} == set(LAYERS.values())


@pytest.mark.parametrize("objective", [CrossEntropy(0.1), SquaredError(), MaximumAPosteriori(0.5)])
@pytest.mark.parametrize(
    "optimizer", [SGD(0.9, nesterov=True), Adam(weight_decay=0.1), AdamW(0.8, decay_all=True)]
)
@pytest.mark.parametrize(
    "schedule",
    [Constant(0.1), StepDecay(0.1, milestones=(0.2, 0.4, 0.9)), Cosine(0.1, 0.01), OneCycle(1, 0.5)],
)
def test_a_recipe_comes_back_equal(objective: Objective, optimizer: Optimizer, schedule: Schedule) -> None:
    augmentations = tuple(kind() for kind in AUGMENTATIONS.values())
    recipe = Recipe(objective, optimizer, schedule, batch_size=32, augmentations=augmentations)
    assert restore_recipe(through_json(describe(recipe))) == recipe


def test_a_tuning_comes_back_equal() -> None:
    algorithms: tuple[tuple[str, Algorithm], ...] = (("conv1", "direct"), ("conv2", "winograd"))
    tuning = Tuning("training", 64, "avx512", 2, "blocks", algorithms)
    assert restore_tuning(through_json(describe(tuning))) == tuning
    assert restore_tuning(through_json(describe(replace(tuning, algorithms=())))).algorithms == ()


def test_files_may_name_every_type_and_no_other() -> None:
    named = {kind.__name__: set(table.values()) for kind, table in TYPES.items()}
    assert named == {
        "Layer": set(LAYERS.values()),
        "Objective": set(OBJECTIVES.values()),
        "Optimizer": {type(rule) for rule in OPTIMIZERS.values()},
        "Schedule": set(SCHEDULES.values()),
        "Augmentation": set(AUGMENTATIONS.values()),
        "Recipe": {Recipe},
        "Tuning": {Tuning},
    }
    assert all(name == value.__name__ for table in TYPES.values() for name, value in table.items())


def test_defaults_are_written_out() -> None:
    rest = {"stride": None, "padding": 0, "ceil_mode": False, "dilation": 1}
    assert describe(MaxPool2d(2)) == {"type": "MaxPool2d", "kernel_size": 2, **rest}


def test_a_field_that_an_older_file_lacks_takes_its_default() -> None:
    assert restore_layer({"type": "Conv2d", "out_channels": 6, "kernel_size": [5, 5]}) == Conv2d(6, (5, 5))


def test_whole_numbers_stand_for_floats_but_not_the_reverse() -> None:
    layer = restore_layer({"type": "Normalize", "mean": [0], "deviation": [1]})
    assert layer == Normalize((0.0,), (1.0,))
    assert [type(value) for value in (*layer.mean, *layer.deviation)] == [float, float]
    with pytest.raises(FormatError, match=r"Linear: out_features is int, received 3.0"):
        restore_layer({"type": "Linear", "out_features": 3.0})


@dataclass(frozen=True)
class Mine(ReLU):
    """A layer of the user's own."""


def test_a_layer_of_the_users_own_is_not_written() -> None:
    with pytest.raises(FormatError, match="Mine cannot be written"):
        describe(Mine())
    impostor = type("Sigmoid", (ReLU,), {})
    with pytest.raises(FormatError, match="Sigmoid cannot be written"):
        describe(impostor())


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (None, 'layer: expects an object with a "type", received None'),
        ([], 'layer: expects an object with a "type"'),
        ({}, 'layer: expects an object with a "type"'),
        ({"type": 7}, 'layer: expects an object with a "type"'),
        ({"type": "Conv3d"}, "unknown layer 'Conv3d'; known: AdaptiveAvgPool1d, "),
        ({"type": "SGD"}, "unknown layer 'SGD'"),
        ({"type": "Convolution"}, "unknown layer 'Convolution'"),
        ({"type": "__class__"}, "unknown layer"),
        ({"type": "ReLU", "__init__": 1}, "ReLU: unknown field '__init__'; known: none"),
        ({"type": "ReLU", "formula": "y"}, "ReLU: unknown field 'formula'"),
        ({"type": "ELU", "slope": 1.0}, "ELU: unknown field 'slope'; known: alpha"),
        ({"type": "Linear"}, "Linear: the field 'out_features' is missing"),
        ({"type": "Linear", "out_features": "10"}, "out_features is int, received '10'"),
        ({"type": "Linear", "out_features": True}, "out_features is int, received True"),
        ({"type": "Linear", "out_features": None}, "out_features is int, received None"),
        ({"type": "Linear", "out_features": 2**31}, "out_features is int, received 2147483648"),
        ({"type": "Linear", "out_features": 10, "bias": 1}, "bias is bool, received 1"),
        ({"type": "Linear", "out_features": 10, "initializer": ["he"]}, "initializer is str"),
        ({"type": "Linear", "out_features": 0}, "Linear: out_features is a whole number of at least 1"),
        ({"type": "ELU", "alpha": float("inf")}, "alpha is float, received inf"),
        ({"type": "ELU", "alpha": True}, "alpha is float, received True"),
        ({"type": "ELU", "alpha": -1}, "ELU: alpha is a number greater than 0, received -1.0"),
        ({"type": "Input", "shape": 3}, r"shape is tuple\[int, ...\], received 3"),
        ({"type": "Input", "shape": [[3]]}, r"shape is tuple\[int, ...\]"),
        ({"type": "Input", "shape": {"0": 3}}, r"shape is tuple\[int, ...\]"),
        ({"type": "Conv2d", "out_channels": 1, "kernel_size": 3, "padding": "mirror"}, "padding is int"),
        ({"type": "Conv2d", "out_channels": 1, "kernel_size": 3, "padding": [[1, 2, 3]]}, "padding is int"),
        (
            {"type": "Conv2d", "out_channels": 1, "kernel_size": 3, "padding_mode": 1},
            "padding_mode is Literal",
        ),
        ({"type": "Conv2d", "out_channels": 1, "kernel_size": 3, "connections": [0]}, "connections is"),
        (
            {"type": "Conv2d", "out_channels": 1, "kernel_size": 3, "connections": [[]]},
            "a row of connections",
        ),
    ],
)
def test_anything_else_is_refused(data: object, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        restore_layer(data)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"objective": None}, 'objective: expects an object with a "type"'),
        ({"objective": {"type": "ReLU"}}, "unknown objective 'ReLU'"),
        ({"optimizer": {"type": "SGD", "momentum": 1.0}}, "SGD: momentum is at least 0 and less than 1"),
        ({"schedule": {"type": "Constant"}}, "Constant: the field 'learning_rate' is missing"),
        ({"schedule": {"type": "Schedule", "learning_rate": 1.0}}, "unknown schedule 'Schedule'"),
        ({"batch_size": 0}, "Recipe: batch_size is at least 1, received 0"),
    ],
)
def test_a_recipe_is_checked_throughout(change: JsonObject, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        restore_recipe({**describe(Recipe()), **change})


def test_messages_stay_short() -> None:
    with pytest.raises(FormatError) as caught:
        restore_layer({"type": "Linear", "out_features": "9" * 10**6})
    assert len(str(caught.value)) < 200
