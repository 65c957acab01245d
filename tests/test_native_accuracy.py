"""How far every layer of real networks, at its own shape, is from the definition in double precision.

Minimal filtering is held to its bounds in test_native_winograd.py.
"""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from real_layers import (
    RealLayer,
    Sample,
    TrainingCase,
    define_step,
    layers_of,
    relative_errors,
    run_layer,
    run_step,
)

from pellucid.engines.native import NativeEngine, instruction_sets
from pellucid.layers import BatchNorm2d, Conv2d, GlobalAvgPool, Linear, MaxPool2d, Softmax

BOUND = 2e-6
"""Relative L2 of everything but minimal filtering."""

QUICK = 3e6
"""Multiply-adds for one image; larger layers take a second, most of it PyTorch's in double precision."""

ALWAYS = {
    "alexnet-conv1",  # 11x11, stride 4
    "resnet18-conv1",  # 7x7, stride 2
    "resnet18-unit1_1_conv1",  # 3x3
    "resnet18-unit2_1_conv1",  # 3x3, stride 2
    "resnet18-unit4_1_conv2",  # 3x3 of 512 channels
    "resnet50-unit1_1_conv3",  # 1x1
    "resnet50-unit4_1_skip",  # 1x1, stride 2
}
"""Large ones that a quick run of the tests has too."""

SMALL = ("lenet5", "tiny-vgg", "resnet20")
"""Networks that suit images in the lanes."""

BATCHES = {"lenet5": 256, "tiny-vgg": 64, "resnet20": 128}
"""Images of a training step."""


def marked(case: RealLayer) -> object:
    """Slow ones marked as such."""
    quick = case.multiply_adds <= QUICK or str(case) in ALWAYS
    return case if quick else pytest.param(case, marks=pytest.mark.slow)


WEIGHTED = [marked(case) for case in layers_of(Conv2d, Linear)]


def engines(case: RealLayer) -> list[tuple[str, NativeEngine]]:
    """Of each instruction set and each layout that serves the layer's network."""
    layouts = ("blocks", "lanes") if case.network in SMALL else ("blocks",)
    return [
        (f"{isa}, {layout}", NativeEngine(instruction_set=isa, layout=layout, threads=2, poison=True))
        for isa, layout in itertools.product(instruction_sets(), layouts)
    ]


@pytest.mark.parametrize("case", WEIGHTED, ids=str)
def test_output_and_gradients_are_close_to_the_definition(case: RealLayer) -> None:
    sample = Sample.draw(case)
    for what, engine in engines(case):
        for name, error in relative_errors(run_layer(engine, sample), sample.exact).items():
            assert error < BOUND, (what, name)


LARGE_MAPS = [case for case in layers_of(Conv2d) if case.network in SMALL and case.shape[1] >= 28]


@pytest.mark.parametrize("case", LARGE_MAPS, ids=str)
def test_gradients_of_a_training_batch_are_close_to_the_definition(case: RealLayer) -> None:
    """The longest sums: over all positions of all images."""
    sample = Sample.draw(case, BATCHES[case.network])
    for what, engine in engines(case):
        for name, error in relative_errors(run_layer(engine, sample), sample.exact).items():
            assert error < BOUND, (what, name)


# ---- in training


@pytest.mark.parametrize("number_type", [np.uint8, np.float32])
@pytest.mark.parametrize("case", [marked(case) for case in layers_of(Conv2d) if case.stem], ids=str)
def test_stems_train_close_to_the_definition(case: RealLayer, number_type: type) -> None:
    generator = np.random.default_rng(3)
    images = generator.integers(0, 256, (2, *case.shape), np.uint8)
    if number_type is np.float32:
        images = generator.random(images.shape, np.float32)
    assert_step_is_close(case, TrainingCase.draw({"layer": case.layer}, images))


@pytest.mark.parametrize("case", layers_of(BatchNorm2d), ids=str)
def test_batch_normalisations_train_close_to_the_definition(case: RealLayer) -> None:
    """Behind a convolution of four channels, whose weights' gradient shows what flows back to it."""
    channels, *lengths = case.shape
    images = np.random.default_rng(3).standard_normal((2, 4, *lengths), np.float32)
    layers = {"conv": Conv2d(channels, 1, bias=False), "layer": case.layer}
    assert_step_is_close(case, TrainingCase.draw(layers, images))


def assert_step_is_close(case: RealLayer, step: TrainingCase) -> None:
    exact = define_step(step)
    for what, engine in engines(case):
        for name, error in relative_errors(run_step(engine, step), exact).items():
            assert error < BOUND, (what, name)


# ---- layers without weights


@pytest.mark.parametrize("case", layers_of(MaxPool2d), ids=str)
def test_max_pooling_is_exact(case: RealLayer) -> None:
    """Zeros that a rectifier left are ties, of which the first one gets the gradient."""
    sample = Sample.draw(case)
    for what, engine in engines(case):
        ours = run_layer(engine, sample)
        np.testing.assert_array_equal(ours["output"], sample.exact["output"], err_msg=what)
        assert relative_errors(ours, sample.exact)["input gradient"] < BOUND, what


UNWEIGHTED = [*layers_of(GlobalAvgPool), RealLayer("resnet18-probabilities", Softmax(), (1000,), False)]


@pytest.mark.parametrize("case", UNWEIGHTED, ids=str)
def test_layers_without_weights_are_close_to_the_definition(case: RealLayer) -> None:
    sample = Sample.draw(case)
    for what, engine in engines(case):
        for name, error in relative_errors(run_layer(engine, sample), sample.exact).items():
            assert error < BOUND, (what, name)
