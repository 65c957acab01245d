"""Ten digits as 7 x 12 bitmaps, drawn for this project: the prototypes of LeNet-5's output layer.

The paper uses a stylised ASCII set of its own (LeCun et al. 1998, figure 3). Any two of these differ in at
least MINIMUM_HAMMING_DISTANCE of their 84 cells; a cell adds (1 - -1)^2 = 4 to a squared distance, so any two
prototypes are at least 72 apart.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

WIDTH = 7
HEIGHT = 12
MINIMUM_HAMMING_DISTANCE = 18

DRAWINGS = (
    """
    ..###..
    .##.##.
    ##...##
    ##...##
    ##...##
    ##...##
    ##...##
    ##...##
    ##...##
    ##...##
    .##.##.
    ..###..
    """,
    """
    ...##..
    ..###..
    .####..
    ##.##..
    ...##..
    ...##..
    ...##..
    ...##..
    ...##..
    ...##..
    ...##..
    .######
    """,
    """
    .#####.
    ##...##
    ##...##
    .....##
    .....##
    ....##.
    ...##..
    ..##...
    .##....
    ##.....
    ##...##
    #######
    """,
    """
    #######
    #....##
    ....##.
    ...##..
    ..###..
    ...###.
    .....##
    .....##
    .....##
    ##...##
    ##...##
    .#####.
    """,
    """
    .....#.
    ....##.
    ...###.
    ..####.
    .##.##.
    ##..##.
    ##..##.
    #######
    ....##.
    ....##.
    ....##.
    ...####
    """,
    """
    #######
    ##.....
    ##.....
    ##.....
    ######.
    ##...##
    .....##
    .....##
    .....##
    .....##
    ##...##
    .#####.
    """,
    """
    ...###.
    ..##...
    .##....
    ##.....
    ##.....
    ##.###.
    ###..##
    ##...##
    ##...##
    ##...##
    .##.##.
    ..###..
    """,
    """
    #######
    ##...##
    .....##
    ....##.
    ....##.
    ...##..
    ...##..
    ...##..
    ..##...
    ..##...
    ..##...
    ..##...
    """,
    """
    .#####.
    ##...##
    ##...##
    ##...##
    .##.##.
    ..###..
    .##.##.
    ##...##
    ##...##
    ##...##
    ##...##
    .#####.
    """,
    """
    ..###..
    .##.##.
    ##...##
    ##...##
    ##...##
    ##..###
    .###.##
    .....##
    .....##
    ....##.
    ...##..
    .###...
    """,
)


def prototypes() -> NDArray[np.float32]:
    """The drawings in reading order: (10, 84), +1 for ink and -1 for paper."""
    rows = [[cell for cell in drawing if cell in "#."] for drawing in DRAWINGS]
    return np.where(np.array(rows) == "#", 1.0, -1.0).astype(np.float32)
