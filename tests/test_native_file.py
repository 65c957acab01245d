"""A .pellucid file gives the model back to the bit, or a FormatError that names it."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from layer_cases import LAYER_CASES, LayerCase

import pellucid
from pellucid.errors import DataError, EngineError, FormatError, UnknownNameError
from pellucid.formats.native_file import read, save
from pellucid.graph import GraphBuilder
from pellucid.layers import LAYERS, Add, Conv2d, Flatten, Linear, Parameter, ReLU, Softmax
from pellucid.model import Model, Sequential
from pellucid.objectives import SquaredError
from pellucid.optimizers import AdamW, Cosine
from pellucid.recipe import Recipe


def small_model() -> Model:
    """A net with a residual connection, two outputs, names beyond ASCII and a recipe of its own."""
    builder = GraphBuilder()
    image = builder.input((1, 4, 4))
    x = builder.add(Conv2d(2, kernel_size=3, padding="same"), image, name="卷积")
    x = builder.add(Add(), x, builder.add(ReLU(), x))
    x = builder.add(Linear(3), builder.add(Flatten(), x))
    y = builder.add(Softmax(), x)
    return Model(
        builder.graph((y, x)),
        seed=5,
        engine="reference",
        output_kind="scores",
        class_names=("零", "one", 'a "quoted"\nname'),
        name="small",
        recipe=Recipe(SquaredError(), AdamW(0.8), Cosine(0.25), batch_size=16),
    )


def assert_equal(one: Model, other: Model) -> None:
    assert one.graph == other.graph
    assert (one.name, one.class_names, one.output_kind) == (other.name, other.class_names, other.output_kind)
    assert one.recipe == other.recipe
    assert list(one.parameters) == list(other.parameters)
    for name, array in one.parameters.items():
        assert array.tobytes() == other.parameters[name].tobytes(), name
        assert array.shape == other.parameters[name].shape


# ---- there and back


def test_a_model_comes_back_to_the_bit(tmp_path: Path) -> None:
    model = small_model()
    model.save(tmp_path / "net.pellucid")
    again = pellucid.load(tmp_path / "net.pellucid", engine="reference")
    assert_equal(again, model)
    images = np.random.default_rng(1).normal(size=(3, 1, 4, 4)).astype(np.float32)
    for one, other in zip(again.predict(images), model.predict(images), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("case", LAYER_CASES, ids=str)
def test_every_layer_comes_back_with_its_parameters(tmp_path: Path, case: LayerCase) -> None:
    builder = GraphBuilder()
    inputs = [builder.input(shape, f"input{i}") for i, shape in enumerate(case.input_shapes)]
    builder.add(case.layer, *inputs, name="layer")
    model = Model(builder.graph(), engine="reference")
    model.set_parameters({f"layer.{name}": value for name, value in case.parameters(seed=3).items()})
    save(model, tmp_path / "net")
    again = read(tmp_path / "net", "reference")
    assert_equal(again, model)
    batch = [array.astype(np.float32) for array in case.inputs(2, seed=4)]
    np.testing.assert_array_equal(again.predict(*batch), model.predict(*batch))


def test_a_net_of_every_layer_type_comes_back(tmp_path: Path) -> None:
    """All layer cases side by side in one graph, each with inputs of its own."""
    builder = GraphBuilder()
    ends = []
    for case in LAYER_CASES:
        inputs = [builder.input(shape, f"{case} {i}") for i, shape in enumerate(case.input_shapes)]
        ends.append(builder.add(case.layer, *inputs, name=str(case)))
    ends.append(builder.add(Parameter((2, 3)), name="constant"))
    model = Model(builder.graph(ends), engine="reference")
    assert {type(node.layer) for node in model.graph.nodes} == set(LAYERS.values())
    save(model, tmp_path / "net")
    assert_equal(read(tmp_path / "net", "reference"), model)


def test_nan_infinity_and_minus_zero_keep_their_bits(tmp_path: Path) -> None:
    model = Sequential(Linear(1, bias=False), input_shape=(5,), engine="reference")
    values = np.array([[0x7FC00001, 0xFF800000, 0x80000000, 0x00000001, 0x7F7FFFFF]], np.uint32).view(
        np.float32
    )
    model.set_parameters({"fc1.weight": values})
    save(model, tmp_path / "net")
    assert_equal(read(tmp_path / "net", "reference"), model)


def test_a_net_without_parameters_comes_back(tmp_path: Path) -> None:
    model = Sequential(ReLU(), input_shape=(2, 3, 3), engine="reference")
    save(model, tmp_path / "net")
    assert_equal(read(tmp_path / "net", "reference"), model)


def test_the_same_model_gives_the_same_bytes(tmp_path: Path) -> None:
    save(small_model(), tmp_path / "one")
    save(small_model(), tmp_path / "two")
    save(read(tmp_path / "one", "reference"), tmp_path / "three")
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    assert (tmp_path / "one").read_bytes() == (tmp_path / "three").read_bytes()


def test_hyper_parameters_given_as_lists_come_back_as_tuples(tmp_path: Path) -> None:
    layer = Conv2d(1, kernel_size=[3, 2])
    save(Sequential(layer, input_shape=(1, 4, 4), engine="reference"), tmp_path / "net")
    assert read(tmp_path / "net", "reference").graph.node("conv1").layer == Conv2d(1, kernel_size=(3, 2))


# ---- damage


@pytest.fixture(scope="module")
def undamaged(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("undamaged") / "net"
    save(small_model(), path)
    return path.read_bytes()


def outcome(path: Path) -> Model | FormatError:
    try:
        return read(path, "reference")
    except FormatError as error:
        return error


def assert_survived(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    result = outcome(path)
    if isinstance(result, FormatError):
        assert str(result).startswith(f"{path}: ")
        assert str(result).isprintable()
    else:
        assert_equal(result, small_model())


@settings(max_examples=300, deadline=None)
@given(drawn=st.data())
def test_no_damage_gives_another_model(
    tmp_path_factory: pytest.TempPathFactory, undamaged: bytes, drawn: st.DataObject
) -> None:
    damaged = bytearray(undamaged)
    for position in drawn.draw(st.lists(st.integers(0, len(damaged) - 1), max_size=4)):
        damaged[position] = drawn.draw(st.integers(0, 255))
    end = drawn.draw(st.one_of(st.just(len(damaged)), st.integers(0, len(damaged))))
    assert_survived(tmp_path_factory.getbasetemp() / "damaged", bytes(damaged[:end]))


def test_every_truncation_is_noticed(tmp_path: Path, undamaged: bytes) -> None:
    path = tmp_path / "net"
    for length in {*range(0, len(undamaged), 7), len(undamaged) - 1}:
        path.write_bytes(undamaged[:length])
        assert isinstance(outcome(path), FormatError), length


def test_bytes_after_the_end_are_noticed(tmp_path: Path, undamaged: bytes) -> None:
    (tmp_path / "net").write_bytes(undamaged + b"\0")
    with pytest.raises(FormatError, match="net: truncated or corrupt: "):
        read(tmp_path / "net")


def test_every_single_flipped_byte_of_the_arrays_is_noticed(tmp_path: Path, undamaged: bytes) -> None:
    path = tmp_path / "net"
    arrays = 4 * sum(math.prod(spec.shape) for spec in small_model().graph.parameters.values())
    for position in range(len(undamaged) - arrays, len(undamaged)):
        damaged = bytearray(undamaged)
        damaged[position] ^= 1
        path.write_bytes(damaged)
        assert isinstance(outcome(path), FormatError), position


# ---- what load and save say


def test_load_says_what_is_there_instead(tmp_path: Path) -> None:
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n" * 20)
    for name, message in [
        ("missing.pellucid", "no such file"),
        ("missing.onnx", "no such file"),
        ("", "expects a model file, received a folder or a device"),
        (
            "picture.png",
            "not a model file that this version reads; it reads .pellucid, .onnx, .keras, HDF5 of Keras 2 "
            "and TensorFlow.js's model.json",
        ),
    ]:
        path = tmp_path / name
        with pytest.raises(FormatError) as caught:
            pellucid.load(path)
        assert str(caught.value) == f"{path}: {message}"


def test_a_file_is_known_by_its_beginning_whatever_it_is_called(tmp_path: Path, undamaged: bytes) -> None:
    (tmp_path / "model.backup").write_bytes(undamaged)
    assert_equal(pellucid.load(tmp_path / "model.backup", engine="reference"), small_model())


def test_the_engine_is_the_callers(tmp_path: Path) -> None:
    model = small_model()
    save(model, tmp_path / "net")
    assert pellucid.load(tmp_path / "net", engine=model.engine).engine is model.engine
    with pytest.raises((UnknownNameError, EngineError), match="abacus"):
        pellucid.load(tmp_path / "net", engine="abacus")


class Own(ReLU):
    """A layer of the user's own."""


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (Sequential(Own(), input_shape=(2,), engine="reference"), "Own cannot be written"),
        (
            Sequential(ReLU(), input_shape=(2,), engine="reference", class_names=("\ud800",)),
            "network cannot be saved: class_names is text",
        ),
        (
            Sequential(ReLU(), input_shape=(2,), engine="reference", class_names=(1, 2)),
            "network cannot be saved: class_names is text, received 1",
        ),
        (
            Sequential(ReLU(), input_shape=(1,) * 9, engine="reference"),
            "an input has at most 8 axes",
        ),
    ],
)
def test_what_could_not_be_read_again_is_not_written(tmp_path: Path, model: Model, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        model.save(tmp_path / "net.pellucid")
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=f"cannot write {tmp_path}: "):
        small_model().save(tmp_path)
