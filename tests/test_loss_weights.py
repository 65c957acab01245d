"""Several outputs, each with a loss of its own against the same targets: J = sum_i weight_i J_i."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from cli_cases import Run, idx_folder, picture
from PIL import Image
from torch.nn import functional
from training_cases import RECIPE, blobs

import pellucid
from pellucid.engines.engine import CompileOptions, Engine, Examples, Purpose
from pellucid.engines.loss_nodes import loss_nodes
from pellucid.engines.native import LAYOUTS, NativeEngine
from pellucid.engines.reference import ReferenceEngine
from pellucid.errors import EngineError, FormatError, LayerError
from pellucid.formats.descriptions import describe, restore_recipe
from pellucid.graph import Graph, GraphBuilder
from pellucid.initialization import initial_parameters
from pellucid.layers import Conv2d, Flatten, Linear, ReLU, Softmax
from pellucid.model import Model
from pellucid.objectives import CrossEntropy, SquaredError
from pellucid.optimizers import SGD
from pellucid.recipe import Recipe
from pellucid.training import evaluate

SEED = 8
WEIGHTS = (1.0, 0.25)


def two_headed(*, softmax: bool = False) -> Graph:
    """A main output behind two convolutions, an auxiliary one behind the first."""
    builder = GraphBuilder()
    first = builder.add(ReLU(), builder.add(Conv2d(4, 3, padding=1), builder.input((1, 6, 6))))
    second = builder.add(ReLU(), builder.add(Conv2d(5, 3), first))
    main = builder.add(Linear(3), builder.add(Flatten(), second), name="main")
    extra = builder.add(Linear(3), builder.add(Flatten(), first), name="extra")
    if softmax:
        extra = builder.add(Softmax(), extra, name="shares")
    return builder.graph([main, extra])


def model(engine: str | Engine = "reference", weights: tuple[float, ...] = WEIGHTS) -> Model:
    recipe = replace(RECIPE, loss_weights=weights)
    return Model(two_headed(), seed=1, engine=engine, name="two-headed", recipe=recipe)


def engines() -> list[Engine]:
    return [*(NativeEngine(layout=layout, poison=True) for layout in LAYOUTS), ReferenceEngine("float64")]


def test_gradients_equal_pytorchs_of_the_weighted_sum() -> None:
    net = model()
    x = np.random.default_rng(SEED).normal(size=(4, 1, 6, 6)).astype(np.float32)
    classes = np.array([0, 2, 1, 1])
    weights = {name: torch.tensor(array, requires_grad=True) for name, array in net.parameters.items()}
    first = torch.relu(
        functional.conv2d(torch.tensor(x), weights["conv1.weight"], weights["conv1.bias"], padding=1)
    )
    second = torch.relu(functional.conv2d(first, weights["conv2.weight"], weights["conv2.bias"]))
    main = functional.linear(second.flatten(1), weights["main.weight"], weights["main.bias"])
    extra = functional.linear(first.flatten(1), weights["extra.weight"], weights["extra.bias"])
    targets = torch.tensor(classes)
    expected = functional.cross_entropy(main, targets) + 0.25 * functional.cross_entropy(extra, targets)
    expected.backward()
    found = net.gradients(x, classes, loss_weights=WEIGHTS)
    assert found.loss == pytest.approx(expected.item(), rel=1e-6)
    for name, weight in weights.items():
        np.testing.assert_allclose(found[name], weight.grad, rtol=1e-4, atol=1e-6, err_msg=name)


@pytest.mark.parametrize("softmax", [False, True])
@pytest.mark.parametrize("weights", [WEIGHTS, (0.0, 2.0), ()])
@pytest.mark.parametrize("arrays", [False, True])
def test_training_steps_equal_the_definition(weights: tuple[float, ...], softmax: bool, arrays: bool) -> None:
    graph = two_headed(softmax=softmax)
    options = CompileOptions(
        8,
        Purpose.TRAINING,
        objective=SquaredError() if arrays else CrossEntropy(),
        optimizer=SGD(momentum=0.9),
        loss_weights=weights,
    )
    generator = np.random.default_rng(SEED)
    images = generator.normal(size=(20, 1, 6, 6)).astype(np.float32)
    targets = generator.normal(size=(20, 3)).astype(np.float32) if arrays else generator.integers(0, 3, 20)
    results = []
    for engine in engines():
        program = engine.compile(graph, options)
        program.write_parameters(initial_parameters(graph, SEED))
        report = program.train_steps(
            Examples(images, targets), np.arange(20), batch_size=8, learning_rates=[0.05] * 3
        )
        results.append((report, {**program.read_parameters(), **program.read_slots()}))
    *ours, (exact, expected) = results
    for report, state in ours:
        np.testing.assert_allclose(report.losses, exact.losses, rtol=1e-5, err_msg=f"seed {SEED}")
        assert report.correct.tolist() == exact.correct.tolist()
        for name, array in expected.items():
            np.testing.assert_allclose(state[name], array, rtol=1e-5, atol=1e-5, err_msg=name)


def test_the_loss_of_a_trace_equals_the_definition() -> None:
    graph = two_headed(softmax=True)
    options = CompileOptions(4, Purpose.TRACE, objective=CrossEntropy(), loss_weights=WEIGHTS)
    x = np.random.default_rng(SEED).normal(size=(4, 1, 6, 6)).astype(np.float32)
    found = []
    for engine in engines():
        program = engine.compile(graph, options)
        program.write_parameters(initial_parameters(graph, SEED))
        found.append(program.loss(program.trace(x), np.array([0, 1, 2, 0])))
    *ours, (value, seeds) = found
    assert list(seeds) == ["main", "extra"], "a cross-entropy reads what Softmax reads"
    for loss, gradients in ours:
        assert loss == pytest.approx(value, rel=1e-6)
        for name, seed in seeds.items():
            np.testing.assert_allclose(gradients[name], seed, rtol=1e-5, atol=1e-7)


def test_two_outputs_that_read_one_node_add_their_weights() -> None:
    builder = GraphBuilder()
    scores = builder.add(Linear(2), builder.input((3,)), name="scores")
    shares = builder.add(Softmax(), scores, name="shares")
    graph = builder.graph([shares, scores])
    assert loss_nodes(graph, CrossEntropy(), (1.0, 0.5)) == {"scores": 1.5}
    assert loss_nodes(graph, SquaredError(), (1.0, 0.5)) == {"shares": 1.0, "scores": 0.5}
    assert loss_nodes(graph, CrossEntropy(), ()) == {"scores": 1.0}


@pytest.mark.parametrize("engine", ["reference", "native"])
def test_a_net_of_several_outputs_trains_and_is_evaluated_by_the_first(engine: str, tmp_path: Path) -> None:
    net, data = model(engine), blobs()
    history = pellucid.train(net, data, epochs=3, output=tmp_path, progress=False)
    result = evaluate(net, data.test)
    assert history.epochs[-1].test_accuracy == result.accuracy
    outputs = net.predict(data.test.images)
    assert isinstance(outputs, tuple)
    assert [output.shape for output in outputs] == [(20, 3), (20, 3)]
    np.testing.assert_array_equal(outputs[0].argmax(axis=1), result.predictions)
    again = pellucid.load(tmp_path / "model.pellucid", engine=engine)
    assert again.recipe.loss_weights == WEIGHTS
    assert again.graph.outputs == ("main", "extra")


def test_the_auxiliary_output_is_trained_only_with_a_weight() -> None:
    for weights, trained in ((WEIGHTS, True), ((), False)):
        net = model(weights=WEIGHTS)
        before = net.parameters["extra.weight"].copy()
        pellucid.train(net, blobs(), epochs=1, loss_weights=weights, progress=False)
        assert net.recipe.loss_weights == weights
        assert np.array_equal(net.parameters["extra.weight"], before) != trained


def test_the_command_line_goes_by_the_first_output(pellucid_command: Run, tmp_path: Path) -> None:
    net = model()
    net.class_names = ("a", "b", "c")
    net.save(tmp_path / "net.pellucid")
    image = picture(tmp_path / "image.png")
    pixels = np.asarray(Image.open(image), np.float32).reshape(1, 1, 6, 6) / 255
    first = net.predict(pixels)[0]
    status, output, errors = pellucid_command("predict", tmp_path / "net.pellucid", image)
    assert (status, errors) == (0, "")
    assert output.split()[1] == net.class_names[int(first.argmax())]
    status, output, errors = pellucid_command(
        "evaluate", tmp_path / "net.pellucid", "--data", idx_folder(tmp_path / "data")
    )
    assert (status, errors) == (0, "")
    assert "accuracy" in output


def test_weights_are_part_of_a_recipe() -> None:
    recipe = Recipe(loss_weights=(1.0, 0.3))
    assert restore_recipe(describe(recipe)) == recipe
    old = {name: value for name, value in describe(Recipe()).items() if name != "loss_weights"}
    assert restore_recipe(old) == Recipe()
    with pytest.raises(FormatError, match="loss_weights"):
        restore_recipe({**describe(recipe), "loss_weights": ["much"]})


def test_impossible_weights_are_refused() -> None:
    with pytest.raises(LayerError, match=r"loss_weights are numbers of at least 0, received \(-1.0,\)"):
        Recipe(loss_weights=(-1.0,))
    with pytest.raises(EngineError, match=r"one number for each of 2 output\(s\), received \(1.0,\)"):
        pellucid.train(model(weights=(1.0,)), blobs(), epochs=1, progress=False)
