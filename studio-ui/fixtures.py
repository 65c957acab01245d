"""Real answers for the page's tests: `python studio-ui/fixtures.py FOLDER` writes those of three networks."""

from __future__ import annotations

import base64
import json
import struct
import sys
import zlib
from collections.abc import Mapping
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from sklearn.datasets import load_sample_image

import pellucid
from pellucid.explain.evidence import Evidence
from pellucid.layers.convolution import Convolution
from pellucid.model import Model
from pellucid.studio.messages import Arithmetic, Atlas, Class, Embedded, ImageInfo, SandboxWish
from pellucid.studio.model_info import model_info
from pellucid.studio.partials import partial_maps
from pellucid.studio.sandbox import try_setting
from pellucid.studio.sums import activation_message

SETTING: SandboxWish = {
    "input": 7,
    "kernel": 3,
    "stride": 1,
    "padding": 0,
    "padding_mode": "zeros",
    "dilation": 1,
    "transposed": False,
    "output_padding": 0,
}
SETTINGS: tuple[SandboxWish, ...] = (
    {**SETTING, "kernel": 9},
    {**SETTING, "stride": 0},
    {**SETTING, "padding": 9, "padding_mode": "reflect"},
    {**SETTING, "transposed": True, "output_padding": 3},
    {**SETTING, "input": 0},
)
"""Of the sandbox, each with a rule that it breaks."""


MANY = 1_000_000

Made = tuple[Embedded, list[Arithmetic], dict[str, Any]]
"""A file's data, the library's arithmetic of some cells, and its partial maps."""


def binary(head: Mapping[str, Any], content: bytes) -> bytes:
    """An answer in binary form, its head padded with spaces so that floats are aligned."""
    text = json.dumps(head).encode()
    text += b" " * (-(4 + len(text)) % 4)
    return struct.pack("<I", len(text)) + text + content


def packed(answer: bytes) -> str:
    """An answer as a file carries it."""
    return base64.b64encode(zlib.compress(answer, 9)).decode()


def atlas(model: Model, arrays: Mapping[str, Any], image: str, what: str) -> bytes:
    """All channels of all nodes as bytes with their ranges."""
    nodes, content = [], bytearray()
    for node in model.graph.nodes:
        array = np.asarray(arrays[node.name][0], np.float32)
        maps = array.reshape(1, 1, -1) if array.ndim == 1 else array.reshape(len(array), -1, array.shape[-1])
        offset, ranges = len(content), []
        for channel, values in enumerate(maps[:16]):
            low, high = float(values.min()), float(values.max())
            content += np.round((values - low) / ((high - low) or 1) * 255).astype(np.uint8).tobytes()
            ranges.append({"channel": channel, "low": low, "high": high})
        nodes.append(
            {
                "node": node.name,
                "offset": offset,
                "height": maps.shape[1],
                "width": maps.shape[2],
                "total": len(maps),
                "low": float(maps.min()),
                "high": float(maps.max()),
                "maps": ranges,
            }
        )
    head: Atlas = {
        "trace": image,
        "model": "fixture",
        "image": image,
        "what": "gradient" if what == "gradient" else "activation",
        "j": f"score of {what}" if what == "gradient" else None,
        "nodes": nodes,
        "classes": classes(model, arrays[model.graph.outputs[0]][0]),
        "milliseconds": 1.0,
    }
    return binary(head, bytes(content))


def classes(model: Model, scores: Any) -> list[Class]:
    """The classes with their softmax."""
    shares = np.exp(scores - scores.max())
    shares /= shares.sum()
    return [
        {"number": k, "name": name, "score": float(scores[k]), "probability": float(shares[k])}
        for k, name in enumerate(model.class_names)
    ]


def arithmetic(model: Model, image: Any, node: str, at: tuple[int, ...]) -> Arithmetic:
    """What the library says of a cell: what the page's own sums are held to."""
    found = pellucid.explain.arithmetic(model, image, node, at)
    return activation_message(found, MANY)


def picture(image: Any) -> str:
    """An image as a data URL."""
    pixels = np.round(np.asarray(image) * 255).astype(np.uint8)
    shown = Image.fromarray(pixels[0] if len(pixels) == 1 else pixels.transpose(1, 2, 0))
    stream = BytesIO()
    shown.save(stream, "png")
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode()


def embedded(model: Model, images: Mapping[str, Any]) -> Made:
    """A file's data, and the library's arithmetic of some of its cells."""
    info = model_info(model, model.name, run=None, milliseconds={})
    infos: list[ImageInfo] = [
        {"id": name, "name": name, "shape": list(image.shape), "label": None}
        for name, image in images.items()
    ]
    data: Embedded = {
        "language": "en",
        "state": {
            "version": pellucid.__version__,
            "models": [info],
            "images": {model.name: infos},
            "zoo": [],
            "allow_url": False,
            "data": [],
        },
        "pictures": {name: picture(image) for name, image in images.items()},
        "atlases": {},
        "values": {},
        "parameters": {},
        "answers": {},
    }
    for name, values in model.parameters.items():
        head = {"node": name, "what": "activation", "shape": list(values.shape)}
        data["parameters"][name] = packed(binary(head, values.tobytes()))
    for name, image in images.items():
        trace = model.trace(image[None])
        arrays = {node.name: trace[node.name] for node in model.graph.nodes}
        data["atlases"][name] = packed(atlas(model, arrays, name, "activation"))
        found = pellucid.explain.differentiate(model, image[None], None)
        gradients = {node.name: found.gradients.nodes[node.name] for node in model.graph.nodes}
        data["atlases"][f"gradient {name}"] = packed(atlas(model, gradients, name, "gradient"))
        for node, array in arrays.items():
            head = {"node": node, "what": "activation", "shape": list(array.shape[1:])}
            content = np.asarray(array[0], np.float32).tobytes()
            data["values"][f"{name} {node}"] = packed(binary(head, content))
    rng = np.random.default_rng(0)
    chosen = next(iter(images.values()))
    sums = [
        arithmetic(model, chosen, node.name, tuple(rng.integers(model.graph.shapes[node.name]).tolist()))
        for node in model.graph.nodes[1:]
        for _ in range(3)
    ]
    return data, sums, partials(model, chosen)


