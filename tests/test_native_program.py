"""What the native engine promises beyond the numbers of single layers."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import numpy as np
import pytest

import pellucid
from pellucid.engines.engine import CompileOptions, Examples, Purpose, State, Wanted
from pellucid.engines.native import NativeEngine, instruction_sets
from pellucid.engines.reference import ReferenceEngine
from pellucid.errors import DataError, EngineError
from pellucid.objectives import CrossEntropy
from pellucid.optimizers import SGD

rng = np.random.default_rng(7)
IMAGES = rng.integers(0, 256, (200, 1, 12, 12), dtype=np.uint8)
LABELS = rng.integers(0, 5, 200)


def network(engine: NativeEngine) -> pellucid.Model:
    return pellucid.Sequential(
        pellucid.Conv2d(6, 3, padding=1),
        pellucid.BatchNorm2d(),
        pellucid.ReLU(),
        pellucid.MaxPool2d(2),
        pellucid.Dropout(0.25),
        pellucid.Flatten(),
        pellucid.Linear(5),
        input_shape=(1, 12, 12),
        engine=engine,
    )


def trained(
    engine: NativeEngine, *, capacity: int = 64, batch: int = 64, calls: int = 1, seed: int = 3
) -> State:
    """Parameters and optimiser slots after two epochs."""
    options = CompileOptions(
        capacity, Purpose.TRAINING, objective=CrossEntropy(), optimizer=SGD(momentum=0.9), seed=seed
    )
    program = network(engine).program(options)
    indices = np.concatenate([np.random.default_rng(e).permutation(192) for e in range(2)])
    steps = len(indices) // batch
    for call in range(calls):
        begin, end = steps * call // calls, steps * (call + 1) // calls
        program.train_steps(
            Examples(IMAGES, LABELS),
            indices[begin * batch : end * batch],
            batch_size=batch,
            learning_rates=[0.05] * (end - begin),
            first_step=begin,
        )
    return {**program.read_parameters(), **program.read_slots()}


def same_bits(a: State, b: State) -> bool:
    return a.keys() == b.keys() and all(a[key].tobytes() == b[key].tobytes() for key in a)


@pytest.mark.parametrize("isa", instruction_sets())
def test_same_seed_same_bits(isa: str) -> None:
    engine = NativeEngine(instruction_set=isa, threads=2)
    first = trained(engine)
    assert same_bits(first, trained(NativeEngine(instruction_set=isa, threads=2)))
    assert not same_bits(first, trained(engine, seed=4))  # another dropout


def test_capacity_does_not_change_a_bit() -> None:
    engine = NativeEngine(threads=2)
    assert same_bits(trained(engine, capacity=64), trained(engine, capacity=256))


def test_steps_in_one_call_or_in_several_are_the_same() -> None:
    engine = NativeEngine(threads=2)
    assert same_bits(trained(engine, calls=1), trained(engine, calls=3))


def test_a_busy_pool_does_not_change_a_bit() -> None:
    expected = trained(NativeEngine(threads=2))
    results: list[State] = []
    threads = [
        threading.Thread(target=lambda: results.append(trained(NativeEngine(threads=2)))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 4
    assert all(same_bits(expected, result) for result in results)


def test_one_program_serves_several_threads() -> None:
    net = network(NativeEngine(threads=2))
    images = IMAGES.astype(np.float32) / 255
    expected = net.predict(images)
    program = net.program(CompileOptions(256, Purpose.INFERENCE))
    results: list[np.ndarray] = []
    threads = [
        threading.Thread(target=lambda: results.extend(program.forward(images) for _ in range(5)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    outputs = [result[0] for result in results]
    assert len(outputs) == 20
    assert all(np.array_equal(output, expected) for output in outputs)


def test_more_threads_than_tiles() -> None:
    one = network(NativeEngine(threads=1)).predict(IMAGES[:3].astype(np.float32))
    many = network(NativeEngine(threads=7)).predict(IMAGES[:3].astype(np.float32))
    np.testing.assert_array_equal(one, many)


def test_a_forked_child_computes() -> None:
    code = (
        "import os, numpy as np, pellucid\n"
        "net = pellucid.Sequential(pellucid.Linear(3), input_shape=(4,))\n"
        "x = np.ones((64, 4), np.float32)\n"
        "here = net.predict(x)\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    os._exit(0 if np.array_equal(net.predict(x), here) else 1)\n"
        "raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))\n"
    )
    result = subprocess.run([sys.executable, "-c", code], timeout=60, check=False)
    assert result.returncode == 0


def test_the_callers_denormals_are_left_alone() -> None:
    tiny = np.array([1e-40], np.float32)
    network(NativeEngine(threads=2)).predict(IMAGES[:1].astype(np.float32))
    assert (tiny * np.float32(1))[0] == tiny[0] != 0


@pytest.mark.parametrize("isa", instruction_sets())
def test_a_step_that_meets_a_nan_changes_nothing(isa: str) -> None:
    net = network(NativeEngine(instruction_set=isa, threads=2))
    options = CompileOptions(32, Purpose.TRAINING, objective=CrossEntropy(), optimizer=SGD(momentum=0.9))
    program = net.program(options)
    images = IMAGES.astype(np.float32) / 255
    images[70, 0, 3, 3] = np.nan
    before = None
    report = None
    for steps in (2, 4):  # the image is in the third batch
        program.write_parameters(net.parameters)
        program.write_slots({key: np.zeros_like(value) for key, value in program.read_slots().items()})
        report = program.train_steps(
            Examples(images, LABELS),
            np.arange(32 * steps),
            batch_size=32,
            learning_rates=[0.1] * steps,
        )
        after = {**program.read_parameters(), **program.read_slots()}
        if before is not None:
            assert same_bits(before, after)
        before = after
    assert report is not None
    assert report.non_finite == 2
    assert len(report.losses) == len(report.correct) == len(report.images) == 2


def test_wrong_batches_are_refused() -> None:
    net = network(NativeEngine(threads=1))
    options = CompileOptions(8, Purpose.TRAINING, objective=CrossEntropy(), optimizer=SGD())
    program = net.program(options)
    with pytest.raises(EngineError, match="at most the program's capacity, 8; received 9"):
        program.forward(np.zeros((9, 1, 12, 12), np.float32))
    examples = Examples(IMAGES, LABELS)
    with pytest.raises(DataError, match="indices lie between 0 and 199"):
        program.train_steps(examples, np.array([200]), batch_size=8, learning_rates=[0.1])
    with pytest.raises(DataError, match="classes are 0 to 4"):
        program.train_steps(Examples(IMAGES, LABELS + 1), np.arange(8), batch_size=8, learning_rates=[0.1])
    with pytest.raises(DataError, match="need as many learning rates"):
        program.train_steps(examples, np.arange(16), batch_size=8, learning_rates=[0.1])
    with pytest.raises(DataError, match="expects images of shape"):
        program.train_steps(
            Examples(IMAGES[:, :, :11], LABELS), np.arange(8), batch_size=8, learning_rates=[0.1]
        )


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("PELLUCID_ISA", "sse9", "PELLUCID_ISA is one of"),
        ("PELLUCID_THREADS", "none", "PELLUCID_THREADS is a whole number"),
        ("PELLUCID_THREADS", "0", "PELLUCID_THREADS is a whole number"),
    ],
)
def test_wrong_environment_is_refused(
    variable: str, value: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(EngineError, match=words):
        NativeEngine()


def test_environment_chooses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PELLUCID_ISA", "generic")
    monkeypatch.setenv("PELLUCID_THREADS", "3")
    engine = NativeEngine()
    assert (engine.instruction_set, engine.threads) == ("generic", 3)


@pytest.mark.parametrize("layout", ["lanes", "blocks"])
@pytest.mark.parametrize("count", [1, 33, 150])
def test_a_batch_that_goes_in_parts_has_each_images_gradients(layout: str, count: int) -> None:
    images = (IMAGES[:count] / 255).astype(np.float32)
    wanted = Wanted(nodes=("input", "relu1"), parameters=(), activations=("pool1",))
    found = []
    for engine in (NativeEngine(layout=layout, poison=True), ReferenceEngine()):
        program = engine.compile(network(NativeEngine()).graph, CompileOptions(150, Purpose.TRACE))
        program.write_parameters(network(NativeEngine()).parameters)
        seeds = {"fc1": np.random.default_rng(1).standard_normal((count, 5), np.float32)}
        found.append(program.differentiate([images], seeds, wanted=wanted))
    ours, definition = found
    np.testing.assert_allclose(
        ours.activations["pool1"], definition.activations["pool1"], rtol=1e-4, atol=1e-6
    )
    for name in wanted.nodes:
        np.testing.assert_allclose(ours[name], definition[name], rtol=1e-4, atol=1e-6, err_msg=name)


def test_an_empty_batch_is_a_batch() -> None:
    assert network(NativeEngine()).predict(np.zeros((0, 1, 12, 12), np.float32)).shape == (0, 5)


def test_threads_default_to_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PELLUCID_THREADS", raising=False)
    assert NativeEngine().threads == len(os.sched_getaffinity(0))
