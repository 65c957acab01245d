"""The summary's numbers are LeNet-5's, and its notes say what a person should know."""

from __future__ import annotations

import io

import pytest
from rich.console import Console
from rich.table import Table

from pellucid import zoo
from pellucid.layers import Conv1d, Conv2d, Crop, Linear, MaxPool2d, Slice
from pellucid.model import Sequential
from pellucid.recipe import Recipe
from pellucid.summary import summary_table


def rows(table: Table) -> list[tuple[str, ...]]:
    return list(zip(*(tuple(map(str, column.cells)) for column in table.columns), strict=True))


def memory_note(table: Table) -> str:
    """The first line below a table."""
    return str(table.caption).splitlines()[0]


def notes(table: Table) -> list[str]:
    """The lines below it."""
    return str(table.caption).splitlines()[1:]


def test_lenet5_has_exactly_these_numbers() -> None:
    table = summary_table(zoo.create("lenet5", engine="reference"))
    assert rows(table) == [
        ("input", "Input", "1x28x28", "0", "0", "1x1"),
        ("conv1", "Conv2d", "6x28x28", "156", "117,600", "5x5"),
        ("relu1", "ReLU", "6x28x28", "0", "0", "5x5"),
        ("pool1", "MaxPool2d", "6x14x14", "0", "0", "6x6"),
        ("conv2", "Conv2d", "16x10x10", "2,416", "240,000", "14x14"),
        ("relu2", "ReLU", "16x10x10", "0", "0", "14x14"),
        ("pool2", "MaxPool2d", "16x5x5", "0", "0", "16x16"),
        ("flatten1", "Flatten", "400", "0", "0", "whole input"),
        ("fc1", "Linear", "120", "48,120", "48,000", "whole input"),
        ("relu3", "ReLU", "120", "0", "0", "whole input"),
        ("fc2", "Linear", "84", "10,164", "10,080", "whole input"),
        ("relu4", "ReLU", "84", "0", "0", "whole input"),
        ("fc3", "Linear", "10", "850", "840", "whole input"),
        ("total", "", "", "61,706", "416,520", ""),
    ]
    assert notes(table) == []
    # float32 in and out of every node, kept to the end, and the parameters; in training twice the arrays, the
    # gradient and the velocity.
    cells, parameters = 784 + 2 * 4704 + 1176 + 2 * 1600 + 400 + 400 + 2 * 120 + 2 * 84 + 10, 61_706
    one, step = 4 * (cells + parameters), 4 * (2 * 64 * cells + 3 * parameters)
    assert memory_note(table) == (
        f"memory: {one / 1e6:.1f} MB to predict one image, {step / 1e6:.1f} MB to train on batches of 64"
    )


def test_memory_grows_with_the_batch_and_what_an_engine_cannot_do_is_left_out() -> None:
    net = zoo.create("lenet5")
    sizes = [
        net.engine.describe(net.graph, net.options(batch_size=size, training=True)).nbytes
        for size in (8, 64, 512)
    ]
    assert sizes[0] < sizes[1] < sizes[2]
    untrainable = Recipe(loss_weights=(1.0, 0.5))  # of two outputs, and there is one
    net = Sequential(Conv2d(3, 3), input_shape=(1, 8, 8), recipe=untrainable)
    assert memory_note(summary_table(net)).endswith("to predict one image")


def test_what_a_crop_or_a_slice_leaves_out_is_no_news() -> None:
    net = Sequential(
        Crop(1), Slice(1, 0, 5), Conv2d(2, 3, stride=2), input_shape=(1, 9, 9), engine="reference"
    )
    caption = str(summary_table(net).caption)
    assert "crop1" not in caption
    assert "slice1" not in caption


def test_a_model_prints_its_table(capsys: pytest.CaptureFixture[str]) -> None:
    zoo.create("lenet5", engine="reference").summary()
    printed = capsys.readouterr().out
    assert "conv2     Conv2d     16x10x10       2,416    240,000        14x14" in printed
    assert "61,706" in printed


NARROW = ("lenet5", "lenet5-1998", "mlp", "perceptron", "tiny-vgg", "all-cnn", "vgg16", "resnet50")
WIDE = ("resnet152", "googlenet-bn-aux", "densenet121", "squeezenet-1.0", "mobilenet-v2", "efficientnet-b0")


@pytest.mark.parametrize(
    ("name", "width"), [*((name, 80) for name in NARROW), *((name, 120) for name in WIDE)]
)
def test_the_table_fits_the_terminal_without_cutting_a_cell(name: str, width: int) -> None:
    table = summary_table(zoo.create(name, engine="reference"))
    console = Console(file=io.StringIO(), width=width)
    console.print(table)
    assert isinstance(console.file, io.StringIO)
    lines = console.file.getvalue().splitlines()
    for row in rows(table):
        assert any(all(cell in line for cell in row) for line in lines), row


def test_input_that_no_window_reaches_is_noted() -> None:
    net = Sequential(MaxPool2d(2), input_shape=(1, 5, 8), engine="reference")
    assert notes(summary_table(net)) == ["pool1: its stride leaves the last 1 row of its input unused"]
    net = Sequential(Conv2d(1, kernel_size=3, stride=4), input_shape=(1, 13, 9), engine="reference")
    assert notes(summary_table(net)) == [
        "conv1: its stride leaves the last 2 rows and 2 columns of its input unused"
    ]
    net = Sequential(Conv1d(1, kernel_size=2, stride=2), input_shape=(1, 5), engine="reference")
    assert notes(summary_table(net)) == ["conv1: its stride leaves the last 1 position of its input unused"]


def test_numbers_that_no_training_moves_are_noted_and_not_counted() -> None:
    table = summary_table(zoo.create("lenet5-1998", engine="reference"))
    assert rows(table)[-2:] == [
        ("output", "RBFOutput", "10", "0", "1,680", "whole input"),
        ("total", "", "", "60,000", "336,264", ""),
    ]
    assert notes(table) == ["output: 840 fixed numbers besides, which no training moves"]


def test_a_network_of_vectors_has_no_field_smaller_than_its_input() -> None:
    net = Sequential(Linear(3), input_shape=(4,), engine="reference")
    assert rows(summary_table(net))[1] == ("fc1", "Linear", "3", "15", "12", "whole input")
