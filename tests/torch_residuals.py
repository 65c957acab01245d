"""Networks of residual and dense blocks in PyTorch, under the names of torchvision where it has them."""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import nn
from torch.nn import functional

RESNETS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}
DENSENETS = {
    121: (64, 32, (6, 12, 24, 16)),
    161: (96, 48, (6, 12, 36, 24)),
    169: (64, 32, (6, 12, 32, 32)),
    201: (64, 32, (6, 12, 48, 32)),
}


class Basic(nn.Module):
    """Two convolutions; the shortcut is projected, or without parameters where `padded`."""

    def __init__(self, inputs: int, width: int, stride: int, padded: bool = False) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, width, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.stride, self.missing = stride, width - inputs
        self.downsample = nn.Sequential()
        if not padded and (stride, width) != (1, inputs):
            self.downsample = nn.Sequential(
                nn.Conv2d(inputs, width, 1, stride, bias=False), nn.BatchNorm2d(width)
            )
        self.padded = padded

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.bn2(self.conv2(self.bn1(self.conv1(x)).relu()))
        x = self.downsample(x)
        if self.padded:
            x = functional.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.missing))
        return (x + y).relu()


class Bottleneck(nn.Module):
    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        outputs = 4 * width
        self.conv1 = nn.Conv2d(inputs, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, outputs, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.downsample = nn.Sequential()
        if (stride, outputs) != (1, inputs):
            self.downsample = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.bn1(self.conv1(x)).relu()
        y = self.bn2(self.conv2(y)).relu()
        return (self.bn3(self.conv3(y)) + self.downsample(x)).relu()


def resnet(depth: int, classes: int) -> nn.Module:
    parts: dict[str, nn.Module] = {
        "conv1": nn.Conv2d(3, 64, 7, 2, 3, bias=False),
        "bn1": nn.BatchNorm2d(64),
        "relu": nn.ReLU(),
        "maxpool": nn.MaxPool2d(3, 2, 1),
    }
    channels = 64
    for stage, blocks in enumerate(RESNETS[depth]):
        layer, width = nn.Sequential(), 64 << stage
        for number in range(blocks):
            stride = 2 if stage and number == 0 else 1
            layer.append((Basic if depth < 50 else Bottleneck)(channels, width, stride))
            channels = width if depth < 50 else 4 * width
        parts[f"layer{stage + 1}"] = layer
    parts |= {"avgpool": nn.AdaptiveAvgPool2d(1), "flatten": nn.Flatten(), "fc": nn.Linear(channels, classes)}
    return nn.Sequential(OrderedDict(parts))


def resnet_cifar(depth: int, classes: int) -> nn.Module:
    """With shortcuts that have no parameters."""
    layers: list[nn.Module] = [nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU()]
    channels = 16
    for width in (16, 32, 64):
        for _ in range((depth - 2) // 6):
            layers.append(Basic(channels, width, 1 if channels == width else 2, padded=True))
            channels = width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, classes))


