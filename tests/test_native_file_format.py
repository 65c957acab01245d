"""The .pellucid format seen from outside: files put together by hand, by its documentation and against it."""

from __future__ import annotations

import hashlib
import json
import struct
import tracemalloc
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import pellucid
from pellucid.errors import FormatError
from pellucid.formats.native_file import LARGEST_HEADER

Arrays = Mapping[str, NDArray[Any]]


def plain_description() -> dict[str, Any]:
    """input (2,) and Linear(1), as the format's documentation has it."""
    recipe = {
        "type": "Recipe",
        "objective": {"type": "CrossEntropy"},
        "optimizer": {"type": "SGD", "momentum": 0.9},
        "schedule": {"type": "Constant", "learning_rate": 0.125},
        "batch_size": 64,
    }
    nodes = [
        {"name": "input", "layer": {"type": "Input", "shape": [2]}, "inputs": []},
        {"name": "fc", "layer": {"type": "Linear", "out_features": 1}, "inputs": ["input"]},
    ]
    return {
        "format": 1,
        "name": "plain",
        "output_kind": "logits",
        "class_names": ["yes"],
        "recipe": recipe,
        "graph": {"nodes": nodes, "outputs": ["fc"]},
    }


def plain_arrays() -> dict[str, NDArray[Any]]:
    return {"fc.weight": np.array([[0.5, -2.0]], np.float32), "fc.bias": np.array([0.25], np.float32)}


def sealed(description: Mapping[str, Any], arrays: Arrays) -> str:
    """The description with its checksum, as the documentation says."""
    digest = hashlib.sha256(json.dumps(description, sort_keys=True, separators=(",", ":")).encode())
    for name in sorted(arrays):
        digest.update(name.encode() + arrays[name].tobytes())
    return json.dumps({**description, "sha256": digest.hexdigest()})


def by_hand(text: str, arrays: Arrays, codes: Mapping[type, str] | None = None) -> bytes:
    """A safetensors file, put together without the package."""
    names = codes or {np.float32: "F32", np.float64: "F64", np.int32: "I32"}
    header: dict[str, Any] = {"__metadata__": {"pellucid": text}}
    data = b""
    for name, array in arrays.items():
        header[name] = {
            "dtype": names[array.dtype.type],
            "shape": list(array.shape),
            "data_offsets": [len(data), len(data) + array.nbytes],
        }
        data += array.tobytes()
    encoded = json.dumps(header).encode()
    return struct.pack("<Q", len(encoded)) + encoded + data


def test_a_file_written_by_the_documentation_is_read(tmp_path: Path) -> None:
    description, arrays = plain_description(), plain_arrays()
    (tmp_path / "net").write_bytes(by_hand(sealed(description, arrays), arrays))
    model = pellucid.load(tmp_path / "net", engine="reference")
    assert (model.name, model.class_names, model.output_kind) == ("plain", ("yes",), "logits")
    assert model.recipe.schedule.at(0, 1) == 0.125
    np.testing.assert_array_equal(model.predict([[2.0, 0.25]]), [[0.75]])


def refused(folder: Path, content: bytes, message: str) -> None:
    path = folder / "net.pellucid"
    path.write_bytes(content)
    with pytest.raises(FormatError, match=message) as caught:
        pellucid.load(path, engine="reference")
    text = str(caught.value)
    assert text.startswith(f"{path}: ")
    assert text.isprintable()
    assert len(text) < 500


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "truncated, 0 bytes are left"),
        (b"\x80\x02}q\x00.", "truncated, 6 bytes"),
        (b"PK\x03\x04" * 100, "not a .pellucid file"),
        (b"\xff" * 8 + b"{" * 100, "truncated, its header takes 18446744073709551615 bytes"),
        (struct.pack("<Q", 100) + b"{" * 50, "truncated, its header takes 100 bytes and 50 are there"),
        (struct.pack("<Q", 100) + b"{" * 100, "truncated or corrupt|nvalid"),
        (struct.pack("<Q", 2) + b"{}", "without the description of a model"),
        (struct.pack("<Q", 20) + b'{"__metadata__":{}} ', "without the description of a model"),
        (
            struct.pack("<Q", LARGEST_HEADER + 8) + b"{}" + b" " * (LARGEST_HEADER + 6),
            f"a header has at most {LARGEST_HEADER} bytes",
        ),
    ],
)
def test_what_is_not_such_a_file_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    refused(tmp_path, content, message)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not valid JSON"),
        ("{", "not valid JSON"),
        ("[" * 100_000, "not valid JSON"),
        ('{"a":' * 100_000, "not valid JSON"),
        ('{"format":1,"format":1}', "a key is there twice"),
        ('{"format":NaN}', "numbers are finite, received NaN"),
        ('{"format":-Infinity}', "numbers are finite, received -Infinity"),
        ('{"format":' + "9" * 5000 + "}", "not valid JSON"),
        ("null", "a format of 1 or more, received None"),
        ("[]", "a format of 1 or more, received None"),
        ('{"format":0}', "a format of 1 or more, received 0"),
        ('{"format":true}', "a format of 1 or more, received True"),
        ('{"format":1.0}', "a format of 1 or more, received 1.0"),
        (
            '{"format":2,"whatever":"the future brings"}',
            r"written by a newer version \(format 2, this one reads up to 1\); upgrade pellucid",
        ),
        ('{"format":1}', "the description has the keys class_names, format, .* received format"),
    ],
)
def test_a_broken_description_is_refused(tmp_path: Path, text: str, message: str) -> None:
    refused(tmp_path, by_hand(text, {}), message)


