"""Pellucid builds, trains and opens up convolutional neural networks.

Any number that a network produces, forwards or backwards, can be followed back to the pixels and weights
that made it. Public names load the modules behind them when first used, so that `import pellucid` is quick.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pellucid import data, explain, plot, zoo
    from pellucid.augmentation import *
    from pellucid.formats import load
    from pellucid.formats.pytorch import from_torch
    from pellucid.graph import Graph, GraphBuilder, Node
    from pellucid.layers import *
    from pellucid.model import Model, Sequential
    from pellucid.objectives import *
    from pellucid.optimizers import *
    from pellucid.recipe import Recipe
    from pellucid.training import train
    from pellucid.tuning import Tuning

__version__ = "0.1.0"

_HOMES = {
    "Graph": "graph",
    "GraphBuilder": "graph",
    "Node": "graph",
    "Recipe": "recipe",
    "Model": "model",
    "Sequential": "model",
    "Tuning": "tuning",
    "from_torch": "formats.pytorch",
    "load": "formats",
    "train": "training",
}
_SUBPACKAGES = ("data", "errors", "explain", "plot", "zoo")
_DESCRIPTIONS = ("augmentation", "layers", "objectives", "optimizers")


def __getattr__(name: str) -> Any:
    if name in _SUBPACKAGES:
        return import_module(f"pellucid.{name}")
    if name in _HOMES:
        return getattr(import_module(f"pellucid.{_HOMES[name]}"), name)
    if not name.startswith("_"):
        for home in _DESCRIPTIONS:
            module = import_module(f"pellucid.{home}")
            if name in module.__all__:
                return getattr(module, name)
    raise AttributeError(f"module 'pellucid' has no attribute {name!r}")


def __dir__() -> list[str]:
    described = [name for home in _DESCRIPTIONS for name in import_module(f"pellucid.{home}").__all__]
    return sorted({"__version__", *_HOMES, *_SUBPACKAGES, *described})
