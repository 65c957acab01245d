"""Models of Keras and TensorFlow.js: the same numbers as Keras, and one line over what cannot be read."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import keras_models
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from keras_models import keras
from numpy.typing import NDArray

import pellucid
from pellucid.errors import FormatError, PellucidError, UnsupportedLayer

Float32 = NDArray[np.float32]

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*:DeprecationWarning:keras", "ignore:.*:UserWarning:keras"
)  # Keras's own affairs

TOLERANCE = 2e-5
"""Of the largest number; Keras computes in another order."""


def channels_first(array: Float32) -> Float32:
    """(N, ..., C) to (N, C, ...)."""
    return np.moveaxis(array, -1, 1)


def assert_same_numbers(path: Path, model: keras.Model, engine: str = "reference") -> None:
    """The file's model yields what Keras does."""
    images = np.random.default_rng(1).random((2, *model.input_shape[1:]), dtype=np.float32)
    expected = model.predict(images, verbose=0)
    received = pellucid.load(path, engine=engine).predict(channels_first(images))
    expected = expected if isinstance(expected, list) else [expected]
    for ours, theirs in zip(received if isinstance(received, tuple) else (received,), expected, strict=True):
        np.testing.assert_allclose(ours, channels_first(theirs), atol=TOLERANCE * np.abs(theirs).max())


@pytest.mark.parametrize("ending", [".keras", ".h5"])
@pytest.mark.parametrize("name", keras_models.names())
def test_models_yield_what_keras_does(name: str, ending: str, tmp_path: Path) -> None:
    model, path = keras_models.create(name), tmp_path / f"model{ending}"
    model.save(path)
    assert_same_numbers(path, model)


@pytest.mark.parametrize("name", keras_models.names())
def test_tensorflow_js_models_yield_what_keras_does(name: str, tmp_path: Path) -> None:
    model = keras_models.create(name)
    assert_same_numbers(write_tensorflow_js(model, tmp_path), model)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("ConvNeXtTiny", 64),
        ("DenseNet121", 64),
        ("EfficientNetB0", 64),
        ("EfficientNetV2B0", 64),
        ("InceptionV3", 96),
        ("MobileNet", 64),
        ("MobileNetV2", 64),
        ("MobileNetV3Small", 64),
        ("ResNet50V2", 64),
        ("VGG16", 64),
        ("Xception", 96),
    ],
)
def test_published_networks_yield_what_keras_does(name: str, size: int, tmp_path: Path) -> None:
    build: Callable[..., keras.Model] = getattr(keras.applications, name)
    model = keras_models.drawn(build(weights=None, input_shape=(size, size, 3), classes=7))
    model.save(tmp_path / "model.keras")
    assert_same_numbers(tmp_path / "model.keras", model, "native")


