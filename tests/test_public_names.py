"""The names that others rely on exist, are listed, and cost nothing until they are used."""

from __future__ import annotations

import inspect
import pkgutil
import subprocess
import sys
from importlib import import_module

import pytest

import pellucid

LAYERS = [
    "Input",
    "Flatten",
    "Conv1d",
    "Conv2d",
    "MaxPool2d",
    "AvgPool2d",
    "GlobalAvgPool",
    "Subsample2d",
    "Linear",
    "RBFOutput",
    "Dropout",
    "BatchNorm2d",
    "Normalize",
    "Add",
    "Concat",
    "Softmax",
    "Sigmoid",
    "Tanh",
    "ScaledTanh",
    "ReLU",
    "LeakyReLU",
    "ELU",
    "Softplus",
    "SELU",
    "GELU",
    "SiLU",
    "Mish",
    "Hardsigmoid",
    "Hardswish",
    "ReLU6",
    "Clip",
    "PReLU",
    "Maxout",
    "LogSoftmax",
    "Subtract",
    "Multiply",
    "Divide",
    "MatMul",
    "Parameter",
    "Reshape",
    "Transpose",
    "ChannelShuffle",
    "Mean",
    "Pad",
    "Crop",
    "Slice",
    "Upsample",
    "Dropout2d",
    "StochasticDepth",
]
OBJECTIVES = [
    "AbsoluteError",
    "CrossEntropy",
    "Hinge",
    "MaximumAPosteriori",
    "Objective",
    "SquaredError",
]
OPTIMIZERS = ["SGD", "Adam", "AdamW", "Optimizer"]
SCHEDULES = ["Constant", "Cosine", "OneCycle", "Schedule", "StepDecay"]
AUGMENTATIONS = ["Affine", "Augmentation", "Cutout", "Elastic", "Flip", "PadCrop"]
OTHERS = [
    "Graph",
    "GraphBuilder",
    "Node",
    "Model",
    "Sequential",
    "Recipe",
    "Tuning",
    "Layer",
    "LAYERS",
    "from_torch",
    "load",
    "train",
    "data",
    "errors",
    "explain",
    "plot",
    "zoo",
    "__version__",
]
NAMES = [*LAYERS, *OBJECTIVES, *OPTIMIZERS, *SCHEDULES, *AUGMENTATIONS, *OTHERS]

MEMBERS = {
    "zoo": ["create", "find", "is_known", "names"],
    "data": ["load", "names"],
    "errors": ["PellucidError", "FormatError", "UnsupportedLayer"],
    "Model": [
        "predict",
        "trace",
        "gradients",
        "parameters",
        "parameter_count",
        "set_parameters",
        "summary",
        "tune",
        "save",
    ],
}

PACKAGES = sorted(
    module.name for module in pkgutil.walk_packages(pellucid.__path__, "pellucid.") if module.ispkg
)


@pytest.mark.parametrize("name", NAMES)
def test_the_package_has_and_lists(name: str) -> None:
    assert getattr(pellucid, name) is not None
    assert name in dir(pellucid)


@pytest.mark.parametrize(("owner", "name"), [(owner, name) for owner in MEMBERS for name in MEMBERS[owner]])
def test_its_parts_have(owner: str, name: str) -> None:
    home = getattr(pellucid, owner)
    assert name in dir(home)


def test_a_model_has_its_description() -> None:
    net = pellucid.zoo.create("perceptron", engine="reference")
    assert isinstance(net.graph, pellucid.Graph)
    assert isinstance(net.recipe, pellucid.Recipe)
    assert (net.name, net.class_names, net.output_kind) == ("perceptron", (), "scores")


def test_every_listed_name_can_be_had() -> None:
    assert [name for name in dir(pellucid) if getattr(pellucid, name, None) is None] == []


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no_such_layer"):
        _ = pellucid.no_such_layer


@pytest.mark.parametrize("package", ["pellucid", *PACKAGES])
def test_no_public_function_shares_a_name_with_a_module(package: str) -> None:
    home = import_module(package)
    modules = {module.name for module in pkgutil.iter_modules(home.__path__)}
    functions = {name for name in dir(home) if inspect.isfunction(getattr(home, name, None))}
    assert modules & functions == set()


HEAVY = ("matplotlib", "PIL", "rich", "safetensors", "scipy", "simplejpeg", "sklearn", "torch", "typer")


def loaded_after(statement: str) -> set[str]:
    """Top-level packages that a fresh interpreter holds after the statement."""
    program = f"{statement}; import sys; print(*{{name.split('.')[0] for name in sys.modules}})"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(run.stdout.split())


def test_importing_the_package_loads_nothing_heavy() -> None:
    loaded = loaded_after("import pellucid")
    assert "pellucid" in loaded
    assert loaded & {*HEAVY, "numpy"} == set()


def test_building_a_network_loads_nothing_heavier_than_numpy() -> None:
    loaded = loaded_after("import pellucid; pellucid.zoo.create('lenet5', engine='reference')")
    assert "numpy" in loaded
    assert loaded & set(HEAVY) == set()
