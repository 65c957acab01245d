"""The operators that are imported: one row each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

from pellucid.formats.onnx_import import (
    arithmetic,
    convolutions,
    normalizations,
    poolings,
    reductions,
    resampling,
    shapes,
)
from pellucid.formats.onnx_import.call import Call
from pellucid.formats.onnx_import.folding import FOLDED
from pellucid.formats.onnx_import.functions import FUNCTIONS
from pellucid.formats.onnx_import.values import UnsupportedError, Value
from pellucid.layers import GlobalAvgPool, GlobalMaxPool, LogSoftmax, Softmax

if TYPE_CHECKING:
    from pellucid.formats.onnx_import.text import Operation

Row = Callable[[Call], Sequence[Value | None]]
"""From an operation to its results; UnsupportedError says why there are none."""


def _on_constants_only(call: Call) -> Sequence[Value | None]:
    raise UnsupportedError("it is imported for constants only, and this one depends on the image")


ROWS: Mapping[str, Row] = MappingProxyType(
    {
        **dict.fromkeys(FOLDED, _on_constants_only),
        **dict.fromkeys(FUNCTIONS, arithmetic.elementwise),
        **reductions.ROWS,
        **shapes.ROWS,
        "AveragePool": poolings.average_pool,
        "BatchNormalization": normalizations.batch_norm,
        "Conv": convolutions.convolution,
        "ConvTranspose": convolutions.transposed_convolution,
        "Dropout": normalizations.dropout,
        "Gemm": arithmetic.gemm,
        "GlobalAveragePool": poolings.whole_maps(GlobalAvgPool()),
        "GlobalLpPool": poolings.global_lp_pool,
        "GlobalMaxPool": poolings.whole_maps(GlobalMaxPool()),
        "GroupNormalization": normalizations.group_norm,
        "If": _on_constants_only,
        "InstanceNormalization": normalizations.instance_norm,
        "LRN": normalizations.local_response_norm,
        "LayerNormalization": normalizations.layer_norm,
        "LogSoftmax": normalizations.softmax(LogSoftmax()),
        "LpPool": poolings.lp_pool,
        "MatMul": arithmetic.matrix_product,
        "MaxPool": poolings.max_pool,
        "PRelu": arithmetic.prelu,
        "Pad": resampling.pad,
        "Resize": resampling.resize,
        "Softmax": normalizations.softmax(Softmax()),
        "Upsample": resampling.resize,
    }
)

QUANTISED = ("DequantizeLinear", "DynamicQuantizeLinear", "QuantizeLinear")


def refusal(operation: Operation, functions: frozenset[str]) -> str:
    """Why an operation has no row, and what to do."""
    if operation.type in QUANTISED or operation.type.startswith("QLinear"):
        return "a quantised model; import the float model that it was made from"
    if operation.type in functions:
        return "a function of the model's own; export it with its functions inlined"
    if operation.domain not in ("", "com.microsoft"):
        return f"an operator of {operation.domain}, not of ONNX"
    if operation.type in ("RNN", "LSTM", "GRU", "Loop", "Scan"):
        return "recurrence; only nets without it are imported"
    return "no row of the table of operators has it"