def write_tensorflow_js(model: keras.Model, folder: Path) -> Path:
    """model.json as TensorFlow.js's converter writes it, the weights in two shards."""
    arrays = [
        (variable.path, np.asarray(variable.numpy()))
        for layer in model._flatten_layers(include_self=False)
        for variable in layer._trainable_variables + layer._non_trainable_variables
        if "seed" not in variable.name
    ]
    content = b"".join(array.astype("<f4").tobytes() for _, array in arrays)
    (folder / "shard1.bin").write_bytes(content[: len(content) // 2])
    (folder / "shard2.bin").write_bytes(content[len(content) // 2 :])
    weights = [{"name": name, "shape": list(a.shape), "dtype": "float32"} for name, a in arrays]
    described = {
        "format": "layers-model",
        "modelTopology": {"keras_version": "3", "model_config": json.loads(model.to_json())},
        "weightsManifest": [{"paths": ["shard1.bin", "shard2.bin"], "weights": weights}],
    }
    path = folder / "model.json"
    path.write_text(json.dumps(described))
    return path


# ---- TensorFlow.js as Keras 2 wrote it


def keras_2_model() -> dict[str, object]:
    """A functional model in the words of Keras 2, its kernel quantised to bytes."""

    def layer(kind: str, name: str, inbound: list[object], **config: object) -> dict[str, object]:
        return {
            "class_name": kind,
            "name": name,
            "config": {"name": name, **config},
            "inbound_nodes": inbound,
        }

    layers = [
        layer("InputLayer", "image", [], batch_input_shape=[None, 3, 3, 1], dtype="float32"),
        layer(
            "Conv2D",
            "block/conv",
            [[["image", 0, 0, {}]]],
            filters=1,
            kernel_size=[2, 2],
            strides=[1, 1],
            padding="valid",
            use_bias=True,
            activation="hard_sigmoid",
        ),
        layer("Add", "add", [[["block/conv", 0, 0, {}], ["block/conv", 0, 0, {}]]]),
    ]
    config = {
        "name": "m",
        "layers": layers,
        "input_layers": [["image", 0, 0]],
        "output_layers": [["add", 0, 0]],
    }
    quantization = {"dtype": "uint8", "scale": 0.5, "min": -1.0, "original_dtype": "float32"}
    weights = [
        {
            "name": "block/conv/kernel",
            "shape": [2, 2, 1, 1],
            "dtype": "float32",
            "quantization": quantization,
        },
        {"name": "block/conv/bias", "shape": [1], "dtype": "float32"},
    ]
    return {
        "modelTopology": {"model_config": {"class_name": "Model", "config": config}},
        "weightsManifest": [{"paths": ["group1-shard1of1.bin"], "weights": weights}],
    }


def write_keras_2_model(folder: Path, described: dict[str, object] | None = None) -> Path:
    """The model with its five weights: 0, 1, 2, 3 as bytes and a bias of 0.25."""
    shard = bytes([0, 1, 2, 3]) + np.array([0.25], "<f4").tobytes()
    (folder / "group1-shard1of1.bin").write_bytes(shard)
    path = folder / "model.json"
    path.write_text(json.dumps(described or keras_2_model()))
    return path


def test_a_model_of_keras_2_with_quantised_weights(tmp_path: Path) -> None:
    model = pellucid.load(write_keras_2_model(tmp_path), engine="reference")
    image = np.arange(9, dtype=np.float32).reshape(1, 1, 3, 3) / 8
    kernel = np.array([[-1.0, -0.5], [0.0, 0.5]], np.float32)
    z = sum(kernel[u, v] * image[0, 0, u : u + 2, v : v + 2] for u in (0, 1) for v in (0, 1)) + 0.25
    np.testing.assert_allclose(model.predict(image)[0, 0], 2 * np.clip(0.2 * z + 0.5, 0, 1), rtol=1e-6)
    assert model.graph.node("block.conv").layer.name == "Conv2d"


def test_a_graph_model_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "model.json"
    path.write_text(json.dumps({"format": "graph-model", "modelTopology": {"node": []}}))
    with pytest.raises(FormatError, match="graph model; layers models are read"):
        pellucid.load(path)


@pytest.mark.parametrize("name", ["../shard.bin", "/etc/hostname", "a/b.bin", "", 3])
def test_shards_lie_beside_the_model(name: object, tmp_path: Path) -> None:
    described = keras_2_model()
    described["weightsManifest"] = [{"paths": [name], "weights": []}]
    with pytest.raises(FormatError, match="a shard is a file beside model"):
        pellucid.load(write_keras_2_model(tmp_path, described))


# ---- what cannot be read


def assert_one_line(path: Path) -> None:
    """The file is read, or refused in one line."""
    message = ""
    try:
        pellucid.load(path)
    except PellucidError as error:
        message = str(error)
    assert "\n" not in message


def test_all_layers_that_are_not_supported_are_named_at_once(tmp_path: Path) -> None:
    model = keras.Sequential(
        [
            keras.layers.InputLayer((4, 4, 2)),
            keras.layers.Conv2D(2, 3, name="first"),
            keras.layers.UnitNormalization(name="unit"),
        ]
    )
    inputs = model.inputs[0]
    other = keras.layers.Conv2D(2, 3, activation="softsign", name="second")(inputs)
    keras.Model(inputs, [model.outputs[0], other]).save(tmp_path / "model.keras")
    with pytest.raises(UnsupportedLayer, match=r"2 layers not supported: .*unit.*second.*softsign") as caught:
        pellucid.load(tmp_path / "model.keras")
    assert "\n" not in str(caught.value)


def test_shared_weights_are_refused(tmp_path: Path) -> None:
    image = keras.Input((4, 4, 2))
    shared = keras.layers.Conv2D(2, 3, padding="same", name="twice")
    keras.Model(image, shared(shared(image))).save(tmp_path / "model.keras")
    with pytest.raises(UnsupportedLayer, match=r"twice.*called more than once"):
        pellucid.load(tmp_path / "model.keras")


def test_an_input_of_unknown_size_is_refused(tmp_path: Path) -> None:
    keras.Sequential([keras.layers.InputLayer((None, None, 3)), keras.layers.Conv2D(2, 3)]).save(
        tmp_path / "model.keras"
    )
    with pytest.raises(FormatError, match="save the model with a fixed size"):
        pellucid.load(tmp_path / "model.keras")


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A .keras file."""
    path = tmp_path_factory.mktemp("keras") / "model.keras"
    keras_models.create("flattened").save(path)
    return path


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_archive_is_one_error(archive: Path, tmp_path: Path, data: st.DataObject) -> None:
    content = bytearray(archive.read_bytes())
    if data.draw(st.booleans()):
        del content[data.draw(st.integers(0, len(content) - 1)) :]
    for _ in range(data.draw(st.integers(0, 3))):
        if content:
            content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path / "damaged.keras"
    path.write_bytes(content)
    assert_one_line(path)


def test_a_member_that_unpacks_to_far_more_is_refused(archive: Path, tmp_path: Path) -> None:
    path = tmp_path / "bomb.keras"
    with zipfile.ZipFile(archive) as source, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        target.writestr("config.json", source.read("config.json"))
        target.writestr("model.weights.h5", bytes(64 << 20))
    with pytest.raises(FormatError, match="hostile"):
        pellucid.load(path)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 2**40) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=8,
)


def places(value: object, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Every place in nested lists and objects."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, inner in items for place in places(inner, (*path, key)))]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_value_in_any_place_of_a_model_json_is_one_error_or_a_model(
    tmp_path: Path, data: st.DataObject
) -> None:
    described = keras_2_model()
    *way, last = data.draw(st.sampled_from(places(described)[1:]))
    target: object = described
    for key in way:
        target = target[key]
    target[last] = data.draw(JSON)
    assert_one_line(write_keras_2_model(tmp_path, described))
