"""Training through time: moments come back to the bit, stay within bounds, and outlive an interruption."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import pellucid
from pellucid.engines.engine import StepReport
from pellucid.errors import DataError, FormatError
from pellucid.explain import Recorder, Recording
from pellucid.explain.recording import INDEX
from pellucid.training import Callback, Run, TrainingInterruptedError

RANDOM = np.random.default_rng(3)
IMAGES = RANDOM.normal(size=(40, 1, 6, 6)).astype(np.float32)
CLASSES = RANDOM.integers(0, 3, 40)


def network(seed: int = 0) -> pellucid.Model:
    return pellucid.Sequential(
        pellucid.Conv2d(2, kernel_size=3),
        pellucid.BatchNorm2d(),
        pellucid.ReLU(),
        pellucid.Flatten(),
        pellucid.Linear(3),
        input_shape=(1, 6, 6),
        seed=seed,
    )


def train(net: pellucid.Model, *callbacks: Callback, epochs: int = 3, **options: object) -> None:
    settings = {"batch_size": 8, "optimizer": pellucid.SGD(momentum=0.9), "progress": False} | options
    pellucid.train(net, (IMAGES, CLASSES), epochs=epochs, callbacks=callbacks, **settings)


class Watch(Callback):
    """Keeps what the program holds after every step."""

    def __init__(self) -> None:
        self.seen: dict[int, tuple[dict[str, np.ndarray], dict[str, np.ndarray]]] = {}

    def start(self, run: Run) -> None:
        self.steps(run)

    def next_step(self, run: Run) -> int:
        return run.step + 1

    def steps(self, run: Run, report: StepReport | None = None) -> None:
        self.seen[run.step] = run.program.read_parameters(), run.program.read_slots()


def test_every_moment_comes_back_to_the_bit(tmp_path: Path) -> None:
    watch = Watch()
    train(network(), watch, Recorder(tmp_path, every=1))
    recording = Recording(tmp_path)
    assert recording.steps == tuple(range(16))
    assert {moment.base for moment in recording.moments} == {None, 0, 8}
    for step in reversed(recording.steps):
        parameters, slots = watch.seen[step]
        for found, expected in ((recording.parameters(step), parameters), (recording.slots(step), slots)):
            assert found.keys() == expected.keys()
            for name, array in expected.items():
                np.testing.assert_array_equal(found[name].view(np.uint32), array.view(np.uint32))


def test_a_recorder_changes_nothing(tmp_path: Path) -> None:
    one, other = network(), network()
    train(one)
    train(other, Recorder(tmp_path, every=2, probe=(IMAGES[:4], CLASSES[:4])))
    for name, array in one.parameters.items():
        np.testing.assert_array_equal(array, other.parameters[name])


@pytest.mark.parametrize(
    ("options", "steps"),
    [
        ({}, (0, 1, 2, 4, 5, 10, 15)),
        ({"every": 4}, (0, 4, 8, 12, 15)),
        ({"steps": [3, 7, 99]}, (0, 3, 7, 15)),
    ],
)
def test_moments_are_taken_when_asked(
    tmp_path: Path, options: dict[str, object], steps: tuple[int, ...]
) -> None:
    train(network(), Recorder(tmp_path, **options))
    assert Recording(tmp_path).steps == steps


def test_any_moment_is_a_model(tmp_path: Path) -> None:
    net = network()
    before = net.predict(IMAGES)
    train(net, Recorder(tmp_path))
    recording = Recording(tmp_path)
    first = recording.model(0)
    np.testing.assert_array_equal(first.predict(IMAGES), before)
    last = recording.model(15, into=first)
    assert last is first
    np.testing.assert_array_equal(last.predict(IMAGES), net.predict(IMAGES))


def test_moments_carry_their_statistics(tmp_path: Path) -> None:
    watch = Watch()
    train(network(), watch, Recorder(tmp_path, every=5, probe=(IMAGES, CLASSES)))
    start, later = Recording(tmp_path).moments[:2]
    weight = watch.seen[5][0]["conv1.weight"]
    moved = weight - watch.seen[0][0]["conv1.weight"]
    assert later.statistics["rms"]["conv1.weight"] == pytest.approx(np.sqrt((weight**2).mean()), rel=1e-6)
    assert later.statistics["change"]["conv1.weight"] == pytest.approx(np.sqrt((moved**2).mean()), rel=1e-6)
    assert (start.loss, start.statistics["change"]) == (None, {})
    assert later.loss is not None
    model = Recording(tmp_path).model(5)
    gradients = model.gradients(IMAGES, CLASSES)
    assert later.statistics["probe"]["loss"] == pytest.approx(gradients.loss)
    assert later.statistics["active"]["relu1"] == pytest.approx((model.trace(IMAGES)["relu1"] > 0).mean())
    assert later.statistics["gradient"]["fc1.bias"] == pytest.approx(
        np.sqrt((gradients["fc1.bias"] ** 2).mean()), rel=1e-6
    )


@pytest.mark.parametrize("bound", ["most", "limit"])
def test_too_many_moments_are_thinned_out_and_the_rest_stay_right(tmp_path: Path, bound: str) -> None:
    watch = Watch()
    limit, most = {"most": (1 << 28, 6), "limit": (25_000, 512)}[bound]
    train(network(), watch, Recorder(tmp_path, every=1, most=most, limit=limit), epochs=20)
    recording = Recording(tmp_path)
    files = sorted(path.name for path in tmp_path.glob("*.npz"))
    assert files == [moment.file for moment in recording.moments]
    assert sum((tmp_path / file).stat().st_size for file in files) <= limit
    assert 3 <= len(files) <= most
    assert {0, 100} < set(recording.steps)
    for step in recording.steps:
        for name, array in recording.parameters(step).items():
            np.testing.assert_array_equal(array, watch.seen[step][0][name])


class Stop(Callback):
    """Interrupts the run at a step, as Ctrl-C does."""

    def __init__(self, step: int) -> None:
        self.step = step

    def next_step(self, run: Run) -> int:
        return self.step

    def steps(self, run: Run, report: StepReport) -> None:
        if run.step == self.step:
            import signal

            signal.raise_signal(signal.SIGINT)


def test_a_resumed_run_goes_on_recording(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    train(network(), Recorder(one, every=2), output=tmp_path / "a")
    with pytest.raises(TrainingInterruptedError):
        train(network(), Recorder(other, every=2), Stop(7), output=tmp_path / "b")
    train(network(), Recorder(other, every=2), output=tmp_path / "b", resume=True)
    straight, resumed = Recording(one), Recording(other)
    assert set(straight.steps) <= set(resumed.steps) <= {*straight.steps, 7}
    for step in straight.steps:
        for name, array in straight.parameters(step).items():
            np.testing.assert_array_equal(array, resumed.parameters(step)[name])


def test_a_recording_is_not_overwritten(tmp_path: Path) -> None:
    train(network(), Recorder(tmp_path), epochs=1)
    with pytest.raises(DataError, match="holds a recording already"):
        train(network(), Recorder(tmp_path), epochs=1)


def test_a_limit_that_holds_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="room for three moments"):
        train(network(), Recorder(tmp_path, limit=1000))


@pytest.mark.parametrize("options", [{"every": 0}, {"every": 2, "steps": [1]}, {"most": 1}])
def test_impossible_wishes_are_refused(tmp_path: Path, options: dict[str, object]) -> None:
    with pytest.raises(DataError, match="Recorder: "):
        Recorder(tmp_path, **options)


def test_a_step_that_was_not_kept_names_the_nearest(tmp_path: Path) -> None:
    train(network(), Recorder(tmp_path, every=5))
    with pytest.raises(DataError, match="step 6 is not among the 4 that were kept; the nearest is 5"):
        Recording(tmp_path).model(6)


def test_no_recording(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no recording"):
        Recording(tmp_path)


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: (folder / "00000005.npz").write_bytes(b"PK"),
        lambda folder: (folder / "00000005.npz").unlink(),
        lambda folder: (folder / "00000005.npz").write_bytes((folder / "00000005.npz").read_bytes()[:-90]),
        lambda folder: (folder / "00000000.npz").write_bytes(b""),
    ],
)
def test_a_damaged_moment_is_a_format_error(tmp_path: Path, damage: object) -> None:
    train(network(), Recorder(tmp_path, every=5))
    damage(tmp_path)
    with pytest.raises(FormatError, match="no moment of this recording"):
        Recording(tmp_path).model(5)


@pytest.mark.parametrize(
    "text", ["", "[]", '{"format": "pellucid-recording", "version": 2}', '{"moments": [{}]}']
)
def test_a_damaged_index_is_a_format_error(tmp_path: Path, text: str) -> None:
    train(network(), Recorder(tmp_path), epochs=1)
    (tmp_path / INDEX).write_text(text, encoding="utf-8")
    with pytest.raises(FormatError):
        Recording(tmp_path)


def test_moments_that_do_not_belong_together(tmp_path: Path) -> None:
    train(network(), Recorder(tmp_path, every=5))
    index = json.loads((tmp_path / INDEX).read_text(encoding="utf-8"))
    index["moments"] = index["moments"][1:]
    (tmp_path / INDEX).write_text(json.dumps(index), encoding="utf-8")
    with pytest.raises(FormatError, match="do not belong together"):
        Recording(tmp_path)


def test_two_moments_are_compared_in_one_call(tmp_path: Path) -> None:
    train(network(), Recorder(tmp_path, every=5))
    recording = Recording(tmp_path)
    one, other = recording.model(0), recording.model(15)
    found = pellucid.explain.compare(one, other, IMAGES, CLASSES)
    by_name = {difference.name: difference for difference in found.parameters}
    before = one.parameters["fc1.weight"]
    moved = other.parameters["fc1.weight"].astype(float) - before
    weight = by_name["fc1.weight"]
    assert weight.distance == pytest.approx(np.linalg.norm(moved))
    assert weight.relative == pytest.approx(
        np.linalg.norm(moved) / np.linalg.norm(one.parameters["fc1.weight"])
    )
    np.testing.assert_allclose(weight.units, np.linalg.norm(moved, axis=1))
    assert by_name["conv1.bias"].relative == np.inf  # biases begin with zeros
    assert found.most_moved[0].relative == np.inf
    np.testing.assert_allclose(found.outputs, other.predict(IMAGES) - one.predict(IMAGES), atol=1e-5)
    assert found.activations is not None
    assert found.activations["input"] == 0
    assert found.losses is not None
    assert found.losses[1] < found.losses[0]
    assert found.changed is not None
    assert 0 < len(found.changed) <= 40


def test_a_model_does_not_differ_from_itself() -> None:
    net = network()
    found = pellucid.explain.compare(net, net, IMAGES)
    assert {difference.distance for difference in found.parameters} == {0}
    assert [difference.cosine for difference in found.parameters] == pytest.approx([1] * 8)
    assert found.changed is not None
    assert len(found.changed) == 0
    assert found.losses is None


def test_networks_of_other_descriptions_are_not_compared() -> None:
    with pytest.raises(DataError, match="one description"):
        pellucid.explain.compare(network(), pellucid.zoo.create("lenet5"))
