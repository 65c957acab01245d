"""Figures of a network: its architecture, its filters, its feature maps."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from pellucid.cli.common import NETWORK_HELP, EngineOption, ThreadsOption, choose_engine, open_network
from pellucid.cli.figure_options import LanguageOption, OutputOption, check_output, write
from pellucid.data.images import read_image
from pellucid.engines import select
from pellucid.engines.engine import Array
from pellucid.errors import DataError
from pellucid.explain.features import first_layer_filters
from pellucid.layers import Convolution, LocallyConnected
from pellucid.model import Model
from pellucid.training.inputs import input_shape

NetworkArgument = Annotated[str, typer.Argument(metavar="MODEL|NETWORK", help=NETWORK_HELP)]
ScopeOption = Annotated[
    str | None, typer.Option("--scope", help="One scale of colours for the layer, or one a map: layer, map.")
]


def architecture_command(
    network: NetworkArgument,
    output: OutputOption,
    unfolded: Annotated[
        bool, typer.Option("--unfolded", help="A block for every node, activations included.")
    ] = False,
    language: LanguageOption = "en",
) -> None:
    """Draw a network's graph, shapes beside its blocks."""
    check_output(output)
    from pellucid import plot

    model = open_network(network, select("reference"))
    write(plot.architecture(model, fold=not unfolded, language=language), output)


def filters_command(
    network: NetworkArgument,
    output: OutputOption,
    node: Annotated[str | None, typer.Option("--node", help="A convolution; the first if left out.")] = None,
    scope: ScopeOption = None,
    language: LanguageOption = "en",
) -> None:
    """Draw a convolution's kernels; those over colour images as colour pictures."""
    check_output(output)
    from pellucid import plot

    model = open_network(network, select("reference"))
    name, weights = _kernels(model, node)
    write(plot.filters(weights, title=name, scope=_scope(scope, "map"), language=language), output)


def feature_maps_command(
    network: NetworkArgument,
    image: Annotated[Path, typer.Argument(metavar="IMAGE", help="A picture.")],
    output: OutputOption,
    node: Annotated[str, typer.Option("--node", help="Whose activation, as conv1.")],
    limit: Annotated[int, typer.Option("--limit", min=1, help="Channels at most, the strongest.")] = 64,
    scope: ScopeOption = None,
    resize: Annotated[bool, typer.Option("--resize", help="Fit a picture of another size.")] = False,
    language: LanguageOption = "en",
    engine: EngineOption = None,
    threads: ThreadsOption = None,
) -> None:
    """Draw what a layer makes of a picture, a panel a channel."""
    check_output(output)
    from pellucid import plot

    model = open_network(network, choose_engine(engine, threads))
    name = model.graph.node(node).name
    pixels = read_image(image, input_shape(model), resize=resize)
    activation = model.trace(pixels[None], nodes=(name,))[name][0]
    figure = plot.feature_maps(
        activation,
        title=name,
        image=pixels if pixels.ndim == 3 else None,
        limit=limit,
        scope=_scope(scope, "layer"),
        language=language,
    )
    write(figure, output)


def _scope(given: str | None, default: Literal["layer", "map"]) -> Literal["layer", "map"]:
    scopes: dict[str | None, Literal["layer", "map"]] = {None: default, "layer": "layer", "map": "map"}
    if given not in scopes:
        raise DataError(f"--scope is one of layer, map, received {given!r}")
    return scopes[given]


def _kernels(model: Model, node: str | None) -> tuple[str, Array]:
    """A convolution's name and kernels; of a connection table, one a connection."""
    if node is None:
        node = first_layer_filters(model).node
    chosen = model.graph.node(node)
    name = f"{chosen.name}.weight"
    if isinstance(chosen.layer, LocallyConnected) or name not in model.parameters:
        raise DataError(f"{node}: filters are drawn of a convolution, received {chosen.layer.name}")
    weights = model.parameters[name]
    if weights.ndim < 3:
        raise DataError(f"{node}: filters are drawn of a convolution, received {chosen.layer.name}")
    if isinstance(chosen.layer, Convolution) and chosen.layer.connections is not None:
        return node, weights[:, None]
    return node, weights