def changed(description: dict[str, Any], path: tuple[str | int, ...], value: object) -> None:
    """Set the entry at this path, or remove it if the value is `...`."""
    place: Any = description
    for key in path[:-1]:
        place = place[key]
    if value is ...:
        del place[path[-1]]
    else:
        place[path[-1]] = value


NODE = ("graph", "nodes", 1)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("extra",), 1, "the description has the keys"),
        (("name",), 7, "name is text, received 7"),
        (("name",), "\ud800", "name is text"),
        (("class_names",), "ab", "class_names: a list of texts, received 'ab'"),
        (("class_names",), ["a", None], "class_names is text, received None"),
        (("output_kind",), "guess", "output_kind is one of logits, probabilities, scores"),
        (("recipe",), None, 'recipe: expects an object with a "type"'),
        (("recipe", "schedule", "learning_rate"), -1, "learning_rate is at least 0 and finite, received -1"),
        (("recipe", "schedule", "learning_rate"), 10**400, "learning_rate is float"),
        (("graph",), [], "the graph has the keys nodes, outputs"),
        (("graph", "nodes"), {}, "nodes are a list"),
        (("graph", "nodes"), [], "at least one Input"),
        (("graph", "outputs"), [], "at least one output"),
        (("graph", "outputs"), ["nowhere"], "outputs are nodes of the graph, received 'nowhere'"),
        ((*NODE, "inputs"), ["fc"], "fc: inputs are nodes that come before it"),
        ((*NODE, "inputs"), [], "fc: Linear takes 1"),
        ((*NODE, "name"), "input", "input: a node's name is used once"),
        ((*NODE, "name"), "", "a node's name has at least one letter"),
        ((*NODE, "name"), "\x1b[31m\nfc", "outputs are nodes of the graph, received 'fc'"),
        ((*NODE, "comment"), "x", "a node has the keys inputs, layer, name"),
        ((*NODE, "layer", "type"), "os.system", "unknown layer 'os.system'"),
        ((*NODE, "layer", "type"), "Conv2d", "Conv2d: unknown field 'out_features'"),
        ((*NODE, "layer", "out_features"), 2, r"fc.weight: expects an F32 array of shape \(2, 2\)"),
        ((*NODE, "layer", "bias"), False, "fc.bias: an array that the graph has no parameter for"),
        (("graph", "nodes", 0, "layer", "shape"), [1, 2], "fc: Linear .put a Flatten before it"),
        (("graph", "nodes", 0, "layer", "shape"), [1] * 9, "input: an input has at most 8 axes, received 9"),
    ],
)
def test_a_wrong_description_is_refused(
    tmp_path: Path, path: tuple[str | int, ...], value: object, message: str
) -> None:
    description = plain_description()
    changed(description, path, value)
    refused(tmp_path, by_hand(sealed(description, plain_arrays()), plain_arrays()), message)


TUNING = {
    "type": "Tuning",
    "purpose": "inference",
    "batch_size": 16,
    "instruction_set": "avx2",
    "threads": 2,
    "layout": "blocks",
    "algorithms": [],
}


def test_a_tuning_written_by_the_documentation_is_read(tmp_path: Path) -> None:
    description, arrays = {**plain_description(), "tunings": [TUNING]}, plain_arrays()
    (tmp_path / "net").write_bytes(by_hand(sealed(description, arrays), arrays))
    model = pellucid.load(tmp_path / "net", engine="reference")
    assert model.tunings == (pellucid.Tuning("inference", 16, "avx2", 2, "blocks"),)


