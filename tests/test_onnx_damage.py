"""Damaged ONNX files end in one FormatError, or in a model that is whole; never in anything else."""

from __future__ import annotations

import tempfile
import tracemalloc
from functools import cache
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx_text import model

import pellucid
from pellucid.errors import FormatError

BODY = """
    a = Conv<pads=[1,1,1,1]>(x, w, b)
    n = BatchNormalization(a, s, s, s, s)
    r = Relu(n)
    p = MaxPool<kernel_shape=[2,2], strides=[2,2]>(r)
    t = Sigmoid(p)
    u = Mul(p, t)
    d = Resize<mode="nearest">(u, , scales)
    sh = Shape(d)
    i = Constant<value_int=0>()
    g = Gather(sh, i)
    ax = Constant<value_ints=[0]>()
    g1 = Unsqueeze(g, ax)
    m = Constant<value_ints=[-1]>()
    to = Concat<axis=0>(g1, m)
    f = Reshape(d, to)
    z = Gemm<transB=1>(f, v)
    y = Softmax(z)
"""


@cache
def whole() -> bytes:
    """A small network with arrays in the text and beyond it, and shape arithmetic."""
    arrays = {
        "w": (8, 2, 3, 3),
        "b": (8,),
        "s": (8,),
        "v": (5, 8 * 6 * 4),
        "scales": np.float32([1, 1, 2, 2]),
    }
    return bytes(model(BODY, (2, 6, 5), arrays).SerializeToString())


def attempt(data: bytes) -> None:
    """Read what is left of a file: a model that predicts, or one FormatError of one line."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "net.onnx"
        path.write_bytes(data)
        tracemalloc.start()
        try:
            said = "" if pellucid.load(path, engine="reference").graph.outputs else "a model without outputs"
        except FormatError as error:
            said = str(error).removeprefix(f"{path}: ")
        finally:
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
        assert said != "a model without outputs"
        assert "\n" not in said
        assert str(path) not in said
        assert peak < 200 << 20


def test_the_whole_file_is_a_network() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "net.onnx"
        path.write_bytes(whole())
        net = pellucid.load(path, engine="reference")
    assert [node.layer.name for node in net.graph.nodes] == [
        "Input",
        "Conv2d",
        "BatchNorm2d",
        "ReLU",
        "MaxPool2d",
        "SiLU",
        "Upsample",
        "Flatten",
        "Linear",
        "Softmax",
    ]


@pytest.mark.parametrize("beside", [False, True])
def test_reading_takes_no_more_than_twice_the_files_size(beside: bool, tmp_path: Path) -> None:
    chain = " ".join(f"a{k + 1} = Gemm(a{k}, w{k})" for k in range(6))
    made = model(f"a0 = Relu(x) {chain} y = Relu(a6)", (1024,), {f"w{k}": (1024, 1024) for k in range(6)})
    onnx.save(made, tmp_path / "net.onnx", save_as_external_data=beside, location="net.data")
    del made
    tracemalloc.start()
    net = pellucid.load(tmp_path / "net.onnx", engine="reference")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert net.parameter_count == 6 << 20
    assert peak <= 2 * 4 * net.parameter_count


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 10_000))
def test_a_truncated_file_is_a_format_error(length: int) -> None:
    attempt(whole()[: length % len(whole())])


@settings(max_examples=400, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 1 << 20), st.integers(0, 255)), min_size=1, max_size=8))
def test_changed_bytes_never_end_in_anything_else(changes: list[tuple[int, int]]) -> None:
    data = bytearray(whole())
    text = len(data) - 6000  # the arrays' bytes are worth fewer changes
    for position, value in changes:
        data[position % max(text, 1) if position % 4 else position % len(data)] = value
    attempt(bytes(data))


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 1 << 20), st.integers(1, 300), st.binary(max_size=300))
def test_bytes_cut_out_or_put_in_never_end_in_anything_else(start: int, count: int, added: bytes) -> None:
    data = whole()
    start %= len(data)
    attempt(data[:start] + added + data[start + count :])


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=2000))
def test_arbitrary_bytes_are_a_format_error(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "net.onnx"
        path.write_bytes(data)
        with pytest.raises(FormatError):
            pellucid.load(path, engine="reference")


EXTREMES = (-(2**63), -(2**31), -7, -1, 0, 1, 2, 3, 5, 1000, 2**20, 2**31 - 1, 2**40, 2**62)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_wrong_numbers_and_wires_never_end_in_anything_else(data: st.DataObject) -> None:
    made = onnx.load_from_string(whole())
    for _ in range(data.draw(st.integers(1, 3))):
        node = data.draw(st.sampled_from(list(made.graph.node)))
        attributes = [a for a in node.attribute if a.type == onnx.AttributeProto.INTS and a.ints]
        kind = data.draw(st.sampled_from(("wire", "type", "version", "number", "length")))
        if kind == "wire" and node.input:
            values = ["x", "", *(name for other in made.graph.node for name in other.output), "w", "s"]
            node.input[data.draw(st.integers(0, len(node.input) - 1))] = data.draw(st.sampled_from(values))
        elif kind == "type":
            node.op_type = data.draw(
                st.sampled_from([other.op_type for other in made.graph.node] + ["Clip", "Add"])
            )
        elif kind == "version":
            made.opset_import[0].version = data.draw(st.integers(7, 24))
        elif attributes:
            attribute = data.draw(st.sampled_from(attributes))
            extreme = data.draw(st.sampled_from(EXTREMES))
            if kind == "number":
                attribute.ints[data.draw(st.integers(0, len(attribute.ints) - 1))] = extreme
            else:
                attribute.ints.append(extreme)
    attempt(made.SerializeToString())
