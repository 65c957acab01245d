"""Small networks of the families that people export from PyTorch: one block or two of each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional


def conv_norm(
    inputs: int, outputs: int, kernel: int = 3, activation: type[nn.Module] = nn.ReLU, **options: int
) -> nn.Sequential:
    """Convolution that keeps the size, batch norm, activation."""
    convolution = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False, **options)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs), activation())


class Residual(nn.Module):
    """ResNet's basic block with a projection, and its stem and head."""

    def __init__(self, groups: int = 1) -> None:
        super().__init__()
        self.stem = conv_norm(3, 8, 7, stride=2)
        self.pool = nn.MaxPool2d(3, stride=2, padding=1)
        self.conv1 = nn.Conv2d(8, 16, 3, stride=2, padding=1, bias=False, groups=groups)
        self.bn1 = nn.BatchNorm2d(16)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(16, 16, 3, padding=1, bias=False, groups=groups)
        self.bn2 = nn.BatchNorm2d(16)
        self.downsample = nn.Sequential(nn.Conv2d(8, 16, 1, stride=2, bias=False), nn.BatchNorm2d(16))
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(16, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.pool(self.stem(x))
        out = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        x = self.relu(out + self.downsample(x))
        return self.fc(torch.flatten(self.avgpool(x), 1))


class Inception(nn.Module):
    """Branches of several window sizes side by side, local response norm before them."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(conv_norm(3, 8), nn.LocalResponseNorm(5, alpha=1e-3))
        self.one = conv_norm(8, 4, 1)
        self.three = nn.Sequential(conv_norm(8, 4, 1), conv_norm(4, 6, 3))
        self.five = nn.Sequential(conv_norm(8, 2, 1), conv_norm(2, 4, 5))
        self.pooled = nn.Sequential(nn.MaxPool2d(3, stride=1, padding=1), conv_norm(8, 4, 1))
        self.averaged = nn.AvgPool2d(3, stride=2, padding=1, ceil_mode=True, count_include_pad=False)
        self.dropout = nn.Dropout(0.4)
        self.fc = nn.Linear(18, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        x = torch.cat([self.one(x), self.three(x), self.five(x), self.pooled(x)], 1)
        return self.fc(self.dropout(self.averaged(x).mean((2, 3))))


class Dense(nn.Module):
    """DenseNet: every layer sees all before it, norm and activation first; a transition."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1, bias=False)
        self.layers = nn.ModuleList(
            nn.Sequential(
                nn.BatchNorm2d(8 + 4 * k), nn.ReLU(), nn.Conv2d(8 + 4 * k, 4, 3, padding=1, bias=False)
            )
            for k in range(3)
        )
        self.transition = nn.Sequential(
            nn.BatchNorm2d(20), nn.ReLU(), nn.Conv2d(20, 10, 1, bias=False), nn.AvgPool2d(2)
        )
        self.norm = nn.BatchNorm2d(10)
        self.classifier = nn.Linear(10, 5)

    def forward(self, x: Tensor) -> Tensor:
        features = [self.stem(x)]
        for layer in self.layers:
            features.append(layer(torch.cat(features, 1)))
        x = functional.relu(self.norm(self.transition(torch.cat(features, 1))))
        x = functional.adaptive_avg_pool2d(x, (1, 1)).flatten(1)
        return self.classifier(x)


class InvertedResidual(nn.Module):
    """MobileNet: expand, depthwise, project, the shortcut between the narrow ends."""

    def __init__(self, activation: type[nn.Module] = nn.ReLU6) -> None:
        super().__init__()
        self.stem = conv_norm(3, 6, 3, activation, stride=2)
        self.block = nn.Sequential(
            conv_norm(6, 12, 1, activation),
            conv_norm(12, 12, 3, activation, groups=12),
            nn.Conv2d(12, 6, 1, bias=False),
            nn.BatchNorm2d(6),
        )
        self.head = conv_norm(6, 16, 1, activation)
        self.classifier = nn.Sequential(nn.Dropout(0.2), nn.Linear(16, 5))

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        x = self.head(x + self.block(x))
        return self.classifier(nn.functional.adaptive_avg_pool2d(x, 1).reshape(x.shape[0], -1))


class SqueezeExcite(nn.Module):
    """EfficientNet: a factor a channel from the whole map; SiLU, or MobileNetV3's hard functions."""

    def __init__(self, hard: bool = False) -> None:
        super().__init__()
        self.stem = conv_norm(3, 8, 3, nn.Hardswish if hard else nn.SiLU)
        self.squeeze = nn.AdaptiveAvgPool2d(1)
        self.fc1 = nn.Conv2d(8, 2, 1)
        self.fc2 = nn.Conv2d(2, 8, 1)
        self.inner = nn.ReLU() if hard else nn.SiLU()
        self.gate = nn.Hardsigmoid() if hard else nn.Sigmoid()
        self.fc = nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        x = x * self.gate(self.fc2(self.inner(self.fc1(self.squeeze(x)))))
        return self.fc(x.mean([2, 3]))


class Shuffle(nn.Module):
    """ShuffleNet v2: half of the channels pass by, then the halves are shuffled."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = conv_norm(3, 8, 3, stride=2)
        self.branch = nn.Sequential(
            conv_norm(4, 4, 1),
            nn.Conv2d(4, 4, 3, padding=1, groups=4, bias=False),
            nn.BatchNorm2d(4),
            conv_norm(4, 4, 1),
        )
        self.fc = nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        passed, worked = self.stem(x).chunk(2, dim=1)
        x = torch.cat((passed, self.branch(worked)), dim=1)
        count, channels, height, width = x.size()
        x = x.view(count, 2, channels // 2, height, width)
        x = torch.transpose(x, 1, 2).contiguous().view(count, channels, height, width)
        return self.fc(x.mean([2, 3]))


class ConvNeXt(nn.Module):
    """Depthwise 7x7, layer norm and two linear layers with the channels last, layer scale."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 4, stride=4)
        self.depthwise = nn.Conv2d(8, 8, 7, padding=3, groups=8)
        self.norm = nn.LayerNorm(8, eps=1e-6)
        self.expand = nn.Linear(8, 16)
        self.act = nn.GELU()
        self.project = nn.Linear(16, 8)
        self.gamma = nn.Parameter(torch.full((8, 1, 1), 0.5))
        self.drop_rate = 0.25
        self.final = nn.LayerNorm(8, eps=1e-6)
        self.head = nn.Linear(8, 5)

    def stochastic_depth(self, x: Tensor) -> Tensor:
        if not self.training:
            return x
        kept = torch.empty((len(x), 1, 1, 1)).bernoulli_(1 - self.drop_rate)
        return x * kept / (1 - self.drop_rate)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        y = self.depthwise(x).permute(0, 2, 3, 1)
        y = self.project(self.act(self.expand(self.norm(y)))).permute(0, 3, 1, 2)
        x = x + self.stochastic_depth(self.gamma * y)
        return self.head(self.final(x.mean((2, 3))))


class ChannelLayerNorm(nn.Module):
    """ConvNeXt's layer norm written out, over the channels of (N, C, H, W)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.weight = nn.Parameter(torch.rand(8))
        self.bias = nn.Parameter(torch.rand(8))
        self.fc = nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        mean = x.mean(1, keepdim=True)
        variance = (x - mean).pow(2).mean(1, keepdim=True)
        x = (x - mean) / torch.sqrt(variance + 1e-6)
        x = self.weight[:, None, None] * x + self.bias[:, None, None]
        return self.fc(functional.gelu(x, approximate="tanh").amax((2, 3)))


class UNet(nn.Module):
    """Down, up by a transposed convolution and by bilinear resizing, the maps of the way down beside."""

    def __init__(self) -> None:
        super().__init__()
        self.down1 = conv_norm(3, 4)
        self.down2 = conv_norm(4, 8)
        self.bottom = conv_norm(8, 8)
        self.up2 = nn.ConvTranspose2d(8, 8, 2, stride=2)
        self.join2 = conv_norm(16, 4)
        self.join1 = conv_norm(8, 4)
        self.head = nn.Conv2d(4, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        first = self.down1(x)
        second = self.down2(functional.max_pool2d(first, 2))
        bottom = self.bottom(functional.max_pool2d(second, 2))
        y = self.join2(torch.cat([self.up2(bottom), second], 1))
        y = functional.interpolate(y, size=first.shape[2:], mode="bilinear", align_corners=False)
        return self.head(self.join1(torch.cat([y, first], 1)))


class Signal(nn.Module):
    """One axis: convolution, batch norm, pooling, PReLU."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv1d(2, 8, 5, padding=2, stride=2),
            nn.BatchNorm1d(8),
            nn.PReLU(8),
            nn.MaxPool1d(2),
            nn.Conv1d(8, 8, 3, dilation=2),
            nn.ELU(),
            nn.AvgPool1d(3, stride=2, padding=1),
        )
        self.head = nn.Sequential(
            nn.Flatten(), nn.Linear(16, 16), nn.BatchNorm1d(16), nn.Tanh(), nn.Linear(16, 5)
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(x))


