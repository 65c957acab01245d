"""ONNX files that are not imported say why: the operations by name, or what is broken."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from onnx_text import model

import pellucid
from pellucid.errors import FormatError

REFUSED = {
    "QuantizeLinear": (
        "q = QuantizeLinear(x, s) y = DequantizeLinear(q, s)",
        "a quantised model; import the float",
    ),
    "Transpose": ("y = Transpose<perm=[1,0,2,3]>(x)", "moves the batch"),
    "Concat": ("y = Concat<axis=0>(x, x)", "along the batch"),
    "Slice": (
        "t = Constant<value_ints=[1]>() e = Constant<value_ints=[2]>() a = Constant<value_ints=[0]>() "
        "y = Slice(x, t, e, a)",
        "along the batch",
    ),
    "Flatten": ("y = Flatten<axis=2>(x)", "axis 2; 1 is expected"),
    "Reshape": ("t = Constant<value_ints=[30,-1]>() y = Reshape(x, t)", "moves cells between images"),
    "MaxPool": ("y, i = MaxPool<kernel_shape=[2,2]>(x) z = Add(i, i)", "output number 2 is used"),
    "LSTM": ("y = LSTM(x, x, x)", "recurrence"),
    "Erf": ("y = Erf(x)", "no layer computes this function"),
    "Resize": ('y = Resize<mode="cubic">(x, , s)', "its mode is 'cubic'"),
    "Conv": ("y = Conv(x, x)", "depends on the image"),
    "NonZero": ("y = NonZero(x)", "no row of the table"),
    "AveragePool": ("y = AveragePool<kernel_shape=[2,2], dilations=[2,2]>(x)", "cells that are apart"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_an_operation_that_is_not_imported_is_named_with_the_reason(kind: str, tmp_path: Path) -> None:
    body, why = REFUSED[kind]
    made = model(
        body, arrays={"s": np.float32([1, 1, 2, 2]) if kind == "Resize" else np.float32(1)}, opset=19
    )
    made.graph.node[-1 if kind not in ("MaxPool", "QuantizeLinear") else 0].name = "the-one"
    onnx.save(made, tmp_path / "net.onnx")
    with pytest.raises(
        FormatError, match=rf"net\.onnx: \d operation\(s\) cannot be imported: .*{why}"
    ) as raised:
        pellucid.load(tmp_path / "net.onnx")
    assert f"the-one ({kind})" in str(raised.value)


def test_all_operations_that_are_not_imported_are_listed_in_one_error(tmp_path: Path) -> None:
    body = "a = NonZero(x) b = Relu(x) c = Erf(b) d = Tanh(c) e = NonZero(b) y = Det(d)"
    made = model(body)
    for node, name in zip(made.graph.node, ("one", "two", "three", "four", "five", "six"), strict=True):
        node.name = name
    onnx.save(made, tmp_path / "net.onnx")
    with pytest.raises(FormatError) as raised:
        pellucid.load(tmp_path / "net.onnx")
    text = str(raised.value)
    assert "4 operation(s)" in text
    assert "one, five (NonZero)" in text
    assert "three (Erf)" in text
    assert "six (Det)" in text
    assert "\n" not in text


def test_without_the_package_the_command_to_type_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    onnx.save(model("y = Relu(x)"), tmp_path / "net.onnx")
    net = pellucid.load(tmp_path / "net.onnx", engine="reference")
    monkeypatch.setitem(sys.modules, "onnx", None)
    for use in (lambda: pellucid.load(tmp_path / "net.onnx"), lambda: net.to_onnx(tmp_path / "b.onnx")):
        with pytest.raises(
            FormatError, match=r"needs the package onnx; type: pip install 'pellucid\[onnx\]'"
        ):
            use()


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda made: made.opset_import[0].__setattr__("version", 6), "versions 7 to"),
        (lambda made: made.opset_import[0].__setattr__("version", 999), "a newer package onnx"),
        (lambda made: made.graph.input[0].type.tensor_type.__setattr__("elem_type", 7), "floating-point"),
        (
            lambda made: made.graph.input[0].type.tensor_type.shape.dim[2].__setattr__("dim_param", "h"),
            "fixed image size",
        ),
        (lambda made: made.graph.node[0].input.__setitem__(0, "y"), "no earlier node makes 'y'"),
        (lambda made: made.graph.output[0].__setattr__("name", "nothing"), "nothing makes this output"),
        (lambda made: made.graph.node.append(made.graph.node[0]), "'y' is made twice"),
        (lambda made: made.graph.ClearField("input"), "no earlier node makes 'x'"),
    ],
)
def test_a_model_that_does_not_hang_together_is_refused(change: object, why: str, tmp_path: Path) -> None:
    made = model("y = Relu(x)")
    assert callable(change)
    change(made)
    (tmp_path / "net.onnx").write_bytes(made.SerializeToString())
    with pytest.raises(FormatError, match=why):
        pellucid.load(tmp_path / "net.onnx")


def external(folder: Path, location: str, length: int = 240) -> Path:
    """A model whose weights are in another file."""
    made = model("y = Gemm<transB=1>(x, w)", (15,), {"w": (4, 15)})
    tensor = made.graph.initializer[0]
    raw = tensor.raw_data
    (folder / "weights.bin").write_bytes(b"before--" + raw)
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in {"location": location, "offset": "8", "length": str(length)}.items():
        tensor.external_data.add(key=key, value=value)
    path = folder / "net.onnx"
    path.write_bytes(made.SerializeToString())
    return path


def test_weights_in_a_file_beside_the_model_are_read(tmp_path: Path) -> None:
    net = pellucid.load(external(tmp_path, "weights.bin"), engine="reference")
    expected = model("y = Gemm<transB=1>(x, w)", (15,), {"w": (4, 15)}).graph.initializer[0]
    assert net.parameters["fc1.weight"].tobytes() == expected.raw_data


@pytest.mark.parametrize(
    "location", ["../weights.bin", "/etc/hostname", "sub/../../x", "link", "missing.bin", ".", ""]
)
def test_weights_outside_the_models_folder_are_not_read(location: str, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (tmp_path / "weights.bin").write_bytes(bytes(1000))
    (folder / "link").symlink_to(tmp_path / "weights.bin")
    with pytest.raises(FormatError, match=r"w: "):
        pellucid.load(external(folder, location))


def test_weights_beyond_the_end_of_their_file_are_refused(tmp_path: Path) -> None:
    path = external(tmp_path, "weights.bin")
    (tmp_path / "weights.bin").write_bytes(bytes(100))
    with pytest.raises(FormatError, match=r"w: truncated, weights\.bin ends before byte 248"):
        pellucid.load(path)


HOSTILE = {
    "a reshape to 2^40": "t = Constant<value_ints=[1,1099511627776]>() y = Reshape(x, t)",
    "a constant of 2^40 cells": (
        "t = Constant<value_ints=[1048576,1048576]>() c = ConstantOfShape(t) y = Add(x, c)"
    ),
    "a range without end": (
        "a = Constant<value_int=0>() b = Constant<value_int=9223372036854775807>() d = "
        "Constant<value_int=1>() r = Range(a, b, d) y = Add(x, r)"
    ),
    "a tile of a constant": (
        "c = Constant<value_ints=[1]>() t = Constant<value_ints=[9999999999]>() d = Tile(c, t) y = Add(x, d)"
    ),
    "an enlarged map": "s = Constant<value_ints=[1,2,1000000000,1000000000]>() y = Resize(x, , , s)",
    "a padding of 2^40": "p = Constant<value_ints=[0,0,1099511627776,0,0,0,0,0]>() y = Pad(x, p)",
    "an expanded map": "s = Constant<value_ints=[1,1,100000,100000,6,5]>() y = Expand(x, s)",
    "a graph in itself": "c = Constant<value_int=1>() y = If(c)",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_small_file_cannot_ask_for_a_large_array(name: str, tmp_path: Path) -> None:
    onnx.save(model(HOSTILE[name]), tmp_path / "net.onnx")
    with pytest.raises(FormatError, match="cannot be imported"):
        pellucid.load(tmp_path / "net.onnx")


def test_constants_that_double_again_and_again_are_refused(tmp_path: Path) -> None:
    doubled = " ".join(f"c{k + 1} = Concat<axis=0>(c{k}, c{k})" for k in range(40))
    onnx.save(model(f"c0 = Constant<value_floats=[1.0]>() {doubled} y = Add(x, c40)"), tmp_path / "net.onnx")
    with pytest.raises(FormatError, match="grow beyond the model's own size"):
        pellucid.load(tmp_path / "net.onnx")


def test_one_array_for_a_thousand_nodes_is_refused(tmp_path: Path) -> None:
    chain = " ".join(f"a{k + 1} = Gemm(a{k}, w)" for k in range(1000))
    body = f"a0 = Identity(x) {chain} y = Relu(a1000)"
    onnx.save(model(body, (256,), {"w": (256, 256)}), tmp_path / "net.onnx")
    with pytest.raises(FormatError, match="its parameters take"):
        pellucid.load(tmp_path / "net.onnx")


def test_a_long_chain_of_sums_is_read_in_time(tmp_path: Path) -> None:
    chain = " ".join(f"a{k + 1} = Add(a{k}, a{k})" for k in range(300))
    onnx.save(model(f"a0 = Identity(x) {chain} y = Identity(a300)"), tmp_path / "net.onnx")
    assert len(pellucid.load(tmp_path / "net.onnx", engine="reference").graph.nodes) == 301


def test_graphs_nested_in_each_other_are_refused(tmp_path: Path) -> None:
    made = model("c = Constant<value_int=1>() y = If(c)")
    inner = helper.make_graph([helper.make_node("Relu", ["x"], ["b"])], "g", [], [made.graph.output[0]])
    for _ in range(30):
        inner = (
            helper.make_graph(
                [helper.make_node("If", ["c"], ["b"], then_branch=inner, else_branch=inner)],
                "g",
                [],
                [made.graph.output[0]],
            )
            if inner.ByteSize() < 1 << 16
            else inner
        )
    made.graph.node[1].attribute.append(helper.make_attribute("then_branch", inner))
    (tmp_path / "net.onnx").write_bytes(made.SerializeToString())
    with pytest.raises(FormatError, match="deep inside each other"):
        pellucid.load(tmp_path / "net.onnx")