class DenseLayer(nn.Module):
    def __init__(self, channels: int, growth: int) -> None:
        super().__init__()
        self.norm1 = nn.BatchNorm2d(channels)
        self.conv1 = nn.Conv2d(channels, 4 * growth, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(4 * growth)
        self.conv2 = nn.Conv2d(4 * growth, growth, 3, padding=1, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.conv1(self.norm1(x).relu())
        return torch.cat((x, self.conv2(self.norm2(y).relu())), dim=1)


def densenet(depth: int, classes: int) -> nn.Module:
    channels, growth, blocks = DENSENETS[depth]
    features = OrderedDict[str, nn.Module](
        conv0=nn.Conv2d(3, channels, 7, 2, 3, bias=False),
        norm0=nn.BatchNorm2d(channels),
        relu0=nn.ReLU(),
        pool0=nn.MaxPool2d(3, 2, 1),
    )
    for number, layers in enumerate(blocks, start=1):
        block = OrderedDict[str, nn.Module]()
        for layer in range(1, layers + 1):
            block[f"denselayer{layer}"] = DenseLayer(channels, growth)
            channels += growth
        features[f"denseblock{number}"] = nn.Sequential(block)
        if number < len(blocks):
            features[f"transition{number}"] = nn.Sequential(
                OrderedDict[str, nn.Module](
                    norm=nn.BatchNorm2d(channels),
                    relu=nn.ReLU(),
                    conv=nn.Conv2d(channels, channels // 2, 1, bias=False),
                    pool=nn.AvgPool2d(2, 2),
                )
            )
            channels //= 2
    features["norm5"] = nn.BatchNorm2d(channels)
    parts = OrderedDict[str, nn.Module](
        features=nn.Sequential(features),
        relu=nn.ReLU(),
        pool=nn.AdaptiveAvgPool2d(1),
        flatten=nn.Flatten(),
        classifier=nn.Linear(channels, classes),
    )
    return nn.Sequential(parts)


def filtered(
    inputs: int, outputs: int, size: int, stride: int, groups: int, activation: type[nn.Module]
) -> nn.Sequential:
    convolution = nn.Conv2d(inputs, outputs, size, stride, size // 2, groups=groups, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs), activation())


class Inverted(nn.Module):
    """MobileNetV2's block."""

    def __init__(self, inputs: int, outputs: int, stride: int, expansion: int) -> None:
        super().__init__()
        width = inputs * expansion
        steps: list[nn.Module] = [filtered(inputs, width, 1, 1, 1, nn.ReLU6)] if expansion > 1 else []
        steps.append(filtered(width, width, 3, stride, width, nn.ReLU6))
        steps += [nn.Conv2d(width, outputs, 1, bias=False), nn.BatchNorm2d(outputs)]
        self.conv = nn.Sequential(*steps)
        self.shortcut = stride == 1 and inputs == outputs

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.conv(x) if self.shortcut else self.conv(x)


def classified(features: list[nn.Module], classes: int) -> nn.Module:
    parts = OrderedDict[str, nn.Module](
        features=nn.Sequential(*features),
        pool=nn.AdaptiveAvgPool2d(1),
        flatten=nn.Flatten(),
        classifier=nn.Sequential(nn.Dropout(0.2), nn.Linear(1280, classes)),
    )
    return nn.Sequential(parts)


def mobilenet_v2(classes: int) -> nn.Module:
    features: list[nn.Module] = [filtered(3, 32, 3, 2, 1, nn.ReLU6)]
    channels = 32
    for row in ("1 16 1 1", "6 24 2 2", "6 32 3 2", "6 64 4 2", "6 96 3 1", "6 160 3 2", "6 320 1 1"):
        expansion, outputs, blocks, stride = map(int, row.split())
        for number in range(blocks):
            features.append(Inverted(channels, outputs, 1 if number else stride, expansion))
            channels = outputs
    return classified([*features, filtered(320, 1280, 1, 1, 1, nn.ReLU6)], classes)


class Gate(nn.Module):
    """Squeeze and excitation."""

    def __init__(self, channels: int, squeezed: int) -> None:
        super().__init__()
        self.fc1 = nn.Conv2d(channels, squeezed, 1)
        self.fc2 = nn.Conv2d(squeezed, channels, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        means = x.mean((2, 3), keepdim=True)
        return x * self.fc2(functional.silu(self.fc1(means))).sigmoid()


class MBConv(nn.Module):
    """EfficientNet's block, without stochastic depth, which does nothing outside training."""

    def __init__(self, inputs: int, outputs: int, size: int, stride: int, expansion: int) -> None:
        super().__init__()
        width = inputs * expansion
        steps: list[nn.Module] = [filtered(inputs, width, 1, 1, 1, nn.SiLU)] if expansion > 1 else []
        steps += [filtered(width, width, size, stride, width, nn.SiLU), Gate(width, inputs // 4)]
        steps.append(filtered(width, outputs, 1, 1, 1, nn.Identity))
        self.block = nn.Sequential(*steps)
        self.shortcut = stride == 1 and inputs == outputs

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.block(x) if self.shortcut else self.block(x)


def efficientnet_b0(classes: int) -> nn.Module:
    features: list[nn.Module] = [filtered(3, 32, 3, 2, 1, nn.SiLU)]
    channels = 32
    rows = (
        "1 3 1 16 1",
        "6 3 2 24 2",
        "6 5 2 40 2",
        "6 3 2 80 3",
        "6 5 1 112 3",
        "6 5 2 192 4",
        "6 3 1 320 1",
    )
    for row in rows:
        expansion, size, stride, outputs, blocks = map(int, row.split())
        stage = nn.Sequential()
        for number in range(blocks):
            stage.append(MBConv(channels, outputs, size, 1 if number else stride, expansion))
            channels = outputs
        features.append(stage)
    return classified([*features, filtered(320, 1280, 1, 1, 1, nn.SiLU)], classes)