@pytest.mark.parametrize(
    ("tunings", "message"),
    [
        ({}, r"tunings are a list, received {}"),
        ([None], 'tuning: expects an object with a "type", received None'),
        ([{**TUNING, "type": "Recipe"}], "unknown tuning 'Recipe'; known: Tuning"),
        ([{**TUNING, "machine": "mine"}], "Tuning: unknown field 'machine'"),
        ([{"type": "Tuning"}], "Tuning: the field 'purpose' is missing"),
        (
            [{**TUNING, "purpose": "trace"}],
            r"Tuning: purpose is .*'inference', 'training'.* received 'trace'",
        ),
        ([{**TUNING, "batch_size": 0}], "Tuning: batch_size is at least 1, received 0"),
        ([{**TUNING, "threads": True}], "Tuning: threads is int, received True"),
        ([{**TUNING, "layout": "rows"}], "Tuning: layout is .*, received 'rows'"),
        ([{**TUNING, "algorithms": "fast"}], "Tuning: algorithms is .*, received 'fast'"),
        ([{**TUNING, "algorithms": [["fc", "quick"]]}], "Tuning: algorithms is .*, received"),
        ([{**TUNING, "algorithms": [["fc", "direct"]]}], "of the graph's convolutions, received 'fc'"),
        ([{**TUNING, "algorithms": [["\x1b[31m", "direct"]]}], "of the graph's convolutions, received"),
        ([TUNING, {**TUNING, "layout": "lanes"}], "a workload is tuned once, received two tunings"),
    ],
)
def test_a_wrong_tuning_is_refused(tmp_path: Path, tunings: object, message: str) -> None:
    description = {**plain_description(), "tunings": tunings}
    refused(tmp_path, by_hand(sealed(description, plain_arrays()), plain_arrays()), message)


WEIGHT, BIAS = plain_arrays()["fc.weight"], plain_arrays()["fc.bias"]


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({}, "fc.weight: the array is missing"),
        ({"fc.weight": WEIGHT}, "fc.bias: the array is missing"),
        (
            {"fc.weight": WEIGHT, "fc.bias": BIAS, "x": BIAS},
            "x: an array that the graph has no parameter for",
        ),
        ({"fc.weight": WEIGHT.T, "fc.bias": BIAS}, r"fc.weight: expects an F32 .* received F32 \(2, 1\)"),
        ({"fc.weight": WEIGHT, "fc.bias": BIAS[None]}, r"fc.bias: .* received F32 \(1, 1\)"),
        ({"fc.weight": WEIGHT.astype(np.float64), "fc.bias": BIAS}, "received F64"),
        ({"fc.weight": WEIGHT.astype(np.int32), "fc.bias": BIAS}, "received I32"),
    ],
)
def test_arrays_other_than_the_graphs_are_refused(tmp_path: Path, arrays: Arrays, message: str) -> None:
    refused(tmp_path, by_hand(sealed(plain_description(), arrays), arrays), message)


@pytest.mark.parametrize(
    "change",
    [
        lambda description, arrays: changed(description, ("name",), "another"),
        lambda description, arrays: changed(description, ("recipe", "optimizer", "momentum"), 0.8),
        lambda description, arrays: arrays.update({"fc.bias": BIAS + 1}),
    ],
)
def test_whatever_changes_unseen_breaks_the_checksum(
    tmp_path: Path, change: Callable[[dict[str, Any], dict[str, Any]], None]
) -> None:
    description, arrays = plain_description(), plain_arrays()
    seal = json.loads(sealed(description, arrays))["sha256"]
    change(description, arrays)
    refused(tmp_path, by_hand(json.dumps({**description, "sha256": seal}), arrays), "its checksum differs")


def test_a_graph_that_claims_huge_arrays_takes_no_memory(tmp_path: Path) -> None:
    description = plain_description()
    description["graph"]["nodes"][1]["layer"]["out_features"] = 2**31 - 1
    content = by_hand(sealed(description, plain_arrays()), plain_arrays())
    tracemalloc.start()
    refused(tmp_path, content, r"fc.weight: expects an F32 array of shape \(2147483647, 2\)")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000


def test_names_that_would_paint_the_terminal_are_cleaned(tmp_path: Path) -> None:
    description = plain_description()
    description["graph"]["nodes"][1]["name"] = "\x1b[31m\nfc"
    description["graph"]["outputs"] = ["\x1b[31m\nfc"]
    content = by_hand(sealed(description, plain_arrays()), plain_arrays())
    refused(tmp_path, content, r"net.pellucid:  \[31m fc.weight: the array is missing")


def test_a_list_of_hostile_length_is_refused_and_named_in_short(tmp_path: Path) -> None:
    description = plain_description()
    description["graph"]["nodes"][0]["layer"]["shape"] = [2**31 - 1] * 200_000
    refused(tmp_path, by_hand(sealed(description, {}), {}), "an input has at most 8 axes, received 200000")
