"""Every attribution method against Captum's, or its paper's formula, on the same weights."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest
import torch
from attribution_cases import CASES, Pair, pair
from captum import attr as captum
from torch.nn import functional

from pellucid.explain import attribution
from pellucid.explain.attribution.path import Quadrature
from pellucid.model import Model

pytestmark = pytest.mark.filterwarnings("ignore:(Input Tensor|Setting|.*backward hook)")

networks = pytest.mark.parametrize("name", CASES)
shared = lru_cache(pair)


def batch(case: Pair) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.tensor(case.images, requires_grad=True), torch.tensor(case.classes)


def require_equal(ours: np.ndarray, theirs: torch.Tensor) -> None:
    expected = theirs.detach().numpy()
    assert ours.shape == expected.shape
    assert np.abs(expected).max() > 0
    np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-4 * np.abs(expected).max())


@networks
def test_saliency(name: str) -> None:
    case = shared(name)
    images, classes = batch(case)
    for absolute in (True, False):
        ours = attribution.saliency(case.model, case.images, case.classes, absolute=absolute)
        theirs = captum.Saliency(case.module).attribute(images, classes, abs=absolute)
        require_equal(ours.values, theirs)
    largest = attribution.saliency(case.model, case.images, case.classes)
    np.testing.assert_array_equal(largest.maps, largest.values.max(axis=1))


@networks
def test_gradient_times_input(name: str) -> None:
    case = shared(name)
    images, classes = batch(case)
    ours = attribution.gradient_times_input(case.model, case.images, case.classes)
    require_equal(ours.values, captum.InputXGradient(case.module).attribute(images, classes))


@networks
def test_smoothgrad_with_the_same_noise(name: str) -> None:
    case, samples = shared(name), 7
    images, classes = batch(case)
    tunnel = captum.NoiseTunnel(captum.Saliency(case.module))
    torch.manual_seed(3)
    theirs = tunnel.attribute(
        images, nt_type="smoothgrad", nt_samples=samples, stdevs=0.3, target=classes, abs=False
    )
    torch.manual_seed(3)
    repeated = images.detach().repeat_interleave(samples, 0)
    noise = torch.normal(0, torch.full_like(repeated, 0.3)).reshape(len(images), samples, *images.shape[1:])
    ours = attribution.smoothgrad(case.model, case.images, case.classes, noise=noise.numpy())
    require_equal(ours.values, theirs)


@networks
@pytest.mark.parametrize(
    ("quadrature", "method"),
    [
        ("gauss-legendre", "gausslegendre"),
        ("riemann-left", "riemann_left"),
        ("riemann-right", "riemann_right"),
        ("riemann-middle", "riemann_middle"),
        ("riemann-trapezoid", "riemann_trapezoid"),
    ],
)
def test_integrated_gradients_with_the_same_quadrature(
    name: str, quadrature: Quadrature, method: str
) -> None:
    case = shared(name)
    images, classes = batch(case)
    baseline = np.random.default_rng(1).normal(size=case.images.shape[1:]).astype(np.float32)
    ours = attribution.integrated_gradients(
        case.model, case.images, case.classes, baseline=baseline, steps=9, quadrature=quadrature
    )
    theirs, gap = captum.IntegratedGradients(case.module).attribute(
        images, torch.tensor(baseline)[None], classes, n_steps=9, method=method, return_convergence_delta=True
    )
    require_equal(ours.values, theirs)
    with torch.no_grad():
        change = case.module(images) - case.module(torch.tensor(baseline)[None])
    change = change[range(len(classes)), classes]
    assert ours.gap is not None
    np.testing.assert_allclose(ours.gap, (gap / change).abs(), rtol=1e-3, atol=1e-5)


@networks
def test_deconvnet(name: str) -> None:
    case = shared(name)
    images, classes = batch(case)
    ours = attribution.deconvnet(case.model, case.images, case.classes)
    require_equal(ours.values, captum.Deconvolution(case.module).attribute(images, classes))


@networks
def test_guided_backpropagation(name: str) -> None:
    case = shared(name)
    images, classes = batch(case)
    ours = attribution.guided_backpropagation(case.model, case.images, case.classes)
    require_equal(ours.values, captum.GuidedBackprop(case.module).attribute(images, classes))


@networks
def test_grad_cam(name: str) -> None:
    case = shared(name)
    images, classes = batch(case)
    ours = attribution.grad_cam(case.model, case.images, case.classes)
    method = captum.LayerGradCam(case.module, case.module.get_submodule(case.layer))
    theirs = method.attribute(images, classes)
    assert ours.coarse is not None
    require_equal(ours.coarse[:, None], theirs)
    mode = "bilinear" if images.ndim == 4 else "linear"
    enlarged = captum.LayerAttribution.interpolate(theirs.relu(), images.shape[2:], mode)
    require_equal(ours.values, enlarged)


def paper_map(maps: torch.Tensor, score: torch.Tensor) -> torch.Tensor:
    """Grad-CAM++'s equations 10 and 12 with every derivative of Y = exp(S) taken by itself; (1, K, u, v)."""
    y = score.exp()
    (first,) = torch.autograd.grad(y, maps, create_graph=True)
    second, third = torch.zeros_like(maps), torch.zeros_like(maps)
    for cell in np.ndindex(*maps.shape):
        (again,) = torch.autograd.grad(first[cell], maps, create_graph=True)
        second[cell] = again[cell]
        third[cell] = torch.autograd.grad(again[cell], maps, retain_graph=True)[0][cell]
    below = 2 * second + maps.sum((2, 3), keepdim=True) * third
    alpha = torch.where(below == 0, torch.zeros_like(below), second / below)
    weights = (alpha * first.relu()).sum((2, 3), keepdim=True)
    return (weights * maps).sum(1)


