"""A page that stands alone: what is on the stage for some images, in one file that needs no server."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any, Literal

import numpy as np

from pellucid.errors import PellucidError
from pellucid.explain.attribution import METHODS
from pellucid.graph import Node
from pellucid.layers import Maxout, PReLU
from pellucid.layers.locally_connected import LocallyConnected
from pellucid.layers.pooling import AdaptivePooling, LpPooling
from pellucid.layers.transposed_convolution import TransposedConvolution
from pellucid.studio.atlas import overview
from pellucid.studio.built_page import whole_page
from pellucid.studio.inquiry import ask_attribution, ask_health
from pellucid.studio.jobs import Attention
from pellucid.studio.kinds import kind_of
from pellucid.studio.messages import Embedded, State, Values
from pellucid.studio.pictures import png
from pellucid.studio.stage import ask_arithmetic, parameter_values
from pellucid.studio.studio import Studio
from pellucid.studio.traces import Pass
from pellucid.studio.wire import encode, float_bytes, with_bytes

Language = Literal["en", "zh"]

COUNTED_BY_THE_PAGE = ("convolution", "dense", "pooling", "activation", "input")
"""Kinds whose sums the page forms from the values and the parameters."""

WRITTEN_OUT = (LocallyConnected, TransposedConvolution, LpPooling, AdaptivePooling, PReLU, Maxout)
"""Layers of those kinds whose sums the page leaves to the library."""

MOST_CELLS = 128
"""Cells of another node whose sums are written out."""

LIMIT = 12
"""Terms of those; what the page asks for."""

CHANNELS = 64
"""Maps of a node."""

SAME = 0x7FC05A3E
"""Bits of the float that stands for "as in the input": a NaN that no engine makes."""

HEAT_DIGITS = 2
"""Of an attribution's shares: as many as its colours tell apart."""

DATA = "pellucid-data"
"""Id of the element that holds the data."""


def one_file(
    studio: Studio, model: str, images: Sequence[str], language: Language, page: Path, job: Attention
) -> bytes:
    """The page with its scripts, styles and data in it.

    Raises:
        DataError: the package was installed without the page.
    """
    return whole_page(page, DATA, encode(embedded(studio, model, images, language, job)))


def embedded(
    studio: Studio, model: str, images: Sequence[str], language: Language, job: Attention
) -> Embedded:
    """The answers that the page would ask a server for."""
    owner = studio.workspace.model(model)
    found: Embedded = {
        "language": language,
        "state": _state(studio, model, images),
        "pictures": {},
        "atlases": {},
        "values": {},
        "parameters": {
            name: _packed(parameter_values(studio, model, name)) for name in owner.model.parameters
        },
        "answers": {},
    }
    _answer(found, "health", {"model": model}, ask_health(studio, {"model": model}, job))
    for image in images:
        job.check()
        passed = studio.passes.of(model, image)
        content = base64.b64encode(png(owner.picture(image).pixels)).decode()
        found["pictures"][image] = f"data:image/png;base64,{content}"
        found["atlases"][image] = _packed(overview(passed, "activation", {}, channels=CHANNELS))
        found["atlases"][f"gradient {image}"] = _packed(overview(passed, "gradient", {}, channels=CHANNELS))
        for node in passed.evidence.graph.nodes:
            found["values"][f"{passed.id} {node.name}"] = _packed(_values(passed, node))
        _add_answers(studio, found, passed, job)
    return found


def _values(passed: Pass, node: Node) -> bytes:
    """A node's numbers; where its input has the same, in the same place, a mark that costs nothing."""
    values = passed.activation(node.name)
    head: Values = {"node": node.name, "what": "activation", "shape": list(values.shape)}
    source = passed.activation(node.inputs[0]) if node.inputs else None
    if source is not None and source.size == values.size:
        numbers = np.ravel(values).astype(np.float32)
        same = numbers == np.ravel(source)
        if same.any():
            head["like"] = node.inputs[0]
            values = np.where(same, np.uint32(SAME), numbers.view(np.uint32)).view(np.float32)
    return with_bytes(head, float_bytes(values))


def _add_answers(studio: Studio, found: Embedded, passed: Pass, job: Attention) -> None:
    for wish in _sums(passed):
        _answer(found, "arithmetic", wish, ask_arithmetic(studio, wish, job))
    best = passed.activation(passed.evidence.graph.outputs[0])
    if best.ndim != 1:
        return
    target = {"number": int(best.argmax())}
    for method in METHODS:
        job.check()
        wish = {"trace": passed.id, "method": method, "target": target, "sanity": False}
        try:
            heat = ask_attribution(studio, wish, job)
            heat["values"] = [round(value, HEAT_DIGITS) for value in heat["values"]]
            _answer(found, "attribution", wish, heat)
        except PellucidError:  # a network without maps has no Grad-CAM, and so on
            continue


def _sums(passed: Pass) -> Iterator[dict[str, Any]]:
    """The cells whose sums the page cannot form itself, as far as they are few."""
    graph = passed.evidence.graph
    for node in graph.nodes:
        shape = graph.shapes[node.name]
        cells = list(product(*map(range, shape))) if passed.activation(node.name).size <= MOST_CELLS else []
        if kind_of(node.layer) not in COUNTED_BY_THE_PAGE or isinstance(node.layer, WRITTEN_OUT):
            for cell in cells:
                yield {"trace": passed.id, "node": node.name, "at": list(cell), "limit": LIMIT}


def _state(studio: Studio, model: str, images: Sequence[str]) -> State:
    state = studio.state()
    return {
        **state,
        "models": [info for info in state["models"] if info["id"] == model],
        "images": {model: [info for info in state["images"][model] if info["id"] in images]},
        "zoo": [],
        "data": [],
        "allow_url": False,
    }


def _answer(found: Embedded, path: str, wish: Mapping[str, Any], message: object) -> None:
    """Under the key that the page makes: the path, and the question with its fields in order."""
    question = json.dumps(dict(sorted(wish.items())), separators=(",", ":"), ensure_ascii=False)
    found["answers"][f"{path} {question}"] = _packed(encode(message))


def _packed(content: bytes) -> str:
    return base64.b64encode(zlib.compress(content, 9)).decode()
