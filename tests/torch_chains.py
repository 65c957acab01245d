"""Networks that are a chain, in PyTorch, under the names of torchvision where it has them."""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import nn
from torch.nn import functional

VGG_STAGES = {
    11: (1, 1, 2, 2, 2),
    13: (2, 2, 2, 2, 2),
    16: (2, 2, 3, 3, 3),
    19: (2, 2, 4, 4, 4),
}


class FeaturesAndClassifier(nn.Module):
    """features, maps pooled to `side` x `side` if that is given, then classifier of all cells in a row."""

    def __init__(self, features: nn.Module, classifier: nn.Module, side: int | None = None) -> None:
        super().__init__()
        self.features = features
        self.classifier = classifier
        self.side = side

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.features(x)
        if self.side is not None:
            x = functional.adaptive_avg_pool2d(x, (self.side, self.side))
        return self.classifier(x.flatten(1))


def alexnet(classes: int, side: int | None = None) -> nn.Module:
    cells = (side or 1) ** 2
    features = nn.Sequential(
        nn.Conv2d(3, 64, 11, stride=4, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(3, 2),
        nn.Conv2d(64, 192, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(3, 2),
        nn.Conv2d(192, 384, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(384, 256, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(256, 256, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(3, 2),
    )
    classifier = nn.Sequential(
        nn.Dropout(),
        nn.Linear(256 * cells, 4096),
        nn.ReLU(),
        nn.Dropout(),
        nn.Linear(4096, 4096),
        nn.ReLU(),
        nn.Linear(4096, classes),
    )
    return FeaturesAndClassifier(features, classifier, side)


def alexnet_2012(classes: int) -> nn.Module:
    def response() -> nn.Module:
        return nn.LocalResponseNorm(5, alpha=5 * 1e-4, beta=0.75, k=2)

    features = nn.Sequential(
        nn.Conv2d(3, 96, 11, stride=4),
        nn.ReLU(),
        response(),
        nn.MaxPool2d(3, 2),
        nn.Conv2d(96, 256, 5, padding=2, groups=2),
        nn.ReLU(),
        response(),
        nn.MaxPool2d(3, 2),
        nn.Conv2d(256, 384, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(384, 384, 3, padding=1, groups=2),
        nn.ReLU(),
        nn.Conv2d(384, 256, 3, padding=1, groups=2),
        nn.ReLU(),
        nn.MaxPool2d(3, 2),
    )
    classifier = nn.Sequential(
        nn.Linear(256, 4096), nn.ReLU(), nn.Linear(4096, 4096), nn.ReLU(), nn.Linear(4096, classes)
    )
    return FeaturesAndClassifier(features, classifier)


def vgg(depth: int, normalized: bool, classes: int, side: int | None = None) -> nn.Module:
    features: list[nn.Module] = []
    channels = 3
    for width, convolutions in zip((64, 128, 256, 512, 512), VGG_STAGES[depth], strict=True):
        for _ in range(convolutions):
            features.append(nn.Conv2d(channels, width, 3, padding=1))
            if normalized:
                features.append(nn.BatchNorm2d(width))
            features.append(nn.ReLU())
            channels = width
        features.append(nn.MaxPool2d(2, 2))
    classifier = nn.Sequential(
        nn.Linear(512 * (side or 1) ** 2, 4096),
        nn.ReLU(),
        nn.Dropout(),
        nn.Linear(4096, 4096),
        nn.ReLU(),
        nn.Dropout(),
        nn.Linear(4096, classes),
    )
    return FeaturesAndClassifier(nn.Sequential(*features), classifier, side)


class Fire(nn.Module):
    def __init__(self, channels: int, squeeze: int, expand: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(channels, squeeze, 1)
        self.expand1x1 = nn.Conv2d(squeeze, expand, 1)
        self.expand3x3 = nn.Conv2d(squeeze, expand, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.squeeze(x).relu()
        return torch.cat((self.expand1x1(x).relu(), self.expand3x3(x).relu()), dim=1)


def squeezenet(version: str, classes: int) -> nn.Module:
    """P stands for a pooling, a number for a fire's squeezed maps, of which four times as many are made."""
    rows = {
        "1.0": (96, 7, "P 16 16 32 P 32 48 48 64 P 64"),
        "1.1": (64, 3, "P 16 16 P 32 32 P 48 48 64 64"),
    }
    channels, size, row = rows[version]
    features: list[nn.Module] = [nn.Conv2d(3, channels, size, stride=2), nn.ReLU()]
    for entry in row.split():
        if entry == "P":
            features.append(nn.MaxPool2d(3, 2, ceil_mode=True))
        else:
            features.append(Fire(channels, int(entry), 4 * int(entry)))
            channels = 8 * int(entry)
    classifier = nn.Sequential(
        nn.Dropout(), nn.Conv2d(channels, classes, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()
    )
    return nn.Sequential(OrderedDict(features=nn.Sequential(*features), classifier=classifier))


def all_convolutional(rows: tuple[tuple[int, int, int, int], ...]) -> nn.Module:
    """Of every convolution its maps, kernel size, stride and padding; the mean of each map at the end."""
    layers: list[nn.Module] = []
    channels = 3
    for maps, size, stride, padding in rows:
        layers += [nn.Conv2d(channels, maps, size, stride, padding), nn.ReLU()]
        channels = maps
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())


def all_cnn_c(classes: int) -> nn.Module:
    narrow, wide, last = (96, 3, 1, 1), (192, 3, 1, 1), ((192, 3, 1, 0), (192, 1, 1, 0), (classes, 1, 1, 0))
    return all_convolutional((narrow, narrow, (96, 3, 2, 1), wide, wide, (192, 3, 2, 1), *last))


def all_cnn(classes: int) -> nn.Module:
    return all_convolutional(
        (
            *((96, 11, 4, 2), (96, 1, 1, 0), (96, 3, 2, 0)),
            *((256, 5, 1, 2), (256, 1, 1, 0), (256, 3, 2, 0)),
            *((384, 3, 1, 1), (384, 1, 1, 0), (384, 3, 2, 0)),
            *((1024, 3, 1, 1), (1024, 1, 1, 0), (classes, 1, 1, 0)),
        )
    )


class Local(nn.Module):
    """A kernel and a bias for every cell, by unfolding the windows."""

    def __init__(self, channels: int, maps: int, size: int, stride: int, side: int) -> None:
        super().__init__()
        self.size, self.stride, self.side = size, stride, (side - size) // stride + 1
        scale = (2 / (channels * size * size)) ** 0.5
        self.weight = nn.Parameter(torch.randn(maps, self.side, self.side, channels, size, size) * scale)
        self.bias = nn.Parameter(torch.zeros(maps, self.side, self.side))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        windows = functional.unfold(x, self.size, stride=self.stride)  # N, C size size, cells
        weight = self.weight.flatten(3).flatten(1, 2)  # maps, cells, C size size
        z = torch.einsum("nkp,opk->nop", windows, weight)
        return z.unflatten(2, (self.side, self.side)) + self.bias


def deepface(classes: int, side: int) -> nn.Module:
    """For images of this side."""
    pooled = -(-(side - 10 - 3) // 2) + 1 - 8
    four = pooled - 8
    five = (four - 7) // 2 + 1
    return nn.Sequential(
        nn.Conv2d(3, 32, 11),
        nn.ReLU(),
        nn.MaxPool2d(3, 2, ceil_mode=True),
        nn.Conv2d(32, 16, 9),
        nn.ReLU(),
        Local(16, 16, 9, 1, pooled),
        nn.ReLU(),
        Local(16, 16, 7, 2, four),
        nn.ReLU(),
        Local(16, 16, 5, 1, five),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(16 * (five - 4) ** 2, 4096),
        nn.ReLU(),
        nn.Linear(4096, classes),
    )


def conv_blocks(widths: tuple[int, ...], side: int, classes: int) -> nn.Module:
    """Blocks of two convolutions and a pooling, one dense layer and the output."""
    layers: list[nn.Module] = []
    channels = 3
    for width in widths:
        layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
        layers += [nn.Conv2d(width, width, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
        channels = width
    cells = channels * (side >> len(widths)) ** 2
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(cells, 128), nn.ReLU(), nn.Linear(128, classes))
