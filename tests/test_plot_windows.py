"""Figures of convolution arithmetic show the cells, the numbers and the lengths that the layers have."""

from __future__ import annotations

import re
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from pellucid import plot
from pellucid.errors import DataError, LayerError
from pellucid.layers import Conv2d, ConvTranspose2d

X = [
    [2, 3, 1, 5, 2, 3],
    [7, 4, 5, 2, 3, 1],
    [3, 9, 6, 0, 4, 2],
    [0, 6, 4, 7, 1, 2],
    [4, 1, 0, 8, 0, 6],
    [7, 0, 2, 1, 6, 3],
]
W = [[1, 0, 1], [4, -3, 2], [3, 0, -1]]
Y = [[32, 40, 37, 7], [5, 35, 51, 14], [11, 30, 7, 49], [36, 32, -19, 53]]


def cells(figure: Figure, kind: str) -> dict[tuple[int, int], Rectangle]:
    """The squares of a kind by their place, "input-0-2"."""
    found = {}
    for patch in figure.axes[0].patches:
        place = re.fullmatch(rf"{kind}-(-?\d+)-(-?\d+)", patch.get_gid() or "")
        if place:
            found[int(place[1]), int(place[2])] = patch
    return found


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts]


def numbers_in(figure: Figure, kind: str) -> dict[tuple[int, int], str]:
    """What is written into the squares of a kind."""
    written = {}
    for place, patch in cells(figure, kind).items():
        middle = patch.get_center()
        for text in figure.axes[0].texts:
            if np.allclose(text.get_position(), middle):
                written[place] = text.get_text()
    return written


def colours(figure: Figure, kind: str) -> Counter[str]:
    return Counter(str(patch.get_facecolor()) for patch in cells(figure, kind).values())


def test_the_plain_figure_has_49_cells_of_which_the_kernel_covers_nine() -> None:
    figure = plot.convolution(7, 3, stride=2)
    assert len(cells(figure, "input")) == 49
    assert len(cells(figure, "kernel")) == 9
    assert len(cells(figure, "output")) == 9
    assert cells(figure, "padding") == {}
    assert sorted(colours(figure, "input").values()) == [9, 40]
    assert sorted(colours(figure, "output").values()) == [1, 8]
    assert "Convolution, kernel 3×3, stride 2" in texts(figure)
    assert any(r"\dfrac{7 + 0 + 0 - 3}{2}" in text and text.endswith("= 3$") for text in texts(figure))


def test_columns_that_no_window_reaches_are_hatched() -> None:
    hatched = {p for p, cell in cells(plot.convolution(8, 3, stride=2), "input").items() if cell.get_hatch()}
    assert hatched == {(row, column) for row in range(8) for column in range(8) if 7 in (row, column)}
    stepped_over = plot.convolution((1, 8), (1, 2), stride=(1, 3))
    assert {c for (_, c), cell in cells(stepped_over, "input").items() if cell.get_hatch()} == {2, 5}


def test_worked_example_four_comes_out_cell_by_cell_and_its_sum_in_words() -> None:
    figure = plot.convolution(values=X, weights=W, at=(1, 1))
    assert numbers_in(figure, "output") == {(r, c): str(Y[r][c]) for r in range(4) for c in range(4)}
    assert numbers_in(figure, "input")[2, 1] == "9"
    assert numbers_in(figure, "kernel")[1, 1] == "-3"
    assert "4·1 + 5·0 + 2·1 + 9·4 + 6·(-3) + 0·2 + 6·3 + 4·0 + 7·(-1) = 35" in texts(figure)


@pytest.mark.parametrize(
    ("mode", "above_left"), [("zeros", "0"), ("edge", "1"), ("reflect", "7"), ("circular", "25")]
)
def test_padding_shows_what_it_holds(mode: str, above_left: str) -> None:
    figure = plot.convolution(5, 3, padding=1, padding_mode=mode)
    padding = numbers_in(figure, "padding")
    assert len(padding) == 49 - 25
    assert padding[-1, -1] == above_left
    assert all(cell.get_linestyle() != "solid" for cell in cells(figure, "padding").values())
    assert f"padding: {mode}" in texts(figure)


def test_a_transposed_convolution_has_zeros_between_its_cells_and_its_kernel_turned() -> None:
    values, weights = np.arange(1, 5).reshape(2, 2), np.arange(1, 10).reshape(3, 3)
    figure = plot.convolution(
        values=values, weights=weights, stride=2, padding=1, transposed=True, output_padding=1, at=(1, 1)
    )
    assert set(cells(figure, "input")) == {(0, 0), (0, 2), (2, 0), (2, 2)}
    assert set(cells(figure, "between")) == {(0, 1), (1, 0), (1, 1), (1, 2), (2, 1)}
    assert numbers_in(figure, "kernel")[0, 0] == "9"
    # Output (1, 1) lies between all four cells: 1*9 + 2*7 + 3*3 + 4*1.
    assert numbers_in(figure, "output")[1, 1] == "36"
    assert any(r"(2 - 1) \cdot 2 + 3 - 1 - 1 + 1 = 4$" in text for text in texts(figure))


@given(
    st.tuples(st.integers(1, 7), st.integers(1, 7)),
    st.tuples(st.integers(1, 4), st.integers(1, 4)),
    st.integers(1, 3),
    st.integers(0, 2),
    st.integers(1, 3),
    st.booleans(),
)
@settings(max_examples=12, deadline=None)
def test_any_setting_has_the_cells_of_its_layer(
    size: tuple[int, int],
    kernel: tuple[int, int],
    stride: int,
    padding: int,
    dilation: int,
    transposed: bool,
) -> None:
    family = ConvTranspose2d if transposed else Conv2d
    layer = family(1, kernel, stride, padding, dilation=dilation)
    options = {"stride": stride, "padding": padding, "dilation": dilation, "transposed": transposed}
    try:
        _, rows, columns = layer.output_shape([(1, *size)])
    except LayerError:
        with pytest.raises(LayerError):
            plot.convolution(size, kernel, **options)
        return
    figure = plot.convolution(size, kernel, at=(rows - 1, columns - 1), **options)
    assert len(cells(figure, "output")) == rows * columns
    assert len(cells(figure, "input")) == size[0] * size[1]
    assert len(cells(figure, "kernel")) == kernel[0] * kernel[1]


def test_what_cannot_be_drawn_is_refused() -> None:
    with pytest.raises(DataError, match=r"an output cell lies within \(5, 5\), received \(5, 0\)"):
        plot.convolution(7, 3, at=(5, 0))
    with pytest.raises(LayerError, match="a window of 5 needs an input at least as long"):
        plot.convolution(3, 5)
    with pytest.raises(DataError, match="at most 48 cells along an axis"):
        plot.convolution(60, 3)
    with pytest.raises(DataError, match="values come with weights"):
        plot.convolution(values=X)
    with pytest.raises(DataError, match="output_padding belongs to a transposed convolution"):
        plot.convolution(7, 3, output_padding=1)
    with pytest.raises(DataError, match="padding is numbers, and its mode zeros"):
        plot.convolution(7, 3, transposed=True, padding="same")
    with pytest.raises(DataError, match="one of en, zh, received 'fr'"):
        plot.convolution(language="fr")
