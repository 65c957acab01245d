"""Figures become files: well formed, the same bytes every time, whole or not at all."""

from __future__ import annotations

import ast
from pathlib import Path
from xml.etree import ElementTree

import matplotlib
import numpy as np
import pytest
from matplotlib import font_manager
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

import pellucid
from pellucid import plot, zoo
from pellucid.errors import DataError
from pellucid.plot import canvas
from pellucid.plot.language import CHINESE
from pellucid.training import EpochRecord, Evaluation, History

HISTORY = History("net", "data", (EpochRecord(1, 2.0, 0.5, 1.5, 0.6, 1.0, 10.0),))
EVALUATION = Evaluation(
    1.0, 0.75, np.array([0, 1, 2, 1]), np.array([0, 1, 1, 1]), np.array([0.9, 0.8, 0.7, 0.6], np.float32)
)
PICTURE = np.linspace(0, 1, 36, dtype=np.float32).reshape(1, 6, 6)


def every_figure(language: str = "en") -> list[Figure]:
    net = zoo.create("lenet5", engine="reference")
    field = pellucid.explain.theoretical_field(net, "conv1")
    return [
        plot.convolution(5, 3, padding=1, stride=2, language=language),
        plot.activation(["relu", "maxout", "softmax"], language=language),
        plot.architecture(net, language=language),
        plot.feature_maps(np.arange(150.0).reshape(6, 5, 5) - 75, limit=4, title="a", language=language),
        plot.filters(net.parameters["conv2.weight"], limit=3, language=language),
        plot.attributions(PICTURE, [plot.Overlay(PICTURE - 0.5, "method", ["note"])], language=language),
        plot.receptive_field(field, PICTURE, language=language),
        plot.learning_curves(HISTORY, language=language),
        plot.confusion_matrix(EVALUATION, language=language),
        plot.worst_mistakes(EVALUATION, np.zeros((4, 1, 6, 6)), language=language),
    ]


def test_every_svg_is_well_formed_and_the_same_twice(tmp_path: Path) -> None:
    for number, (first, second) in enumerate(zip(every_figure(), every_figure(), strict=True)):
        a, b = tmp_path / f"{number}a.svg", tmp_path / f"{number}b.svg"
        plot.save(first, a)
        plot.save(second, b)
        assert a.read_bytes() == b.read_bytes()
        root = ElementTree.parse(a).getroot()
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        assert b"<dc:date>" not in a.read_bytes()


def test_a_figure_can_be_written_again(tmp_path: Path) -> None:
    """An arrangement that is made anew at every drawing would move the panels."""
    figure = plot.feature_maps(np.arange(75.0).reshape(3, 5, 5) - 30, title="a")
    for name in ("a.svg", "b.png", "c.svg"):
        plot.save(figure, tmp_path / name)
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "c.svg").read_bytes()


@pytest.mark.parametrize(("suffix", "begin"), [(".png", b"\x89PNG"), (".pdf", b"%PDF"), (".SVG", b"<?xml")])
def test_other_formats_are_the_same_twice_too(tmp_path: Path, suffix: str, begin: bytes) -> None:
    contents = []
    for name in ("a", "b"):
        plot.save(plot.activation("tanh"), tmp_path / "new folder" / f"{name}{suffix}")
        contents.append((tmp_path / "new folder" / f"{name}{suffix}").read_bytes())
    assert contents[0] == contents[1]
    assert contents[0].startswith(begin)


def test_a_png_is_as_large_as_its_figure_in_dots(tmp_path: Path) -> None:
    figure = plot.activation("tanh")
    plot.save(figure, tmp_path / "a.png", dpi=50)
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.size == tuple(np.round(figure.get_size_inches() * 50).astype(int).tolist())


def test_drawing_leaves_no_settings_and_no_windows_behind(tmp_path: Path) -> None:
    before = dict(matplotlib.rcParams)
    plot.save(plot.convolution(5, 3), tmp_path / "a.svg")
    assert dict(matplotlib.rcParams) == before
    for path in (Path(pellucid.__file__).parent / "plot").rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        assert "matplotlib.pyplot" not in imported
        assert "pyplot" not in path.read_text(encoding="utf-8")


def test_a_file_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    figure = plot.activation("tanh")
    with pytest.raises(DataError, match=r"written as \.svg, \.png, \.pdf, received '\.gif'"):
        plot.save(figure, tmp_path / "a.gif")
    (tmp_path / "folder.svg").mkdir()
    with pytest.raises(DataError, match="exists and is not a regular file"):
        plot.save(figure, tmp_path / "folder.svg")
    old = tmp_path / "old.svg"
    old.write_text("old")
    figure.axes[0].set_title("$\\unknown$")  # fails while it is drawn
    with pytest.raises(ValueError, match="unknown"):
        plot.save(figure, old)
    assert old.read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder.svg", "old.svg"]


def drawn_texts(figure: Figure) -> str:
    return " ".join(text.get_text() for text in figure.findobj(Text) if isinstance(text, Text))


@pytest.mark.filterwarnings("ignore:Glyph")  # the font that stands in has no Chinese letters
def test_chinese_figures_hold_no_english_phrase(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(canvas, "chinese_font", lambda: "DejaVu Sans")
    english = {phrase for phrase in CHINESE if len(phrase) > 3 and "{" not in phrase}
    english.remove("input")  # also the name of a node, which nobody translates
    for plain, chinese in zip(every_figure(), every_figure("zh"), strict=True):
        assert {phrase for phrase in english if phrase in drawn_texts(chinese)} == set()
        assert plain.get_size_inches().shape == chinese.get_size_inches().shape
        letters = drawn_texts(chinese)
        assert any(letter >= canvas.FIRST_CJK_LETTER for letter in letters) or not english & set(
            drawn_texts(plain).split(" ")
        )


def test_every_phrase_has_its_placeholders_in_both_languages() -> None:
    from string import Formatter

    for english, chinese in CHINESE.items():
        fields = [{name for _, name, _, _ in Formatter().parse(text) if name} for text in (english, chinese)]
        assert fields[0] == fields[1], english


def test_without_a_chinese_font_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(font_manager.fontManager, "ttflist", [])
    with pytest.raises(DataError, match="needs a font that has them, found none of Noto Sans CJK SC"):
        plot.convolution(5, 3, language="zh")
    with pytest.raises(DataError, match="needs a font"):
        plot.confusion_matrix(EVALUATION, ["猫", "狗", "鸟"])
    plot.convolution(5, 3)  # English needs none
