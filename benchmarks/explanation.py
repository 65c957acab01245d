"""How long does it take to say which pixels mattered, for 1,000 images in batches of 100, beside Captum?

ResNet-20 for images of 3 x 32 x 32, the same weights and the same given classes on both sides, on every core.
Captum explains PyTorch's module in channels-last or in the usual layout, whichever is faster at saliency, and
sends integrated gradients' steps through the network 100 or 400 images at a time, whichever is faster. Maps
are compared before anything is timed.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from benchmarks.inference import INSTALL
from benchmarks.machine import available_cores
from benchmarks.measurement import DisagreementError, NotMeasured, Outcome, Row, interleaved
from benchmarks.networks import settled_parameters
from benchmarks.peers import Float32
from benchmarks.torch_networks import torch_network
from pellucid import zoo
from pellucid.engines import select
from pellucid.explain import attribution
from pellucid.model import Model

TOLERANCES = {"saliency": 1e-4, "grad-cam": 1e-4, "integrated-gradients": 2e-3}
"""Largest difference of two maps, over the larger map's length, for nine images in ten.

A unit that lies within rounding of zero passes the gradient on one side only. A few images have one; of
twenty steps of integrated gradients every other image has one in some step, which moves its map by a
thousandth: so far lie Captum's maps in single precision from its own in double precision.
"""

IMAGES, BATCH_SIZE, STEPS = 1000, 100, 20

CHUNKS = (100, 400)
"""Images that Captum may send through the network together."""

Explain = Callable[[Float32, NDArray[np.int64]], Float32]
"""Maps of a batch for its classes."""


@dataclass(frozen=True)
class Contest:
    """One network in two libraries.

    Attributes:
        ours: Pellucid's model.
        theirs: PyTorch's module.
        images: (N, C, H, W).
        classes: (N,) to be explained.
    """

    ours: Model
    theirs: nn.Module
    images: Float32
    classes: NDArray[np.int64]

    def first_batch(self) -> Contest:
        """The same over the first images only."""
        return replace(self, images=self.images[:BATCH_SIZE], classes=self.classes[:BATCH_SIZE])

    def seconds(self, explain: Explain) -> float:
        """For all images, a batch after another."""
        started = time.perf_counter()
        for start in range(0, len(self.images), BATCH_SIZE):
            part = slice(start, start + BATCH_SIZE)
            explain(self.images[part], self.classes[part])
        return time.perf_counter() - started


def contest(images: int = IMAGES) -> Contest:
    """ResNet-20 on noise: time does not depend on what is seen."""
    threads = available_cores()
    torch.set_num_threads(threads)
    random = np.random.default_rng(1)
    net = zoo.create("resnet20")
    parameters = settled_parameters(net)
    ours = Model(net.graph, parameters, engine=select("native", threads=threads))
    pixels = random.integers(0, 256, (images, *net.graph.shapes["input"])).astype(np.float32)
    module = torch_network("resnet20", parameters).eval().requires_grad_(False)
    return Contest(ours, module, pixels / np.float32(255), random.integers(0, 10, images))


def pellucid_side(case: str, model: Model) -> Explain:
    """What a user calls."""
    return {
        "saliency": lambda images, classes: attribution.saliency(model, images, classes).values,
        "grad-cam": lambda images, classes: _coarse(model, images, classes),
        "integrated-gradients": lambda images, classes: (
            attribution.integrated_gradients(model, images, classes, steps=STEPS).values
        ),
    }[case]


def _coarse(model: Model, images: Float32, classes: NDArray[np.int64]) -> Float32:
    coarse = attribution.grad_cam(model, images, classes).coarse
    assert coarse is not None
    return coarse[:, None]


def captum_side(
    case: str, module: nn.Module, layout: torch.memory_format, chunk: int = BATCH_SIZE, steps: int = STEPS
) -> Explain:
    """Captum in a layout of PyTorch's; integrated gradients in so many steps, so many images at a time."""
    captum = import_module("captum.attr")
    module = module.to(memory_format=layout)
    settings: dict[str, int] = {}
    if case == "saliency":
        method = captum.Saliency(module)
    elif case == "grad-cam":
        method = captum.LayerGradCam(module, module.get_submodule("layers")[-1][-1])
    else:
        method = captum.IntegratedGradients(module)
        settings = {"n_steps": steps, "internal_batch_size": chunk}

    def explain(images: Float32, classes: NDArray[np.int64]) -> Float32:
        batch = torch.from_numpy(images).contiguous(memory_format=layout).requires_grad_()
        maps: Float32 = method.attribute(batch, target=torch.from_numpy(classes), **settings).detach().numpy()
        return maps

    return explain


def better_layout(rivals: Contest) -> torch.memory_format:
    """That of PyTorch's in which saliency is faster."""
    first = rivals.first_batch()
    times = {}
    for layout in (torch.contiguous_format, torch.channels_last):
        explain = captum_side("saliency", rivals.theirs, layout)
        first.seconds(explain)
        times[layout] = first.seconds(explain)
    return min(times, key=lambda layout: times[layout])


def better_chunk(rivals: Contest, layout: torch.memory_format) -> int:
    """Of CHUNKS, the one with which four steps of integrated gradients are faster."""
    first = rivals.first_batch()
    times = {
        chunk: first.seconds(captum_side("integrated-gradients", rivals.theirs, layout, chunk, steps=4))
        for chunk in CHUNKS
    }
    return min(times, key=lambda chunk: times[chunk])


def require_same_maps(case: str, ours: Float32, theirs: Float32) -> None:
    """Raise unless nine maps in ten are the same within the case's tolerance."""
    if ours.shape != theirs.shape:
        raise DisagreementError(f"{case} gives maps of shape {ours.shape}, Captum {theirs.shape}")
    axes = tuple(range(1, ours.ndim))
    differences = np.linalg.norm((ours - theirs).reshape(len(ours), -1), axis=1)
    lengths = np.sqrt(np.maximum((ours**2).sum(axes), (theirs**2).sum(axes)))
    share = float(np.quantile(differences / lengths, 0.9))
    if not share <= TOLERANCES[case]:
        raise DisagreementError(f"{case}'s maps differ from Captum's by {share:.1e} of their length")


def explanation(case: str, repeats: int) -> list[Outcome]:
    """A row: seconds for all images."""
    if find_spec("captum") is None:
        return [NotMeasured(case, f"captum not found: {INSTALL}")]
    rivals = contest()
    with warnings.catch_warnings(action="ignore"):  # Captum's, about gradients it asks for itself
        layout = better_layout(rivals)
        chunk = better_chunk(rivals, layout) if case == "integrated-gradients" else BATCH_SIZE
        sides = {
            "pellucid": pellucid_side(case, rivals.ours),
            "captum": captum_side(case, rivals.theirs, layout, chunk),
        }
        first = rivals.first_batch()
        maps = [explain(first.images, first.classes) for explain in sides.values()]
        require_same_maps(case, *maps)
        measured = interleaved({name: _timed(rivals, explain) for name, explain in sides.items()}, repeats)
    name = f"Captum {version('captum')}" + (" channels-last" if layout is torch.channels_last else "")
    return [Row(case, measured["pellucid"], measured["captum"], name, "s")]


def _timed(rivals: Contest, explain: Explain) -> Callable[[], float]:
    return lambda: rivals.seconds(explain)


EXPLANATION_CASES = ("saliency", "grad-cam", "integrated-gradients")
