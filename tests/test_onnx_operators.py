"""Every operator that is imported, in its versions and variants, against ONNX Runtime."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
import pytest
from onnx_text import OnnxCase, runtime

import pellucid

ROOT_HALF = np.float32(np.sqrt(2))

WINDOWS = (
    OnnxCase(
        "conv", "y = Conv<strides=[2,1], pads=[1,0,0,1]>(x, w, b)", arrays={"w": (4, 2, 3, 2), "b": (4,)}
    ),
    OnnxCase(
        "conv-same-upper", 'y = Conv<auto_pad="SAME_UPPER", strides=[2,2]>(x, w)', arrays={"w": (4, 2, 4, 3)}
    ),
    OnnxCase(
        "conv-same-lower", 'y = Conv<auto_pad="SAME_LOWER", strides=[2,2]>(x, w)', arrays={"w": (4, 2, 4, 3)}
    ),
    OnnxCase("conv-valid", 'y = Conv<auto_pad="VALID">(x, w)', arrays={"w": (4, 2, 2, 2)}),
    OnnxCase("conv-groups", "y = Conv<group=2, dilations=[2,1]>(x, w)", arrays={"w": (4, 1, 2, 3)}),
    OnnxCase("conv-1d", "y = Conv<pads=[2,1]>(x, w, b)", (3, 9), {"w": (4, 3, 3), "b": (4,)}),
    OnnxCase(
        "conv-bias-after",
        "z = Conv(x, w) y = Add(z, b)",
        arrays={"w": (4, 2, 2, 2), "b": (1, 4, 1, 1)},
        layers=("Conv2d",),
    ),
    OnnxCase(
        "deconv",
        "y = ConvTranspose<strides=[2,3], pads=[1,0,0,2], output_padding=[1,2]>(x, w, b)",
        arrays={"w": (2, 3, 3, 4), "b": (3,)},
    ),
    OnnxCase(
        "deconv-groups", "y = ConvTranspose<group=2, dilations=[1,2]>(x, w)", arrays={"w": (2, 3, 2, 2)}
    ),
    OnnxCase(
        "deconv-same",
        'y = ConvTranspose<auto_pad="SAME_UPPER", strides=[2,2]>(x, w)',
        arrays={"w": (2, 3, 3, 4)},
    ),
    OnnxCase("deconv-1d", "y = ConvTranspose<strides=[3]>(x, w)", (2, 5), {"w": (2, 3, 4)}),
    OnnxCase("max-pool", "y = MaxPool<kernel_shape=[3,2], strides=[2,2], pads=[1,0,1,1]>(x)"),
    OnnxCase("max-pool-ceil", "y = MaxPool<kernel_shape=[3,3], strides=[2,2], ceil_mode=1>(x)", (2, 6, 8)),
    OnnxCase("max-pool-dilated", "y = MaxPool<kernel_shape=[2,2], dilations=[2,3]>(x)"),
    OnnxCase(
        "max-pool-wide-padding",
        "y = MaxPool<kernel_shape=[3,3], pads=[2,2,2,2]>(x)",
        layers=("Pad", "MaxPool2d"),
    ),
    OnnxCase("max-pool-1d", "y = MaxPool<kernel_shape=[3], strides=[2]>(x)", (2, 9)),
    OnnxCase("average-pool", "y = AveragePool<kernel_shape=[3,3], strides=[2,2], pads=[1,1,0,1]>(x)"),
    OnnxCase(
        "average-pool-whole", "y = AveragePool<kernel_shape=[3,3], pads=[1,1,1,1], count_include_pad=1>(x)"
    ),
    OnnxCase(
        "average-pool-same", 'y = AveragePool<kernel_shape=[2,3], strides=[2,2], auto_pad="SAME_UPPER">(x)'
    ),
    OnnxCase(
        "average-pool-wide-padding",
        "y = AveragePool<kernel_shape=[3,3], pads=[2,2,2,2], count_include_pad=1>(x)",
    ),
    OnnxCase("lp-pool", "y = LpPool<kernel_shape=[2,3], strides=[2,1], pads=[1,0,0,1], p=3>(x)"),
    OnnxCase("global-lp-pool", "y = GlobalLpPool<p=2>(x)"),
    OnnxCase("global-average", "z = GlobalAveragePool(x) y = Flatten(z)", layers=("GlobalAvgPool",)),
    OnnxCase("global-average-kept", "y = GlobalAveragePool(x)"),
    OnnxCase(
        "global-max",
        "z = GlobalMaxPool(x) a = Constant<value_ints=[2,3]>() y = Squeeze(z, a)",
        layers=("GlobalMaxPool",),
    ),
)

NORMS = (
    OnnxCase(
        "batch-norm",
        "y = BatchNormalization<epsilon=0.01>(x, s, b, m, v)",
        arrays=dict.fromkeys("sbmv", (2,)),
        layers=("BatchNorm2d",),
    ),
    OnnxCase(
        "batch-norm-old", "y = BatchNormalization(x, s, b, m, v)", arrays=dict.fromkeys("sbmv", (2,)), opset=7
    ),
    OnnxCase(
        "batch-norm-vector",
        "y = BatchNormalization(x, s, b, m, v)",
        (5,),
        dict.fromkeys("sbmv", (5,)),
        layers=("BatchNorm1d",),
    ),
    OnnxCase("instance-norm", "y = InstanceNormalization(x, s, b)", arrays={"s": (2,), "b": (2,)}),
    OnnxCase("layer-norm", "y = LayerNormalization<axis=2>(x, s, b)", arrays={"s": (6, 5), "b": (6, 5)}),
    OnnxCase("layer-norm-no-beta", "y = LayerNormalization<epsilon=0.1>(x, s)", arrays={"s": (5,)}),
    OnnxCase(
        "group-norm-a-group",
        "y = GroupNormalization<num_groups=2>(x, s, b)",
        (4, 3, 3),
        {"s": (2,), "b": (2,)},
        18,
    ),
    OnnxCase(
        "group-norm-a-channel",
        "y = GroupNormalization<num_groups=2>(x, s, b)",
        (4, 3, 3),
        {"s": (4,), "b": (4,)},
        21,
    ),
    OnnxCase(
        "lrn", "y = LRN<size=3, alpha=0.1, beta=0.6, bias=2.0>(x)", (5, 3, 3), layers=("LocalResponseNorm",)
    ),
    OnnxCase("softmax", "y = Softmax<axis=1>(x)", layers=("Softmax",)),
    OnnxCase("softmax-last", "y = Softmax(x)"),
    OnnxCase("softmax-old", "y = Softmax<axis=1>(x)", opset=11),
    OnnxCase("softmax-old-second", "y = Softmax<axis=2>(x)", opset=7),
    OnnxCase("log-softmax", "y = LogSoftmax<axis=2>(x)"),
    OnnxCase("log-softmax-old", "y = LogSoftmax(x)", (7,), opset=9, layers=("LogSoftmax",)),
    OnnxCase("dropout-old", "y = Dropout<ratio=0.25>(x)", opset=7, layers=("Dropout",)),
    OnnxCase("dropout", "r = Constant<value_float=0.25>() y = Dropout(x, r)", layers=("Dropout",)),
    OnnxCase(
        "pixels",
        "z = Sub(x, m) y = Div(z, d)",
        arrays={"m": (2, 1, 1), "d": (1, 2, 1, 1)},
        layers=("Normalize",),
    ),
)

CELLS = (
    *(
        OnnxCase(kind.lower(), f"y = {kind}(x)")
        for kind in (
            "Relu",
            "Sigmoid",
            "Tanh",
            "Softplus",
            "Selu",
            "HardSigmoid",
            "HardSwish",
            "Elu",
            "LeakyRelu",
            "Celu",
        )
    ),
    OnnxCase("mish", "y = Mish(x)", opset=18, layers=("Mish",)),
    OnnxCase("gelu", 'y = Gelu<approximate="tanh">(x)', opset=20, layers=("GELU",)),
    OnnxCase("elu-half", "y = Elu<alpha=0.5>(x)", layers=("ELU",)),
    OnnxCase("hard-sigmoid-fifth", "y = HardSigmoid<alpha=0.2, beta=0.4>(x)", layers=("Hardsigmoid",)),
    OnnxCase("clip-old", "y = Clip<min=-0.5, max=0.7>(x)", opset=7, layers=("Clip",)),
    OnnxCase("clip-above", "h = Constant<value_float=0.5>() y = Clip(x, , h)", layers=("Clip",)),
    OnnxCase(
        "relu6",
        "l = Constant<value_float=0.0>() h = Constant<value_float=6.0>() y = Clip(x, l, h)",
        layers=("ReLU6",),
    ),
    OnnxCase(
        "gelu-written-out",
        "a = Div(x, r) b = Erf(a) c = Add(b, one) d = Mul(x, c) y = Mul(d, half)",
        arrays={"r": np.asarray(ROOT_HALF), "one": np.float32([1]), "half": np.float32([0.5])},
        layers=("GELU",),
    ),
    OnnxCase("silu", "s = Sigmoid(x) y = Mul(s, x)", layers=("SiLU",)),
    OnnxCase(
        "silu-twice", "s = Sigmoid(x) z = Mul(s, x) t = Sigmoid(z) y = Mul(z, t)", layers=("SiLU", "SiLU")
    ),
    OnnxCase(
        "hard-swish-written-out",
        "s = HardSigmoid<alpha=0.16666667, beta=0.5>(x) y = Mul(x, s)",
        layers=("Hardswish",),
    ),
    OnnxCase(
        "leaky-as-maximum",
        "a = Mul(x, s) y = Max(x, a)",
        arrays={"s": np.float32([0.125])},
        layers=("LeakyReLU",),
    ),
    OnnxCase("prelu", "y = PRelu(x, s)", arrays={"s": (2, 1, 1)}, layers=("PReLU",)),
    OnnxCase("prelu-shared", "y = PRelu(x, s)", arrays={"s": (1,)}, layers=("PReLU",)),
    OnnxCase("squares", "y = Pow(x, two)", arrays={"two": np.float32([2])}, layers=("Multiply",)),
    OnnxCase("residual-of-itself", "r = Relu(x) y = Add(x, r)", layers=("ReLU", "Add")),
    OnnxCase("sum-of-three", "a = Relu(x) b = Tanh(x) y = Sum(x, a, b)"),
    OnnxCase("negative", "z = Conv(x, w) y = Neg(z)", arrays={"w": (3, 2, 1, 1)}),
    OnnxCase("constant-first", "y = Sub(c, x)", arrays={"c": (1, 2, 1, 5)}),
    OnnxCase(
        "function-of-a-square",
        "a = Mul(x, x) b = Sub(a, one) y = Relu(b)",
        arrays={"one": np.float32([1])},
        layers=("Multiply", "Parameter", "Subtract", "ReLU"),
    ),
    OnnxCase("times-one", "y0 = Mul(x, one) y = Relu(y0)", arrays={"one": np.float32([1])}, layers=("ReLU",)),
)

PRODUCTS = (
    OnnxCase("gemm", "y = Gemm<transB=1>(x, w, b)", (6,), {"w": (4, 6), "b": (4,)}, layers=("Linear",)),
    OnnxCase("gemm-scaled", "y = Gemm<alpha=0.5, beta=2.0>(x, w, b)", (6,), {"w": (6, 4), "b": (1, 4)}),
    OnnxCase(
        "matmul-bias", "z = MatMul(x, w) y = Add(z, b)", (6,), {"w": (6, 4), "b": (4,)}, layers=("Linear",)
    ),
    OnnxCase("matmul-last-axis", "z = MatMul(x, w) y = Add(b, z)", arrays={"w": (5, 3), "b": (3,)}),
    OnnxCase("matmul-left", "y = MatMul(w, x)", arrays={"w": (3, 6)}),
    OnnxCase("matmul-of-two", "t = Transpose<perm=[0,1,3,2]>(x) y = MatMul(x, t)"),
)

SHAPES = (
    OnnxCase("flatten", "y = Flatten<axis=1>(x)", layers=("Flatten",)),
    OnnxCase("reshape-zero", "y = Reshape(x, s)", arrays={"s": [0, -1, 5]}),
    OnnxCase("reshape-fixed-batch", "y = Reshape(x, s)", arrays={"s": [-1, 60]}),
    OnnxCase(
        "view-by-shape",
        "s = Shape(x) i = Constant<value_int=0>() n = Gather(s, i) a = Constant<value_ints=[0]>() "
        "m = Unsqueeze(n, a) k = Constant<value_ints=[-1]>() t = Concat<axis=0>(m, k) y = "
        "Reshape(x, t)",
    ),
    OnnxCase(
        "shape-arithmetic",
        "s = Shape(x) i = Constant<value_int=2>() h = Gather(s, i) two = Constant<value_int=2>() q "
        "= Div(h, two) a = Constant<value_ints=[0]>() q1 = Unsqueeze(q, a) b = "
        "Constant<value_ints=[0,2]>() c = Constant<value_ints=[2,5]>() t = Concat<axis=0>(b, q1, "
        "c) y = Reshape(x, t)",
    ),
    OnnxCase(
        "transpose-twice", "a = Transpose<perm=[0,2,3,1]>(x) y = Transpose<perm=[0,3,1,2]>(a)", layers=()
    ),
    OnnxCase("squeeze-old", "z = ReduceMean<axes=[3]>(x) y = Squeeze<axes=[3]>(z)", opset=11),
    OnnxCase("unsqueeze", "a = Constant<value_ints=[1,-1]>() y = Unsqueeze(x, a)"),
    OnnxCase("slice-old", "y = Slice<axes=[1,3], starts=[1,-4], ends=[9,-1]>(x)", opset=9),
    OnnxCase(
        "slice-steps",
        "y = Slice(x, s, e, a, t)",
        arrays={"s": [1, 0], "e": [2**31 - 1, 5], "a": [2, 3], "t": [2, 3]},
    ),
    OnnxCase("split-old", "a, b, c = Split<axis=3, split=[1,3,1]>(x) y = Concat<axis=3>(c, b, a)", opset=11),
    OnnxCase("split-uneven", "a, b = Split<axis=3, num_outputs=2>(x) y = Concat<axis=3>(b, a)", opset=18),
    OnnxCase("gather-one", "i = Constant<value_int=-2>() y = Gather<axis=2>(x, i)"),
    OnnxCase("gather-backwards", "y = Gather<axis=1>(x, i)", arrays={"i": [1, 0]}),
    OnnxCase("concat-constant-shape", "a = Relu(x) y = Concat<axis=-3>(x, a, x)", layers=("ReLU", "Concat")),
    OnnxCase(
        "mean-negative-axis",
        "y = ReduceMean<keepdims=0>(x, a)",
        arrays={"a": [-2]},
        opset=18,
        layers=("Mean",),
    ),
    OnnxCase("mean-of-maps", "y = ReduceMean<axes=[2,3], keepdims=0>(x)", layers=("GlobalAvgPool",)),
    OnnxCase("max-of-maps", "y = ReduceMax<axes=[-1,-2]>(x)"),
    OnnxCase("max-of-channels", "y = ReduceMax<axes=[1], keepdims=1>(x)", layers=("Maxout",)),
    OnnxCase("norm-of-channels", "y = ReduceL2<axes=[1]>(x)"),
    OnnxCase("norm-of-maps", "y = ReduceL1<axes=[2,3], keepdims=0>(x)"),
    OnnxCase("backwards", "y = Slice(x, s, e, a, t)", arrays={"s": [-1], "e": [-99], "a": [3], "t": [-2]}),
    OnnxCase("gather-windows", "i = Constant<value=int64[2,2] {0,1,1,2}>() y = Gather<axis=2>(x, i)"),
    OnnxCase("largest-of-two", "a = Relu(x) c = Conv(x, w) y = Max(a, c)", arrays={"w": (2, 2, 1, 1)}),
    OnnxCase("max-of-rows", "y = ReduceMax<axes=[2], keepdims=0>(x)"),
    OnnxCase("sum-of-an-axis", "a = Constant<value_ints=[2]>() y = ReduceSum(x, a)"),
    OnnxCase("depth-to-space", "y = DepthToSpace<blocksize=2>(x)", (8, 3, 2)),
    OnnxCase("depth-to-space-columns", 'y = DepthToSpace<blocksize=2, mode="CRD">(x)', (8, 3, 2)),
    OnnxCase("space-to-depth", "y = SpaceToDepth<blocksize=2>(x)", (3, 4, 6)),
    OnnxCase(
        "channel-shuffle",
        "a = Reshape(x, s) b = Transpose<perm=[0,2,1,3,4]>(a) y = Reshape(b, t)",
        (6, 3, 2),
        {"s": [-1, 2, 3, 3, 2], "t": [0, 6, 3, 2]},
        layers=("ChannelShuffle",),
    ),
    OnnxCase("expand", "z = GlobalAveragePool(x) s = Shape(x) y = Expand(z, s)"),
    OnnxCase("tile", "r = Constant<value_ints=[1,2,1,3]>() y = Tile(x, r)"),
    OnnxCase(
        "condition",
        "s = Shape(x) i = Constant<value_int=1>() c = Gather(s, i) two = Constant<value_int=2>() e "
        "= Equal(c, two) y = If(e) <then_branch = g1 () => (float a) { a = Relu(x) }, else_branch "
        "= g2 () => (float b) { b = Neg(x) }>",
        layers=("ReLU",),
    ),
    OnnxCase("cast", "z = Cast<to=1>(x) y = Relu(z)", layers=("ReLU",)),
)

PADS = (
    OnnxCase("pad-old", 'y = Pad<mode="reflect", pads=[0,0,1,2,0,0,3,0]>(x)', opset=7),
    OnnxCase(
        "pad-value",
        "v = Constant<value_float=1.5>() y = Pad(x, p, v)",
        arrays={"p": [0, 1, 0, 2, 0, 0, 1, 0]},
    ),
    OnnxCase("pad-edge", 'y = Pad<mode="edge">(x, p)', arrays={"p": [0, 0, 1, 0, 0, 0, 0, 2]}),
    OnnxCase(
        "pad-and-crop", "y = Pad(x, p)", arrays={"p": [0, 0, -1, 2, 0, 0, 0, -1]}, layers=("Crop", "Pad")
    ),
    OnnxCase(
        "pad-axes",
        "v = Constant<value_float=0.0>() y = Pad(x, p, v, a)",
        arrays={"p": [1, 2], "a": [-1]},
        opset=18,
    ),
    OnnxCase("pad-circular", 'y = Pad<mode="wrap">(x, p)', arrays={"p": [0, 0, 1, 2, 0, 0, 1, 0]}, opset=19),
)

TRANSFORMS = ("half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric")

RESIZES = (
    OnnxCase("upsample-old", "y = Upsample<scales=[1.0,1.0,2.0,3.0]>(x)", opset=7),
    OnnxCase(
        "upsample-linear",
        'y = Upsample<mode="linear">(x, s)',
        arrays={"s": np.float32([1, 1, 2, 2])},
        opset=9,
    ),
    OnnxCase("resize-old", "y = Resize(x, s)", arrays={"s": np.float32([1, 1, 2, 2])}, opset=10),
    *(
        OnnxCase(
            f"resize-{mode}-{rule}-{given}",
            f'y = Resize<mode="{mode}", coordinate_transformation_mode="{rule}", '
            f'nearest_mode="{"floor" if rule == "asymmetric" else "round_prefer_floor"}">'
            + ("(x, , , s)" if given == "sizes" else "(x, , s)"),
            arrays={"s": [3, 2, 9, 7] if given == "sizes" else np.float32([1, 1, 3, 2])},
            opset=13,
        )
        for mode, rule, given in product(("nearest", "linear"), TRANSFORMS, ("scales", "sizes"))
    ),
)

CASES = (*WINDOWS, *NORMS, *CELLS, *PRODUCTS, *SHAPES, *PADS, *RESIZES)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_an_operator_computes_what_onnx_runtime_does(case: OnnxCase, tmp_path: Path) -> None:
    path, images = case.write(tmp_path), case.images()
    net = pellucid.load(path, engine="reference")
    given = net.predict(images)
    np.testing.assert_allclose(given, runtime(path, images)[0].reshape(given.shape), rtol=1e-4, atol=1e-5)
    if case.layers is not None:
        assert tuple(node.layer.name for node in net.graph.nodes[1:]) == case.layers
