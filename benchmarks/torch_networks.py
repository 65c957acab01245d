"""The zoo's convolutional networks in PyTorch, written after torchvision, which is not needed.

Their parameters come in the order of the zoo's. Dropout is left out: contestants must compute the same
numbers to be compared.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

Parameters = Mapping[str, NDArray[np.float32]]
Stages = tuple[tuple[int, int, int], ...]


class Flattened(nn.Module):
    """A part that yields maps, and one that takes them in a row."""

    def __init__(self, features: nn.Module, classifier: nn.Module) -> None:
        super().__init__()
        self.features = features
        self.classifier = classifier

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits."""
        scores: torch.Tensor = self.classifier(torch.flatten(self.features(x), 1))
        return scores


def lenet5(inputs: int, classes: int) -> nn.Module:
    """Two convolutions, then three linear layers, the first for so many inputs."""
    features = nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(2),
    )
    classifier = nn.Sequential(
        nn.Linear(inputs, 120),
        nn.ReLU(inplace=True),
        nn.Linear(120, 84),
        nn.ReLU(inplace=True),
        nn.Linear(84, classes),
    )
    return Flattened(features, classifier)


def tiny_vgg(inputs: int, classes: int) -> nn.Module:
    """Two pairs of 3 x 3 convolutions, then one linear layer for so many inputs."""
    features: list[nn.Module] = []
    for channels in (3, 10):
        features += [nn.Conv2d(channels, 10, 3), nn.ReLU(inplace=True)]
        features += [nn.Conv2d(10, 10, 3), nn.ReLU(inplace=True), nn.MaxPool2d(2)]
    return Flattened(nn.Sequential(*features), nn.Linear(inputs, classes))


def _classifier(inputs: int, classes: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(inputs, 4096),
        nn.ReLU(inplace=True),
        nn.Linear(4096, 4096),
        nn.ReLU(inplace=True),
        nn.Linear(4096, classes),
    )


def alexnet(inputs: int, classes: int) -> nn.Module:
    """Five convolutions, then three linear layers, the first for so many inputs."""
    features = nn.Sequential(
        nn.Conv2d(3, 64, 11, stride=4, padding=2),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(3, stride=2),
        nn.Conv2d(64, 192, 5, padding=2),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(3, stride=2),
        nn.Conv2d(192, 384, 3, padding=1),
        nn.ReLU(inplace=True),
        nn.Conv2d(384, 256, 3, padding=1),
        nn.ReLU(inplace=True),
        nn.Conv2d(256, 256, 3, padding=1),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(3, stride=2),
    )
    return Flattened(features, _classifier(inputs, classes))


def vgg16(inputs: int, classes: int) -> nn.Module:
    """Thirteen convolutions in five stages, then three linear layers, the first for so many inputs."""
    features: list[nn.Module] = []
    channels = 3
    for width, convolutions in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
        for _ in range(convolutions):
            features += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU(inplace=True)]
            channels = width
        features.append(nn.MaxPool2d(2))
    return Flattened(nn.Sequential(*features), _classifier(inputs, classes))


class Padded(nn.Module):
    """A shortcut without parameters: every other cell, and channels of zeros behind its own."""

    def __init__(self, missing: int, stride: int) -> None:
        super().__init__()
        self.missing = missing
        self.stride = stride

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Fewer cells, more channels."""
        cells = functional.avg_pool2d(x, 1, self.stride)
        return functional.pad(cells, (0, 0, 0, 0, 0, self.missing))


class Residual(nn.Module):
    """A block of ResNet: `convolutions` are (kernel size, channels, stride), one after another."""

    def __init__(self, inputs: int, convolutions: Stages, padded: bool = False) -> None:
        super().__init__()
        channels, total_stride = inputs, 1
        self.depth = len(convolutions)
        for number, (size, width, stride) in enumerate(convolutions, start=1):
            convolution = nn.Conv2d(channels, width, size, stride=stride, padding=size // 2, bias=False)
            self.add_module(f"conv{number}", convolution)
            self.add_module(f"bn{number}", nn.BatchNorm2d(width))
            channels, total_stride = width, total_stride * stride
        self.relu = nn.ReLU(inplace=True)
        self.downsample: nn.Module = nn.Identity()
        if padded and channels != inputs:
            self.downsample = Padded(channels - inputs, total_stride)
        elif channels != inputs or total_stride != 1:
            projection = nn.Conv2d(inputs, channels, 1, stride=total_stride, bias=False)
            self.downsample = nn.Sequential(projection, nn.BatchNorm2d(channels))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The rectified sum of both ways."""
        y = x
        for number in range(1, self.depth + 1):
            y = self.get_submodule(f"bn{number}")(self.get_submodule(f"conv{number}")(y))
            if number < self.depth:
                y = self.relu(y)
        rectified: torch.Tensor = self.relu(y + self.downsample(x))
        return rectified


