"""The training loop: its events, its numbers, what it refuses."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from training_cases import (
    CONVOLUTIONAL,
    ENGINES,
    EPOCH_STEPS,
    RECIPE,
    Recorder,
    blobs,
    network,
    same_parameters,
    step_by_step,
    without_times,
)

import pellucid
from pellucid.errors import DataError, FormatError, LayerError, PellucidError, UnknownNameError
from pellucid.graph import GraphBuilder
from pellucid.layers import Add, Flatten, Linear
from pellucid.model import Model, Sequential
from pellucid.objectives import SquaredError
from pellucid.optimizers import Adam, Constant, OneCycle, StepDecay
from pellucid.training import EpochRecord, History, evaluate, train
from pellucid.training.loop import Pace
from pellucid.training.progress import Bar, Lines, duration, progress_display

DATA = blobs()


def test_events_come_in_order(tmp_path: Path) -> None:
    recorder = Recorder()
    train(network(), DATA, epochs=2, output=tmp_path / "run", progress=False, callbacks=[recorder])
    outline = [event for event in recorder.events if event[0] != "steps"]
    assert outline == [
        ("start", 0),
        ("checkpoint", 0),
        ("epoch", EPOCH_STEPS),
        ("checkpoint", EPOCH_STEPS),
        ("epoch", 2 * EPOCH_STEPS),
        ("checkpoint", 2 * EPOCH_STEPS),
        ("end", 2 * EPOCH_STEPS),
    ]
    steps = recorder.steps_of("steps")
    assert steps == sorted(set(steps))
    assert {EPOCH_STEPS, 2 * EPOCH_STEPS} <= set(steps)


def test_end_comes_after_an_error_too() -> None:
    class Failing(Recorder):
        def epoch(self, run: object, record: object) -> None:
            raise ZeroDivisionError

    recorder = Failing()
    with pytest.raises(ZeroDivisionError):
        train(network(), DATA, epochs=2, progress=False, callbacks=[recorder])
    assert recorder.events[-1] == ("end", EPOCH_STEPS)


def test_every_epoch_sees_every_image_once() -> None:
    recorder = Recorder()
    train(network(), DATA, epochs=3, progress=False, callbacks=[recorder])
    sizes = np.concatenate([report.images for report in recorder.reports])
    assert sizes.tolist() == 3 * ([8] * 6 + [4])


def test_the_history_is_what_the_steps_and_the_evaluation_said() -> None:
    net, recorder = network(), Recorder()
    history = train(net, DATA, epochs=2, progress=False, callbacks=[recorder])
    losses, correct, images = (
        np.concatenate([getattr(report, name) for report in recorder.reports])
        for name in ("losses", "correct", "images")
    )
    second = history.epochs[1]
    assert [record.epoch for record in history.epochs] == [1, 2]
    assert second.loss == pytest.approx((losses * images)[EPOCH_STEPS:].sum() / 52, rel=1e-12)
    assert second.accuracy == correct[EPOCH_STEPS:].sum() / 52
    measured = evaluate(net, DATA.test)
    assert (second.test_loss, second.test_accuracy) == (measured.loss, measured.accuracy)
    assert second.images_per_second == pytest.approx(52 / second.seconds)
    assert (history.network, history.data) == ("tiny", "blobs")


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    "schedule", [Constant(0.1), StepDecay(0.1, 0.5, (0.4,)), OneCycle(0.1)], ids=lambda s: type(s).__name__
)
def test_training_is_one_step_after_the_other_at_the_schedules_rates(
    engine: str, schedule: pellucid.Schedule
) -> None:
    """Whatever number of steps a call does: here by hand, one a call."""
    trained, by_hand = network(CONVOLUTIONAL, engine), network(CONVOLUTIONAL, engine)
    train(trained, DATA, epochs=2, schedule=schedule, optimizer=Adam(), seed=11, progress=False)
    step_by_step(by_hand, 2 * EPOCH_STEPS, schedule, Adam(), epochs=2, seed=11)
    assert same_parameters(trained, by_hand)


@pytest.mark.parametrize("engine", ENGINES)
def test_the_same_seed_gives_the_same_bits_and_another_does_not(engine: str) -> None:
    nets = [network(CONVOLUTIONAL, engine) for _ in range(3)]
    histories = [
        train(net, DATA, epochs=2, seed=seed, progress=False)
        for net, seed in zip(nets, (5, 5, 6), strict=True)
    ]
    assert same_parameters(nets[0], nets[1])
    assert without_times(histories[0]) == without_times(histories[1])
    assert not same_parameters(nets[0], nets[2])


def test_a_second_training_starts_without_the_first_ones_momentum() -> None:
    net = network()
    train(net, DATA, epochs=1, progress=False)
    fresh = Model(net.graph, net.parameters, engine="reference", recipe=RECIPE)
    for model in (net, fresh):
        train(model, DATA, epochs=1, progress=False)
    assert same_parameters(net, fresh)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_small_network_learns_the_digits(engine: str) -> None:
    digits = pellucid.data.load("digits")
    net = Sequential(Flatten(), Linear(32), pellucid.ReLU(), Linear(10), input_shape=(1, 8, 8), engine=engine)
    history = train(net, digits, epochs=5, progress=False)
    assert [record.loss for record in history.epochs] == sorted(
        (record.loss for record in history.epochs), reverse=True
    )
    assert history.epochs[-1].loss < 0.2 * history.epochs[0].loss
    assert evaluate(net, digits.test).accuracy > 0.88


def test_what_is_left_out_comes_from_the_models_recipe_and_the_rest_stays_with_it() -> None:
    plain, spelled, changed = network(), network(), network()
    train(plain, DATA, epochs=1, progress=False)
    train(
        spelled,
        DATA,
        epochs=1,
        batch_size=8,
        loss=RECIPE.objective,
        optimizer=RECIPE.optimizer,
        schedule=RECIPE.schedule,
        progress=False,
    )
    assert same_parameters(plain, spelled)
    train(
        changed, DATA, epochs=1, batch_size=5, loss="squared_error", schedule="constant", learning_rate=0.25,
        progress=False,
    )  # fmt: skip
    assert changed.recipe == replace(RECIPE, objective=SquaredError(), schedule=Constant(0.25), batch_size=5)
    assert not same_parameters(plain, changed)


def test_the_data_sets_class_names_become_the_models() -> None:
    net = network()
    train(net, DATA, epochs=1, progress=False)
    assert net.class_names == ("a", "b", "c")


def test_arrays_train_like_the_data_set_they_come_from() -> None:
    as_bytes, as_floats, as_dataset = network(), network(), network()
    history = train(as_bytes, (DATA.train.pixels, DATA.train.labels), epochs=2, progress=False)
    train(as_floats, (DATA.train.images, DATA.train.labels.astype(np.int32)), epochs=2, progress=False)
    train(as_dataset, DATA, epochs=2, progress=False)
    assert same_parameters(as_bytes, as_dataset)
    assert same_parameters(as_floats, as_dataset)
    assert history.epochs[-1].test_loss is None
    assert history.data == "arrays"


def test_array_targets_have_no_accuracy() -> None:
    targets = np.eye(3, dtype=np.float32)[DATA.train.labels]
    history = train(network(), (DATA.train.pixels, targets), epochs=4, loss="squared_error", progress=False)
    assert history.epochs[-1].accuracy is None
    assert history.epochs[-1].loss < history.epochs[0].loss


def test_a_batch_larger_than_the_data_is_the_data() -> None:
    recorder = Recorder()
    train(network(), DATA, epochs=2, batch_size=1000, progress=False, callbacks=[recorder])
    assert np.concatenate([report.images for report in recorder.reports]).tolist() == [52, 52]


def test_a_learning_rate_of_0_leaves_the_parameters_as_they_were() -> None:
    net = network()
    before = {name: array.copy() for name, array in net.parameters.items()}
    train(net, DATA, epochs=1, learning_rate=0.0, progress=False)
    assert all(np.array_equal(before[name], net.parameters[name]) for name in before)


# ---- what is refused


def two_inputs() -> Model:
    builder = GraphBuilder()
    left, right = builder.input((3,), "left"), builder.input((3,), "right")
    builder.add(Add(), left, right)
    return Model(builder.graph(), engine="reference")


REFUSED: dict[str, tuple[Callable[[], object], type[PellucidError], str]] = {
    "images of another shape": (
        lambda: train(network(), (np.zeros((4, 1, 5, 5)), np.zeros(4, int))),
        DataError,
        r"input: expects images of shape \(N, 1, 6, 6\), received \(4, 1, 5, 5\)",
    ),
    "fewer targets than images": (
        lambda: train(network(), (np.zeros((4, 1, 6, 6)), np.zeros(3, int))),
        DataError,
        "received 4 images and 3 targets",
    ),
    "a class that is not there": (
        lambda: train(network(), (np.zeros((2, 1, 6, 6)), np.array([0, 3]))),
        DataError,
        "classes are 0 to 2, received 3",
    ),
    "no image": (
        lambda: train(network(), (np.zeros((0, 1, 6, 6)), np.zeros(0, int))),
        DataError,
        "at least one image",
    ),
    "more classes than outputs": (
        lambda: train(network(), pellucid.data.load("digits")),
        DataError,
        "digits: has 10 classes, and tiny has 3 output",
    ),
    "two inputs": (
        lambda: train(two_inputs(), DATA),
        DataError,
        "a network with one input, received 2",
    ),
    "no epoch": (lambda: train(network(), DATA, epochs=0), DataError, "at least 1 epoch, received 0"),
    "a negative seed": (lambda: train(network(), DATA, seed=-1), DataError, "received -1"),
    "no image a batch": (lambda: train(network(), DATA, batch_size=0), LayerError, "batch_size"),
    "an unknown loss": (
        lambda: train(network(), DATA, loss="cross_entropie"),
        UnknownNameError,
        "unknown loss 'cross_entropie'; did you mean cross_entropy",
    ),
    "an unknown schedule": (
        lambda: train(network(), DATA, schedule="cosin"),
        UnknownNameError,
        "unknown schedule 'cosin'; did you mean cosine",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_it_is_refused(case: str) -> None:
    action, error, text = REFUSED[case]
    with pytest.raises(error, match=text) as caught:
        action()
    assert "\n" not in str(caught.value)


# ---- history


RECORD = EpochRecord(1, 0.1, 0.5, None, None, 2.0, 26.0)


def test_a_history_survives_json() -> None:
    history = History("tiny", "blobs", (RECORD, replace(RECORD, epoch=2, test_loss=0.3, seconds=6.0)))
    assert History.from_json(history.to_json()) == history
    assert history.seconds == 8.0
    assert history.images_per_second == 26.0


@pytest.mark.parametrize(
    "values",
    [{}, {"network": "a", "data": "b", "epochs": 3}, {"network": "a", "data": "b", "epochs": [{"x": 1}]}],
)
def test_json_that_is_no_history_is_a_format_error(values: dict[str, object]) -> None:
    with pytest.raises(FormatError):
        History.from_json(values)


# ---- display


def shown(display: type[Lines | Bar], terminal: bool) -> str:
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=terminal, width=120, highlight=False)
    assert type(progress_display(console)) is display
    train(network(), DATA, epochs=3, progress=False, callbacks=[display(console)])
    return stream.getvalue()


def test_without_a_terminal_there_is_one_plain_line_an_epoch() -> None:
    lines = shown(Lines, terminal=False).splitlines()
    assert [line.split("  ")[0] for line in lines] == ["epoch 1/3", "epoch 2/3", "epoch 3/3"]
    assert all("loss" in line and "accuracy" in line and "images/s" in line for line in lines)
    assert "\x1b" not in "".join(lines)


def test_on_a_terminal_the_bar_has_the_epochs_above_it() -> None:
    output = shown(Bar, terminal=True)
    assert output.count("held out:") == 3
    assert "\x1b[?25h" in output, "the cursor is shown again"


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (59.4, "59 s"), (200, "3 min 20 s"), (7500, "2 h 5 min")]
)
def test_durations_are_for_people(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_the_pace_follows_the_speed_of_the_machine() -> None:
    pace = Pace()
    pace.measured(1, 0.001)
    assert pace.steps == 8, "it grows by 8 at most, as a first step may be cold"
    pace.measured(8, 0.008)
    pace.measured(64, 0.064)
    assert pace.steps == 150
    pace.measured(150, 1.5)
    assert pace.steps == 15
    pace.measured(1, 60.0)
    assert pace.steps == 1