def partials(model: Model, image: Any) -> dict[str, Any]:
    """What each input channel alone gives to each map of each convolution."""
    read, found = Evidence(model, image), {}
    for node in model.graph.nodes:
        if not isinstance(node.layer, Convolution):
            continue
        for channel in range(model.graph.shapes[node.name][0]):
            seen, maps = partial_maps(read, node.name, channel, MANY)
            head = {"node": node.name, "what": "activation", "shape": list(maps.shape)}
            content = np.asarray(maps, np.float32).tobytes()
            found[f"{node.name} {channel}"] = {"channels": seen, "maps": packed(binary(head, content))}
    return found


def tiny_vgg() -> Made:
    """Tiny VGG as it starts, on photographs."""
    model = pellucid.zoo.create("tiny-vgg")
    names = [f"class {k}" for k in range(10)]
    named = Model(model.graph, model.parameters, name="tiny-vgg", class_names=names)
    images = {}
    for name in ("flower", "china"):
        shown = Image.fromarray(load_sample_image(f"{name}.jpg")).resize((96, 64)).crop((16, 0, 80, 64))
        images[name] = np.asarray(shown, np.float32).transpose(2, 0, 1) / 255
    return embedded(named, images)


def lenet5(name: str, side: int, epochs: int) -> Made:
    """A LeNet-5, on digits."""
    model = pellucid.zoo.create(name)
    data = pellucid.data.load("digits")
    if epochs > 0:
        pellucid.train(model, data, epochs=epochs)
    named = Model(model.graph, model.parameters, name=name, class_names=[str(k) for k in range(10)])
    images = {}
    for k in range(3):
        digit = Image.fromarray(np.round(data.test.images[k][0] * 255).astype(np.uint8)).resize((side, side))
        images[f"digit {k}"] = np.asarray(digit, np.float32)[None] / 255
    return embedded(named, images)


def sentences() -> list[str]:
    """What the library says of networks with faults, of attributions, proofs and settings."""
    images = np.random.default_rng(0).random((60, 1, 12, 12), np.float32)
    report = partial(pellucid.explain.check_health, data=images, targets=np.arange(60) % 4)
    network = partial(pellucid.Sequential, input_shape=(1, 12, 12), engine="reference")
    tail = (pellucid.Flatten(), pellucid.Linear(4))
    faulty = network(pellucid.Conv2d(6, 3, stride=2), pellucid.ReLU(), pellucid.Conv2d(2, 3), *tail)
    faulty.set_parameters({"conv1.bias": np.full(6, -100.0), "conv2.weight": np.ones((2, 6, 3, 3))})
    flat = network(pellucid.Conv2d(4, 3), pellucid.Sigmoid(), *tail)
    flat.set_parameters({"conv1.bias": np.full(4, 9.0)})
    broken = network(pellucid.Conv2d(4, 3), *tail)
    broken.set_parameters({"conv1.bias": np.array([0.0, np.nan, 0.0, 0.0])})
    found = [
        *report(faulty).findings,
        *report(flat, learning_rate=100.0).findings,
        *report(flat, learning_rate=1e-12).findings,
        *report(broken).findings,
    ]
    said = [text for finding in found for text in (finding.sentence, finding.remedy)]
    for name in pellucid.explain.attribution.METHODS:
        method = pellucid.explain.attribution.method_of(name, None)
        said += method(faulty, images[:1], 1).sentences(("a", "b", "c", "d"))
        said.append(pellucid.explain.sanity(faulty, images[:1], method, 1).verdict)
    read = pellucid.explain.differentiate(flat, images[:1], 2)
    proofs = [
        pellucid.explain.arithmetic(flat, images[:1], "conv1", (0, 1, 1)).prove(),
        pellucid.explain.gradient_arithmetic(flat, read, parameter="conv1.weight", at=(0, 0, 1, 1)).prove(),
    ]
    said += [text for proof in proofs for text in (proof.method, *proof.remarks)]
    return said + [problem for wish in SETTINGS if (problem := try_setting(wish)["problem"]) is not None]


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "sentences.json").write_text(json.dumps(sentences()), encoding="utf-8")
    for data, sums, maps in (tiny_vgg(), lenet5("lenet5", 28, 2), lenet5("lenet5-1998", 32, 0)):
        name = data["state"]["models"][0]["name"]
        (folder / f"{name}.json").write_text(json.dumps(data), encoding="utf-8")
        (folder / f"{name}.arithmetic.json").write_text(json.dumps(sums), encoding="utf-8")
        (folder / f"{name}.partials.json").write_text(json.dumps(maps), encoding="utf-8")
