"""Layers at sizes that networks give them: how far the native engine is from the definition in double."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from real_layers import relative_errors

from pellucid.engines.engine import Array, CompileOptions, Engine, Purpose
from pellucid.engines.native import LAYOUTS, NativeEngine, instruction_sets
from pellucid.engines.reference import ReferenceEngine
from pellucid.graph import sequential_graph
from pellucid.layers import (
    AdaptiveAvgPool2d,
    AvgPool2d,
    ConvTranspose2d,
    GroupNorm,
    InstanceNorm,
    Layer,
    LayerNorm,
    LocallyConnected2d,
    LocalResponseNorm,
    LpPool2d,
    Shape,
)

SEED = 8
IMAGES = 3
BOUND = 2e-6
"""Relative L2, as for the layers in test_native_accuracy.py."""

CASES: dict[str, tuple[Layer, Shape]] = {
    "alexnet-lrn": (LocalResponseNorm(5, 5e-4, 0.75, 2.0), (96, 27, 27)),
    "googlenet-lrn": (LocalResponseNorm(5, 1e-4, 0.75, 1.0), (64, 28, 28)),
    "group-norm": (GroupNorm(groups=32), (128, 28, 28)),
    "instance-norm": (InstanceNorm(), (32, 64, 64)),
    "layer-norm": (LayerNorm(), (96, 28, 28)),
    "convnext-layer-norm": (LayerNorm(axes=1, epsilon=1e-6), (28, 28, 96)),
    "unet-up": (ConvTranspose2d(64, 2, stride=2), (128, 14, 14)),
    "dcgan-up": (ConvTranspose2d(64, 4, stride=2, padding=1, bias=False), (128, 8, 8)),
    "fcn-up": (ConvTranspose2d(21, 16, stride=8, padding=4, groups=21), (21, 9, 9)),
    "deepface-local": (LocallyConnected2d(16, 9), (16, 21, 21)),
    "densenet-transition": (AvgPool2d(2), (128, 28, 28)),
    "inception-average": (AvgPool2d(3, stride=1, padding=1, include_padding=False), (192, 17, 17)),
    "any-size-average": (AdaptiveAvgPool2d(7), (64, 20, 23)),
    "sermanet-norm": (LpPool2d(2, stride=2), (16, 28, 28)),
}


def gradients(engine: Engine, layer: Layer, shape: Shape) -> dict[str, Array]:
    """The output and every gradient, for seeded numbers with a mean of their own."""
    generator = np.random.default_rng(SEED)
    program = engine.compile(
        sequential_graph([("layer", layer)], shape), CompileOptions(IMAGES, Purpose.TRACE, precision="direct")
    )
    program.write_parameters(
        {
            f"layer.{spec.name}": generator.standard_normal(spec.shape, np.float32)
            / np.float32(math.sqrt(math.prod(spec.shape[1:])))
            for spec in layer.parameters([shape])
        }
    )
    trace = program.trace(generator.standard_normal((IMAGES, *shape), np.float32) + np.float32(0.5))
    seed = generator.standard_normal(trace["layer"].shape, np.float32)
    return {"output": trace["layer"], **program.backward(trace, {"layer": seed})}


@pytest.mark.parametrize("case", CASES)
def test_a_layer_at_its_size_is_close_to_the_definition(case: str) -> None:
    layer, shape = CASES[case]
    exact = gradients(ReferenceEngine("float64"), layer, shape)
    for instruction_set, layout in itertools.product(instruction_sets(), LAYOUTS):
        engine = NativeEngine(instruction_set=instruction_set, layout=layout, threads=2, poison=True)
        for name, error in relative_errors(gradients(engine, layer, shape), exact).items():
            assert error < BOUND, (instruction_set, layout, name)
