"""The zoo's networks beside their PyTorch definitions, at sizes that take seconds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
import torch_chains as chains
import torch_residuals as residuals
from torch import nn
from torch_googlenet import GoogLeNet
from torch_inception import InceptionV3

CLASSES = 7


@dataclass(frozen=True)
class Case:
    """A network for CLASSES classes of small images.

    Args:
        build: its definition in PyTorch, from the number of classes.
        side: of the images, which have 3 channels.
        slow: takes more than a moment.
    """

    build: Callable[[int], nn.Module]
    side: int
    slow: bool = False


CASES = {
    "conv-blocks": Case(lambda classes: chains.conv_blocks((16, 32, 64), 16, classes), 16),
    "alexnet": Case(chains.alexnet, 63),
    "alexnet-2012": Case(chains.alexnet_2012, 67),
    "all-cnn-c": Case(chains.all_cnn_c, 16),
    "all-cnn": Case(chains.all_cnn, 63),
    "vgg11": Case(partial(chains.vgg, 11, False), 32, slow=True),
    "vgg13": Case(partial(chains.vgg, 13, False), 32, slow=True),
    "vgg16": Case(partial(chains.vgg, 16, False), 32),
    "vgg19": Case(partial(chains.vgg, 19, False), 32, slow=True),
    "vgg11-bn": Case(partial(chains.vgg, 11, True), 32, slow=True),
    "vgg13-bn": Case(partial(chains.vgg, 13, True), 32, slow=True),
    "vgg16-bn": Case(partial(chains.vgg, 16, True), 32, slow=True),
    "vgg19-bn": Case(partial(chains.vgg, 19, True), 32, slow=True),
    "googlenet": Case(partial(GoogLeNet, False, False), 48),
    "googlenet-aux": Case(partial(GoogLeNet, False, True), 224, slow=True),
    "googlenet-bn": Case(partial(GoogLeNet, True, False), 15),
    "googlenet-bn-aux": Case(partial(GoogLeNet, True, True), 64, slow=True),
    "inception-v3": Case(partial(InceptionV3, False), 75, slow=True),
    "inception-v3-aux": Case(partial(InceptionV3, True), 299, slow=True),
    "resnet18": Case(partial(residuals.resnet, 18), 40),
    "resnet34": Case(partial(residuals.resnet, 34), 40, slow=True),
    "resnet50": Case(partial(residuals.resnet, 50), 33),
    "resnet101": Case(partial(residuals.resnet, 101), 64, slow=True),
    "resnet152": Case(partial(residuals.resnet, 152), 64, slow=True),
    "resnet20": Case(partial(residuals.resnet_cifar, 20), 10),
    "resnet32": Case(partial(residuals.resnet_cifar, 32), 16),
    "resnet44": Case(partial(residuals.resnet_cifar, 44), 16, slow=True),
    "resnet56": Case(partial(residuals.resnet_cifar, 56), 16),
    "resnet110": Case(partial(residuals.resnet_cifar, 110), 16, slow=True),
    "densenet121": Case(partial(residuals.densenet, 121), 40),
    "densenet161": Case(partial(residuals.densenet, 161), 64, slow=True),
    "densenet169": Case(partial(residuals.densenet, 169), 64, slow=True),
    "densenet201": Case(partial(residuals.densenet, 201), 64, slow=True),
    "squeezenet-1.0": Case(partial(chains.squeezenet, "1.0"), 21),
    "squeezenet-1.1": Case(partial(chains.squeezenet, "1.1"), 40),
    "mobilenet-v2": Case(residuals.mobilenet_v2, 40),
    "efficientnet-b0": Case(residuals.efficientnet_b0, 40),
    "deepface": Case(lambda classes: chains.deepface(classes, 81), 81),
}


def module(name: str) -> nn.Module:
    """The definition of a network in PyTorch, with running statistics, scales and shifts as if trained."""
    torch.manual_seed(1)
    made = CASES[name].build(CLASSES)
    for full, tensor in made.state_dict().items():
        if full.endswith("batches_tracked"):
            continue
        if tensor.ndim == 1:
            tensor.uniform_(0.5, 1.5)
        elif tensor.ndim in (2, 4):
            tensor.normal_(0, (2 / tensor[0].numel()) ** 0.5)
    return made.eval()