class Norms(nn.Module):
    """Group and instance norm, with and without gamma and beta; Mish, softplus, SELU."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, 8, 3, padding="same"),
            nn.GroupNorm(4, 8),
            nn.Mish(),
            nn.Conv2d(8, 8, 3, padding=1, padding_mode="reflect"),
            nn.InstanceNorm2d(8, affine=True),
            nn.Softplus(),
            nn.Conv2d(8, 8, 3, padding=1, padding_mode="circular"),
            nn.InstanceNorm2d(8),
            nn.SELU(),
            nn.ConstantPad2d((1, 0, 2, 1), 0.5),
            nn.Conv2d(8, 8, 3, stride=2),
            nn.GroupNorm(1, 8, affine=False),
            nn.LeakyReLU(0.2),
        )
        self.fc = nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.layers(x).mean((2, 3)))


class PixelShuffle(nn.Module):
    """Super-resolution: channels become positions, and back."""

    def __init__(self) -> None:
        super().__init__()
        self.shrink = nn.PixelUnshuffle(2)
        self.conv1 = nn.Conv2d(12, 8, 3, padding=1)
        self.conv2 = nn.Conv2d(8, 12, 3, padding=1)
        self.grow = nn.PixelShuffle(2)

    def forward(self, x: Tensor) -> Tensor:
        y = torch.tanh(self.conv1(self.shrink(x - 0.5)))
        return functional.interpolate(self.grow(self.conv2(y)), scale_factor=2, mode="nearest") * 2


class TwoHeads(nn.Module):
    """Two images in, two results out."""

    def __init__(self) -> None:
        super().__init__()
        self.left = conv_norm(3, 4)
        self.right = conv_norm(1, 4)
        self.classes = nn.Linear(8, 5)
        self.masks = nn.Conv2d(8, 1, 1)

    def forward(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        both = torch.cat([self.left(x), self.right(y)], 1)
        return torch.softmax(self.classes(both.mean((2, 3))), 1), torch.sigmoid(self.masks(both))


@dataclass(frozen=True)
class Family:
    """A network, and the shape of each of its inputs without the batch."""

    name: str
    make: Callable[[], nn.Module]
    shapes: tuple[tuple[int, ...], ...] = ((3, 16, 16),)

    def __str__(self) -> str:
        return self.name

    def module(self) -> nn.Module:
        """The same weights every time, running statistics and slopes that are not their first values."""
        torch.manual_seed(0)
        module = self.make()
        for name, value in [*module.named_parameters(), *module.named_buffers()]:
            if value.dim() == 1 and value.dtype == torch.float32:
                spread = 0.2 * torch.rand_like(value)
                value.data += spread if "var" in name else spread - 0.1
        return module.eval()

    def images(self, count: int) -> tuple[Tensor, ...]:
        """Seeded images."""
        torch.manual_seed(1)
        return tuple(torch.rand(count, *shape) for shape in self.shapes)


FAMILIES = (
    Family("residual", Residual),
    Family("grouped", lambda: Residual(groups=4)),
    Family("inception", Inception),
    Family("dense", Dense),
    Family("inverted-residual", InvertedResidual),
    Family("inverted-residual-hardswish", lambda: InvertedResidual(nn.Hardswish)),
    Family("squeeze-excite", SqueezeExcite),
    Family("squeeze-excite-hard", lambda: SqueezeExcite(hard=True)),
    Family("shuffle", Shuffle),
    Family("convnext", ConvNeXt),
    Family("channel-layer-norm", ChannelLayerNorm),
    Family("u-net", UNet),
    Family("signal", Signal, ((2, 32),)),
    Family("norms", Norms),
    Family("pixel-shuffle", PixelShuffle),
    Family("two-heads", TwoHeads, ((3, 8, 8), (1, 8, 8))),
)
