"""Inception v3 in PyTorch, under the names of torchvision."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

ROW, COLUMN = (1, 7), (7, 1)


class Convolution(nn.Module):
    def __init__(
        self,
        inputs: int,
        outputs: int,
        size: int | tuple[int, int],
        stride: int = 1,
        padding: int | tuple[int, int] = 0,
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, size, stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(outputs, eps=0.001)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.bn(self.conv(x)).relu()


class Mixed(nn.Module):
    """Branches stacked: `ways` are names of convolutions in turn, two side by side joined by "|".

    A way that ends in "pool" begins with a mean of neighbours; a pooling of its own is added where `halving`.
    """

    def __init__(self, parts: dict[str, nn.Module], ways: str, halving: bool = False) -> None:
        super().__init__()
        for name, part in parts.items():
            self.add_module(f"branch{name}", part)
        self.ways, self.halving = ways, halving

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        outputs = []
        for way in self.ways.split(","):
            y = functional.avg_pool2d(x, 3, 1, 1) if way == "_pool" else x
            for step in way.split():
                y = torch.cat([self.get_submodule(f"branch{name}")(y) for name in step.split("|")], 1)
            outputs.append(y)
        if self.halving:
            outputs.append(functional.max_pool2d(x, 3, 2))
        return torch.cat(outputs, 1)


def first(inputs: int, pooled: int) -> Mixed:
    parts = {
        "1x1": Convolution(inputs, 64, 1),
        "5x5_1": Convolution(inputs, 48, 1),
        "5x5_2": Convolution(48, 64, 5, 1, 2),
        "3x3dbl_1": Convolution(inputs, 64, 1),
        "3x3dbl_2": Convolution(64, 96, 3, 1, 1),
        "3x3dbl_3": Convolution(96, 96, 3, 1, 1),
        "_pool": Convolution(inputs, pooled, 1),
    }
    return Mixed(parts, "1x1,5x5_1 5x5_2,3x3dbl_1 3x3dbl_2 3x3dbl_3,_pool")


def first_reduction() -> Mixed:
    parts = {
        "3x3": Convolution(288, 384, 3, 2),
        "3x3dbl_1": Convolution(288, 64, 1),
        "3x3dbl_2": Convolution(64, 96, 3, 1, 1),
        "3x3dbl_3": Convolution(96, 96, 3, 2),
    }
    return Mixed(parts, "3x3,3x3dbl_1 3x3dbl_2 3x3dbl_3", halving=True)


def second(maps: int) -> Mixed:
    parts = {
        "1x1": Convolution(768, 192, 1),
        "7x7_1": Convolution(768, maps, 1),
        "7x7_2": Convolution(maps, maps, ROW, 1, (0, 3)),
        "7x7_3": Convolution(maps, 192, COLUMN, 1, (3, 0)),
        "7x7dbl_1": Convolution(768, maps, 1),
        "7x7dbl_2": Convolution(maps, maps, COLUMN, 1, (3, 0)),
        "7x7dbl_3": Convolution(maps, maps, ROW, 1, (0, 3)),
        "7x7dbl_4": Convolution(maps, maps, COLUMN, 1, (3, 0)),
        "7x7dbl_5": Convolution(maps, 192, ROW, 1, (0, 3)),
        "_pool": Convolution(768, 192, 1),
    }
    return Mixed(parts, "1x1,7x7_1 7x7_2 7x7_3,7x7dbl_1 7x7dbl_2 7x7dbl_3 7x7dbl_4 7x7dbl_5,_pool")


def second_reduction() -> Mixed:
    parts = {
        "3x3_1": Convolution(768, 192, 1),
        "3x3_2": Convolution(192, 320, 3, 2),
        "7x7x3_1": Convolution(768, 192, 1),
        "7x7x3_2": Convolution(192, 192, ROW, 1, (0, 3)),
        "7x7x3_3": Convolution(192, 192, COLUMN, 1, (3, 0)),
        "7x7x3_4": Convolution(192, 192, 3, 2),
    }
    return Mixed(parts, "3x3_1 3x3_2,7x7x3_1 7x7x3_2 7x7x3_3 7x7x3_4", halving=True)


def third(inputs: int) -> Mixed:
    row, column = ((1, 3), 1, (0, 1)), ((3, 1), 1, (1, 0))
    parts = {
        "1x1": Convolution(inputs, 320, 1),
        "3x3_1": Convolution(inputs, 384, 1),
        "3x3_2a": Convolution(384, 384, *row),
        "3x3_2b": Convolution(384, 384, *column),
        "3x3dbl_1": Convolution(inputs, 448, 1),
        "3x3dbl_2": Convolution(448, 384, 3, 1, 1),
        "3x3dbl_3a": Convolution(384, 384, *row),
        "3x3dbl_3b": Convolution(384, 384, *column),
        "_pool": Convolution(inputs, 192, 1),
    }
    return Mixed(parts, "1x1,3x3_1 3x3_2a|3x3_2b,3x3dbl_1 3x3dbl_2 3x3dbl_3a|3x3dbl_3b,_pool")


class Head(nn.Module):
    def __init__(self, classes: int) -> None:
        super().__init__()
        self.conv0 = Convolution(768, 128, 1)
        self.conv1 = Convolution(128, 768, 5)
        self.fc = nn.Linear(768, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.conv1(self.conv0(functional.avg_pool2d(x, 5, 3)))
        return self.fc(x.mean((2, 3)))


class InceptionV3(nn.Module):
    def __init__(self, auxiliary: bool, classes: int) -> None:
        super().__init__()
        self.Conv2d_1a_3x3 = Convolution(3, 32, 3, 2)
        self.Conv2d_2a_3x3 = Convolution(32, 32, 3)
        self.Conv2d_2b_3x3 = Convolution(32, 64, 3, 1, 1)
        self.Conv2d_3b_1x1 = Convolution(64, 80, 1)
        self.Conv2d_4a_3x3 = Convolution(80, 192, 3)
        self.Mixed_5b, self.Mixed_5c, self.Mixed_5d = first(192, 32), first(256, 64), first(288, 64)
        self.Mixed_6a = first_reduction()
        self.Mixed_6b, self.Mixed_6c = second(128), second(160)
        self.Mixed_6d, self.Mixed_6e = second(160), second(192)
        self.AuxLogits = Head(classes) if auxiliary else nn.Identity()
        self.Mixed_7a, self.Mixed_7b, self.Mixed_7c = second_reduction(), third(1280), third(2048)
        self.fc = nn.Linear(2048, classes)
        self.auxiliary = auxiliary

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        x = self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(x)))
        x = self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(functional.max_pool2d(x, 3, 2)))
        x = self.Mixed_5d(self.Mixed_5c(self.Mixed_5b(functional.max_pool2d(x, 3, 2))))
        x = self.Mixed_6e(self.Mixed_6d(self.Mixed_6c(self.Mixed_6b(self.Mixed_6a(x)))))
        heads = (self.AuxLogits(x),) if self.auxiliary else ()
        x = self.Mixed_7c(self.Mixed_7b(self.Mixed_7a(x)))
        return self.fc(x.mean((2, 3))), *heads