@pytest.mark.parametrize("name", ["chain", "residual"])
def test_grad_cam_plus_plus_equals_the_papers_formula(name: str) -> None:
    case = pair(name, count=1, seed=4)
    module = case.module.double()
    kept: list[torch.Tensor] = []

    def keep(layer: torch.nn.Module, inputs: object, output: torch.Tensor) -> None:
        kept.append(output)

    handle = module.get_submodule(case.layer).register_forward_hook(keep)
    score = module(torch.tensor(case.images).double().requires_grad_())[0, int(case.classes[0])]
    handle.remove()
    expected = paper_map(kept[0], score)
    ours = attribution.grad_cam_plus_plus(case.model, case.images, case.classes)
    assert ours.coarse is not None
    require_equal(ours.coarse * np.exp(score.item()), expected)
    shape = case.images.shape[2:]
    larger = functional.interpolate(expected.relu()[None], shape, mode="bilinear")
    require_equal(ours.values * np.exp(score.item()), larger)


@pytest.mark.parametrize(
    ("name", "window", "stride"), [("chain", (5, 4), (3, 2)), ("residual", (4, 3), (4, 3)), ("signal", 7, 3)]
)
def test_occlusion(name: str, window: int | tuple[int, int], stride: int | tuple[int, int]) -> None:
    case = shared(name)
    images, classes = batch(case)
    ours = attribution.occlusion(
        case.model, case.images, case.classes, window=window, stride=stride, baseline=0.2
    )
    sizes, steps = ((given,) if isinstance(given, int) else given for given in (window, stride))
    channels = images.shape[1]
    with torch.no_grad():
        theirs = captum.Occlusion(case.module).attribute(
            images, (channels, *sizes), (channels, *steps), baselines=0.2, target=classes
        )
    require_equal(np.broadcast_to(ours.values, images.shape), theirs)


@pytest.mark.parametrize("engine", ["reference", "native"])
def test_any_engine_will_do(engine: str) -> None:
    case = shared("residual")
    images, classes = batch(case)
    model = Model(case.model.graph, case.model.parameters, engine=engine)
    ours = attribution.guided_backpropagation(model, case.images, case.classes)
    require_equal(ours.values, captum.GuidedBackprop(case.module).attribute(images, classes))
