"""GoogLeNet in PyTorch: torchvision's form under its names, and the paper's in the same order."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

TABLE = {
    "3a": (192, 64, 96, 128, 16, 32, 32),
    "3b": (256, 128, 128, 192, 32, 96, 64),
    "4a": (480, 192, 96, 208, 16, 48, 64),
    "4b": (512, 160, 112, 224, 24, 64, 64),
    "4c": (512, 128, 128, 256, 24, 64, 64),
    "4d": (512, 112, 144, 288, 32, 64, 64),
    "4e": (528, 256, 160, 320, 32, 128, 128),
    "5a": (832, 256, 160, 320, 32, 128, 128),
    "5b": (832, 384, 192, 384, 48, 128, 128),
}


class Convolution(nn.Module):
    def __init__(self, normalized: bool, inputs: int, outputs: int, size: int, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, size, stride, size // 2, bias=not normalized)
        self.bn = nn.BatchNorm2d(outputs, eps=0.001) if normalized else nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.bn(self.conv(x)).relu()


class Inception(nn.Module):
    def __init__(self, normalized: bool, stage: str) -> None:
        super().__init__()
        inputs, one, reduce3, three, reduce5, five, pooled = TABLE[stage]
        self.branch1 = Convolution(normalized, inputs, one, 1)
        self.branch2 = nn.Sequential(
            Convolution(normalized, inputs, reduce3, 1), Convolution(normalized, reduce3, three, 3)
        )
        self.branch3 = nn.Sequential(
            Convolution(normalized, inputs, reduce5, 1),
            Convolution(normalized, reduce5, five, 3 if normalized else 5),
        )
        self.branch4 = nn.Sequential(nn.MaxPool2d(3, 1, 1), Convolution(normalized, inputs, pooled, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([branch(x) for branch in self.children()], dim=1)


class Head(nn.Module):
    def __init__(self, normalized: bool, inputs: int, classes: int) -> None:
        super().__init__()
        self.conv = Convolution(normalized, inputs, 128, 1)
        self.fc1 = nn.Linear(2048, 1024)
        self.fc2 = nn.Linear(1024, classes)
        self.normalized = normalized

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = functional.adaptive_avg_pool2d(x, 4) if self.normalized else functional.avg_pool2d(x, 5, 3)
        return self.fc2(self.fc1(self.conv(x).flatten(1)).relu())


class GoogLeNet(nn.Module):
    def __init__(self, normalized: bool, auxiliary: bool, classes: int) -> None:
        super().__init__()
        self.normalized, self.auxiliary = normalized, auxiliary
        self.conv1 = Convolution(normalized, 3, 64, 7, 2)
        self.conv2 = Convolution(normalized, 64, 64, 1)
        self.conv3 = Convolution(normalized, 64, 192, 3)
        for stage in TABLE:
            self.add_module(f"inception{stage}", Inception(normalized, stage))
            if auxiliary and stage in ("4a", "4d"):
                number = 1 if stage == "4a" else 2
                inputs = {"4a": 512, "4d": 528}[stage]
                self.add_module(f"aux{number}", Head(normalized, inputs, classes))
        self.fc = nn.Linear(1024, classes)

    def respond(self, x: torch.Tensor) -> torch.Tensor:
        return x if self.normalized else functional.local_response_norm(x, 5, alpha=1e-4, beta=0.75, k=1.0)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        def halve(x: torch.Tensor, size: int = 3) -> torch.Tensor:
            return functional.max_pool2d(x, size, 2, ceil_mode=True)

        heads: list[torch.Tensor] = []
        x = self.conv3(self.conv2(self.respond(halve(self.conv1(x)))))
        x = halve(self.respond(x))
        for stage in TABLE:
            x = self.get_submodule(f"inception{stage}")(x)
            if self.auxiliary and stage in ("4a", "4d"):
                heads.append(self.get_submodule("aux1" if stage == "4a" else "aux2")(x))
            if stage == "3b":
                x = halve(x)
            if stage == "4e":
                x = halve(x, 2 if self.normalized else 3)
        return self.fc(x.mean((2, 3))), *heads
