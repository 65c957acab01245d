"""Every layer's definition: shapes, derivatives, PyTorch's opinion, and the sums behind single cells."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
import torch
from layer_case import Float64
from layer_cases import LAYER_CASES, LayerCase

from pellucid.engines.engine import Array, Rule
from pellucid.engines.reference.definition import INFERENCE, Context
from pellucid.engines.reference.definitions import definition
from pellucid.errors import UnsupportedLayer
from pellucid.layers import (
    ELU,
    LAYERS,
    AvgPool2d,
    Conv2d,
    Layer,
    LeakyReLU,
    MaxPool2d,
    ReLU,
    Sigmoid,
    Softmax,
    Softplus,
)

SEED = 20
TRAINING = Context(training=True, seed=SEED, step=3, node=1)
MODES = [
    pytest.param(case, context, id=f"{case}{'-training' if context.training else ''}")
    for case in LAYER_CASES
    for context in ([INFERENCE, TRAINING] if case.training else [INFERENCE])
]


def run(layer: Layer, *inputs: Array, context: Context = INFERENCE) -> Array:
    """Output of a layer without parameters."""
    return definition(layer).forward(layer, inputs, {}, context)[0]


def derivative(layer: Layer, x: Array, gradient: Array, rule: Rule = Rule.GRADIENT) -> Array:
    """dJ/dx of a layer without parameters."""
    rules = definition(layer)
    _, cache = rules.forward(layer, [x], {}, INFERENCE)
    return rules.backward(layer, gradient, cache, rule)[0][0]


def test_every_layer_has_a_row() -> None:
    assert {type(case.layer).__name__ for case in LAYER_CASES} == set(LAYERS) - {"Input", "Parameter"}


def test_rows_have_different_names() -> None:
    names = [case.name for case in LAYER_CASES]
    assert len(names) == len(set(names))


def test_a_layer_without_a_definition_is_unsupported() -> None:
    @dataclass(frozen=True)
    class Mystery(ReLU):
        formula: ClassVar[str] = "y = ?"

    with pytest.raises(UnsupportedLayer, match="Mystery: engines that have this layer: none"):
        definition(Mystery())


@pytest.mark.parametrize(("case", "context"), MODES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_output_has_the_stated_shape_and_type(case: LayerCase, context: Context, dtype: type) -> None:
    inputs = [x.astype(dtype) for x in case.inputs(2, SEED)]
    parameters = {name: array.astype(dtype) for name, array in case.parameters(SEED).items()}
    rules = definition(case.layer)
    output, cache = rules.forward(case.layer, inputs, parameters, context)
    assert output.shape == (2, *case.layer.output_shape(case.input_shapes))
    assert output.dtype == dtype
    shares, gradients = rules.backward(case.layer, np.ones_like(output), cache, Rule.GRADIENT)
    assert [(g.shape, g.dtype) for g in shares] == [(x.shape, x.dtype) for x in inputs]
    for name, gradient in gradients.items():
        assert (gradient.shape, gradient.dtype) == (parameters[name].shape, dtype)
    specs = case.layer.parameters(case.input_shapes)
    assert set(gradients) == {spec.name for spec in specs if spec.role != "buffer"}


@pytest.mark.parametrize(("case", "context"), MODES)
def test_backward_equals_finite_differences(case: LayerCase, context: Context) -> None:
    inputs, parameters = case.inputs(2, SEED), case.parameters(SEED)
    rules = definition(case.layer)
    output, cache = rules.forward(case.layer, inputs, parameters, context)
    gradient = np.random.default_rng(SEED).normal(size=output.shape)
    shares, gradients = rules.backward(case.layer, gradient, cache, Rule.GRADIENT)

    def objective() -> float:
        return float((rules.forward(case.layer, inputs, parameters, context)[0] * gradient).sum())

    for number, (x, share) in enumerate(zip(inputs, shares, strict=True)):
        compare_with_differences(objective, x, share, f"{case}, seed {SEED}, input {number}")
    for name, share in gradients.items():
        compare_with_differences(objective, parameters[name], share, f"{case}, seed {SEED}, {name}")


def compare_with_differences(objective: object, array: Float64, gradient: Array, what: str) -> None:
    """Central differences at up to 48 cells of an array that the objective reads."""
    assert callable(objective)
    step = 2.0**-17
    cells = np.random.default_rng(SEED).permutation(array.size)[:48]
    for cell in (np.unravel_index(i, array.shape) for i in cells):
        value = array[cell]
        array[cell] = value + step
        above = objective()
        array[cell] = value - step
        below = objective()
        array[cell] = value
        expected = (above - below) / (2 * step)
        assert gradient[cell] == pytest.approx(expected, rel=1e-6, abs=2e-8), f"{what} at {cell}"


ORACLES = [row for row in MODES if row.values[0].oracle is not None]


@pytest.mark.parametrize(("case", "context"), ORACLES)
def test_forward_and_backward_equal_pytorch(case: LayerCase, context: Context) -> None:
    inputs, parameters = case.inputs(3, SEED), case.parameters(SEED)
    rules = definition(case.layer)
    output, cache = rules.forward(case.layer, inputs, parameters, context)
    gradient = np.random.default_rng(SEED).normal(size=output.shape)
    shares, gradients = rules.backward(case.layer, gradient, cache, Rule.GRADIENT)

    theirs = [torch.tensor(x, requires_grad=True) for x in inputs]
    weights = {name: torch.tensor(w, requires_grad=name in gradients) for name, w in parameters.items()}
    assert case.oracle is not None
    expected = case.oracle(theirs, weights, context.training)
    expected.backward(torch.tensor(gradient))
    message = f"seed {SEED}"
    np.testing.assert_allclose(output, expected.detach().numpy(), rtol=1e-10, atol=1e-11, err_msg=message)
    for share, x in zip(shares, theirs, strict=True):
        np.testing.assert_allclose(share, x.grad, rtol=1e-9, atol=1e-10, err_msg=message)
    for name, share in gradients.items():
        np.testing.assert_allclose(
            share, weights[name].grad, rtol=1e-9, atol=1e-10, err_msg=f"{name}, {message}"
        )


BATCH_NORMS = [case for case in LAYER_CASES if case.name.startswith("batch-norm")]


@pytest.mark.parametrize("case", BATCH_NORMS, ids=str)
@pytest.mark.parametrize("count", [1, 4])
def test_running_statistics_equal_pytorch(case: LayerCase, count: int) -> None:
    if count == len(case.input_shapes[0]) == 1:
        count = 2  # PyTorch refuses statistics of one number
    (x,), parameters = case.inputs(count, SEED), case.parameters(SEED)
    rules = definition(case.layer)
    _, cache = rules.forward(case.layer, [x], parameters, TRAINING)
    assert rules.buffers is not None
    mean, variance = torch.tensor(parameters["running_mean"]), torch.tensor(parameters["running_var"])
    momentum = case.layer.momentum
    torch.nn.functional.batch_norm(torch.tensor(x), mean, variance, training=True, momentum=momentum)
    updated = rules.buffers(case.layer, cache, parameters)
    np.testing.assert_allclose(updated["running_mean"], mean, rtol=1e-12)
    np.testing.assert_allclose(updated["running_var"], variance, rtol=1e-12)


FUNCTIONS = {
    "erf": math.erf,
    "exp": math.exp,
    "log": math.log,
    "max": max,
    "min": min,
    "pi": math.pi,
    "sqrt": math.sqrt,
    "tanh": math.tanh,
}


def value_of(function: str, total: float) -> float:
    """What `function` makes of a total; the terms say it as an expression."""
    return float(eval(function or "total", {"__builtins__": {}}, {**FUNCTIONS, "total": total}))


@pytest.mark.parametrize("case", LAYER_CASES, ids=str)
def test_terms_sum_to_the_output(case: LayerCase) -> None:
    inputs, parameters = [x[0] for x in case.inputs(1, SEED)], case.parameters(SEED)
    rules = definition(case.layer)
    output = rules.forward(case.layer, [x[None] for x in inputs], parameters, INFERENCE)[0][0]
    for index in np.random.default_rng(SEED).permutation(output.size)[:12]:
        cell = tuple(int(i) for i in np.unravel_index(index, output.shape))
        terms = rules.terms(case.layer, inputs, parameters, cell)
        assert terms.value == pytest.approx(output[cell], rel=1e-12, abs=1e-12), f"seed {SEED}, cell {cell}"
        assert value_of(terms.function, terms.total) == pytest.approx(terms.value, rel=1e-9, abs=1e-12)
        check_sources(inputs, terms.sources, terms.inputs, terms.weights, terms.addends)


def check_sources(
    inputs: Sequence[Float64], sources: Array, values: Array | None, weights: Array | None, addends: Array
) -> None:
    """Every source is a cell of an input, or -1 throughout; every product is input times weight."""
    assert len(sources) == len(addends)
    for i, (number, *cell) in enumerate(sources.tolist()):
        if number == -1:
            assert set(cell) == {-1}
            continue
        value = inputs[number][tuple(cell)]
        assert min(cell) >= 0
        assert values is None or values[i] == value
    if values is not None:
        assert weights is not None
        np.testing.assert_array_equal(values * weights, addends)


def test_terms_of_a_convolution_name_the_cells_behind_reflected_padding() -> None:
    layer = Conv2d(1, 3, padding=1, padding_mode="reflect", bias=False)
    x = np.arange(9.0).reshape(1, 3, 3)
    terms = definition(layer).terms(layer, [x], {"weight": np.ones((1, 1, 3, 3))}, (0, 0, 0))
    assert terms.inputs is not None
    assert terms.inputs.tolist() == [4, 3, 4, 1, 0, 1, 4, 3, 4]
    assert terms.sources[0].tolist() == [0, 0, 1, 1]


def test_terms_of_a_convolution_leave_zero_padding_out_and_put_the_bias_last() -> None:
    layer = Conv2d(1, 3, padding=1)
    x = np.arange(1.0, 10.0).reshape(1, 3, 3)
    parameters = {"weight": np.arange(9.0).reshape(1, 1, 3, 3), "bias": np.array([10.0])}
    terms = definition(layer).terms(layer, [x], parameters, (0, 0, 0))
    assert terms.addends.tolist() == [1 * 4, 2 * 5, 4 * 7, 5 * 8, 10]
    assert terms.sources[-1].tolist() == [-1, -1, -1, -1]
    assert terms.total == terms.value == 92


# ---- kinks and special numbers


@pytest.mark.parametrize(
    ("layer", "at_zero"), [(ReLU(), 0.0), (LeakyReLU(0.25), 0.25), (ELU(0.5), 0.5)], ids=str
)
def test_derivative_at_zero_is_the_negative_sides(layer: Layer, at_zero: float) -> None:
    assert derivative(layer, np.zeros((1, 1)), np.full((1, 1), 3.0)).item() == 3 * at_zero


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (Rule.GRADIENT, [0, 0, 0, -5, 7]),
        (Rule.DECONVNET, [2, 0, 4, 0, 7]),
        (Rule.GUIDED, [0, 0, 0, 0, 7]),
    ],
)
def test_rules_of_the_rectifier(rule: Rule, expected: list[float]) -> None:
    x, gradient = np.array([[-1.0, -2, 0, 1, 2]]), np.array([[2.0, -3, 4, -5, 7]])
    np.testing.assert_array_equal(derivative(ReLU(), x, gradient, rule), [expected])


def test_maximum_ties_go_to_the_first_in_reading_order() -> None:
    x = np.array([[[[1.0, 2, 2], [2, 2, 1]]]])
    gradient = derivative(MaxPool2d(2, stride=1), x, np.array([[[[8.0, 4]]]]))
    np.testing.assert_array_equal(gradient, [[[[0, 12, 0], [0, 0, 0]]]])


def test_relu_and_maximum_propagate_nan() -> None:
    x = np.array([[[[1.0, np.nan], [3, 2]]]])
    np.testing.assert_array_equal(run(ReLU(), x), x)
    assert np.isnan(run(MaxPool2d(2), x)).all()
    gradient = derivative(MaxPool2d(2), x, np.ones((1, 1, 1, 1)))
    np.testing.assert_array_equal(gradient, [[[[0, 1], [0, 0]]]])


def test_padding_never_wins_a_maximum() -> None:
    x = np.full((1, 1, 2, 2), -np.inf)
    layer = MaxPool2d(2, padding=1)
    gradient = np.arange(1.0, 5).reshape(1, 1, 2, 2)
    np.testing.assert_array_equal(derivative(layer, x, gradient), gradient)


def test_nan_stays_within_its_group_of_channels() -> None:
    x = np.ones((1, 2, 3, 3))
    x[0, 0] = np.nan
    for layer in (Conv2d(2, 3, groups=2, bias=False), Conv2d(2, 3, connections=((0,), (1,)), bias=False)):
        shape = layer.parameters([(2, 3, 3)])[0].shape
        output = definition(layer).forward(layer, [x], {"weight": np.ones(shape)}, INFERENCE)[0]
        assert np.isnan(output[0, 0]).all()
        assert output[0, 1].item() == 9


def test_padded_cells_count_in_a_mean_only_if_included() -> None:
    x = np.full((1, 1, 2, 2), 8.0)
    assert run(AvgPool2d(2, padding=1), x).tolist() == [[[[2, 2], [2, 2]]]]
    assert run(AvgPool2d(2, padding=1, include_padding=False), x).tolist() == [[[[8, 8], [8, 8]]]]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_activations_stay_finite_for_large_numbers(dtype: type) -> None:
    x = np.array([[-1e4, -100, 0, 100, 1e4]], dtype)
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        np.testing.assert_allclose(run(Sigmoid(), x), [[0, 0, 0.5, 1, 1]], atol=1e-30)
        np.testing.assert_allclose(run(Softplus(), x), [[0, 0, math.log(2), 100, 1e4]], rtol=1e-6, atol=1e-30)
        np.testing.assert_array_equal(run(Softmax(), x), [[0, 0, 0, 0, 1]])
        np.testing.assert_array_equal(run(ELU(), x)[0, 3:], x[0, 3:])


def test_dropout_keeps_the_stated_share_and_scales_it() -> None:
    case: Mapping[str, LayerCase] = {case.name: case for case in LAYER_CASES}
    layer = case["dropout-vector"].layer
    y = run(layer, np.ones((64, 500)), context=TRAINING)
    assert set(np.unique(y)) == {0.0, 1.25}
    assert (y > 0).mean() == pytest.approx(0.8, abs=0.01)
