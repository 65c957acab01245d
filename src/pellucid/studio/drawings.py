"""Small pictures drawn here, so that a colour network has something to look at offline."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
Colour = tuple[int, int, int]
Shape = tuple[str, Sequence[tuple[float, float]], Colour]
"""What PIL.ImageDraw calls it, its points as shares of the side, and its colour."""

SIDE = 256
"""Drawn large and shrunk by the network's rules, which smooths the edges."""

SKY, SEA, ROAD, GRASS = (150, 190, 225), (40, 90, 140), (110, 110, 115), (95, 140, 70)
WHITE, BLACK, GLASS, RED, STEEL = (
    (240, 240, 240),
    (25, 25, 25),
    (70, 100, 120),
    (180, 40, 40),
    (200, 205, 210),
)

SCENES: dict[str, tuple[Colour, Sequence[Shape]]] = {
    "ship": (
        SKY,
        (
            ("rectangle", ((0, 0.68), (1, 1)), SEA),
            ("polygon", ((0.08, 0.55), (0.94, 0.55), (0.84, 0.75), (0.18, 0.75)), BLACK),
            ("rectangle", ((0.08, 0.55), (0.9, 0.59)), RED),
            ("rectangle", ((0.3, 0.4), (0.72, 0.55)), WHITE),
            ("rectangle", ((0.36, 0.3), (0.6, 0.4)), WHITE),
            ("rectangle", ((0.44, 0.16), (0.52, 0.3)), RED),
        ),
    ),
    "airplane": (
        SKY,
        (
            ("polygon", ((0.05, 0.3), (0.16, 0.3), (0.26, 0.48), (0.12, 0.48)), WHITE),
            ("polygon", ((0.1, 0.46), (0.8, 0.44), (0.95, 0.52), (0.8, 0.58), (0.16, 0.56)), WHITE),
            ("polygon", ((0.42, 0.54), (0.58, 0.54), (0.4, 0.82), (0.32, 0.82)), STEEL),
            ("polygon", ((0.44, 0.45), (0.56, 0.45), (0.46, 0.26), (0.4, 0.26)), STEEL),
            ("rectangle", ((0.82, 0.47), (0.88, 0.5)), GLASS),
        ),
    ),
    "automobile": (
        STEEL,
        (
            ("rectangle", ((0, 0.66), (1, 1)), ROAD),
            ("polygon", ((0.24, 0.5), (0.36, 0.3), (0.68, 0.3), (0.82, 0.5)), RED),
            ("polygon", ((0.3, 0.48), (0.38, 0.34), (0.51, 0.34), (0.51, 0.48)), GLASS),
            ("polygon", ((0.54, 0.48), (0.54, 0.34), (0.66, 0.34), (0.75, 0.48)), GLASS),
            ("polygon", ((0.06, 0.5), (0.9, 0.48), (0.96, 0.56), (0.96, 0.72), (0.06, 0.72)), RED),
            ("ellipse", ((0.14, 0.6), (0.34, 0.8)), BLACK),
            ("ellipse", ((0.68, 0.6), (0.88, 0.8)), BLACK),
            ("ellipse", ((0.2, 0.66), (0.28, 0.74)), STEEL),
            ("ellipse", ((0.74, 0.66), (0.82, 0.74)), STEEL),
        ),
    ),
    "truck": (
        SKY,
        (
            ("rectangle", ((0, 0.72), (1, 1)), ROAD),
            ("rectangle", ((0.04, 0.2), (0.66, 0.72)), WHITE),
            ("polygon", ((0.68, 0.36), (0.84, 0.36), (0.95, 0.54), (0.95, 0.74), (0.68, 0.74)), SEA),
            ("polygon", ((0.74, 0.4), (0.83, 0.4), (0.91, 0.53), (0.74, 0.53)), GLASS),
            ("rectangle", ((0.04, 0.7), (0.95, 0.75)), BLACK),
            ("ellipse", ((0.1, 0.66), (0.28, 0.84)), BLACK),
            ("ellipse", ((0.38, 0.66), (0.56, 0.84)), BLACK),
            ("ellipse", ((0.74, 0.66), (0.92, 0.84)), BLACK),
        ),
    ),
}
"""Background and shapes, by the name of what is drawn: classes of CIFAR-10."""


def drawing(name: str) -> Pixels:
    """(3, SIDE, SIDE) of one of SCENES."""
    from PIL import Image, ImageDraw

    background, shapes = SCENES[name]
    picture = Image.new("RGB", (SIDE, SIDE), background)
    pen = ImageDraw.Draw(picture)
    draw = {"rectangle": pen.rectangle, "polygon": pen.polygon, "ellipse": pen.ellipse}
    for kind, points, colour in shapes:
        draw[kind]([(SIDE * x, SIDE * y) for x, y in points], fill=colour)
    return np.asarray(picture).transpose(2, 0, 1)