class ResNet(nn.Module):
    """A stem, stages of (width, blocks, stride of the first), the mean of each map and a linear layer."""

    def __init__(
        self,
        stem: nn.Module,
        channels: int,
        stages: Stages,
        classes: int,
        *,
        bottleneck: bool = False,
        padded: bool = False,
    ) -> None:
        super().__init__()
        self.stem = stem
        self.layers = nn.Sequential()
        for width, blocks, first_stride in stages:
            layer = nn.Sequential()
            for block in range(blocks):
                stride = first_stride if block == 0 else 1
                convolutions: Stages = ((3, width, stride), (3, width, 1))
                if bottleneck:
                    convolutions = ((1, width, 1), (3, width, stride), (1, 4 * width, 1))
                layer.append(Residual(channels, convolutions, padded))
                channels = convolutions[-1][1]
            self.layers.append(layer)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(channels, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits."""
        scores: torch.Tensor = self.fc(torch.flatten(self.pool(self.layers(self.stem(x))), 1))
        return scores


def _imagenet_stem() -> nn.Module:
    convolution = nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False)
    pool = nn.MaxPool2d(3, stride=2, padding=1)
    return nn.Sequential(convolution, nn.BatchNorm2d(64), nn.ReLU(inplace=True), pool)


def resnet18(inputs: int, classes: int) -> nn.Module:
    """Eight blocks of two 3 x 3 convolutions; `inputs` of the linear layer are 512."""
    return ResNet(_imagenet_stem(), 64, ((64, 2, 1), (128, 2, 2), (256, 2, 2), (512, 2, 2)), classes)


def resnet50(inputs: int, classes: int) -> nn.Module:
    """Sixteen bottlenecks; `inputs` of the linear layer are 2048."""
    stages = ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2))
    return ResNet(_imagenet_stem(), 64, stages, classes, bottleneck=True)


def resnet20(inputs: int, classes: int) -> nn.Module:
    """Nine blocks of two 3 x 3 convolutions for small images; `inputs` of the linear layer are 64."""
    convolution = nn.Conv2d(3, 16, 3, padding=1, bias=False)
    stem = nn.Sequential(convolution, nn.BatchNorm2d(16), nn.ReLU(inplace=True))
    return ResNet(stem, 16, ((16, 3, 1), (32, 3, 2), (64, 3, 2)), classes, padded=True)


BUILDERS: dict[str, Callable[[int, int], nn.Module]] = {
    "lenet5": lenet5,
    "tiny-vgg": tiny_vgg,
    "alexnet": alexnet,
    "vgg16": vgg16,
    "resnet18": resnet18,
    "resnet50": resnet50,
    "resnet20": resnet20,
}


def torch_network(name: str, parameters: Parameters) -> nn.Module:
    """The zoo's network of this name with these parameters, as many classes as its last layer has."""
    first = next(array for array in parameters.values() if array.ndim == 2)
    module = BUILDERS[name](first.shape[1], len(list(parameters.values())[-1]))
    load_in_order(module, parameters)
    return module


def load_in_order(module: nn.Module, parameters: Parameters) -> None:
    """Copy the zoo's arrays into a module's, which come in the same order."""
    tensors = {
        name: tensor for name, tensor in module.state_dict().items() if not name.endswith("batches_tracked")
    }
    for tensor, array in zip(tensors.values(), parameters.values(), strict=True):
        tensor.copy_(torch.from_numpy(array.copy()).view(tensor.shape))
