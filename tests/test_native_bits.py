"""Networks in channel blocks: same seed, instruction set and threads, same bits; and their threads."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import pellucid
from pellucid.engines.engine import Array, CompileOptions, Examples, Program, Purpose, State
from pellucid.engines.native import NativeEngine, instruction_sets
from pellucid.graph import Graph, GraphBuilder
from pellucid.initialization import initial_parameters
from pellucid.objectives import CrossEntropy
from pellucid.optimizers import SGD

BATCH = 12
STEPS = 4
THREADS = (1, 2, 3)
random = np.random.default_rng(5)
EXAMPLES = Examples(random.integers(0, 256, (60, 3, 14, 13), np.uint8), random.integers(0, 7, 60))
ORDER = random.permutation(60)[: STEPS * BATCH - 5]
"""The last batch is a smaller one."""
WINOGRAD = (("conv2", "winograd"), ("conv3", "winograd"))
DIRECT = (("conv2", "direct"), ("conv3", "direct"))
Algorithms = tuple[tuple[str, str], ...]


def residual_graph() -> Graph:
    """Every kind of step that a residual network has."""
    builder = GraphBuilder()
    x = builder.add(pellucid.Conv2d(24, 5, padding=2), builder.input((3, 14, 13)), name="conv1")
    x = builder.add(pellucid.ReLU(), builder.add(pellucid.BatchNorm2d(), x))
    x = builder.add(pellucid.MaxPool2d(2), x)
    y = builder.add(pellucid.Conv2d(24, 3, padding=1, bias=False), x, name="conv2")
    y = builder.add(pellucid.ReLU(), builder.add(pellucid.BatchNorm2d(), y))
    y = builder.add(pellucid.Conv2d(24, 3, padding=1, bias=False), y, name="conv3")
    x = builder.add(pellucid.Add(), builder.add(pellucid.BatchNorm2d(), y), x)
    x = builder.add(pellucid.Dropout(0.25), builder.add(pellucid.ReLU(), x))
    x = builder.add(pellucid.Conv2d(17, 3, stride=2, padding=1), x, name="conv4")
    builder.add(pellucid.Linear(7), builder.add(pellucid.Flatten(), x))
    return builder.graph()


def engine(instruction_set: str, threads: int) -> NativeEngine:
    return NativeEngine(instruction_set=instruction_set, threads=threads, layout="blocks", poison=True)


def trained(
    engine: NativeEngine,
    *,
    capacity: int = BATCH,
    calls: int = 1,
    seed: int = 3,
    algorithms: Algorithms = WINOGRAD,
) -> State:
    """Losses, parameters, statistics and velocities."""
    graph = residual_graph()
    options = CompileOptions(
        capacity,
        Purpose.TRAINING,
        objective=CrossEntropy(),
        optimizer=SGD(momentum=0.9),
        seed=seed,
        algorithms=algorithms,
    )
    program = engine.compile(graph, options)
    program.write_parameters(initial_parameters(graph, 1))
    losses = []
    for call in range(calls):
        begin, end = STEPS * call // calls, STEPS * (call + 1) // calls
        report = program.train_steps(
            EXAMPLES,
            ORDER[begin * BATCH : end * BATCH],
            batch_size=BATCH,
            learning_rates=[0.05] * (end - begin),
            first_step=begin,
        )
        losses.append(report.losses)
    return {"losses": np.concatenate(losses), **program.read_parameters(), **program.read_slots()}


def assert_same_bits(a: State, b: State) -> None:
    assert a.keys() == b.keys()
    different = [name for name in a if a[name].tobytes() != b[name].tobytes()]
    assert not different


@pytest.mark.parametrize("threads", THREADS)
@pytest.mark.parametrize("isa", instruction_sets())
def test_training_again_gives_the_same_bits(isa: str, threads: int) -> None:
    first = trained(engine(isa, threads))
    assert all(np.isfinite(array).all() for array in first.values())
    assert_same_bits(first, trained(engine(isa, threads)))
    assert_same_bits(first, trained(engine(isa, threads), calls=3))
    other = trained(engine(isa, threads), seed=4)
    assert other["losses"][0] != first["losses"][0]  # another dropout


@pytest.mark.parametrize("threads", THREADS)
@pytest.mark.parametrize("isa", instruction_sets())
def test_room_for_more_images_does_not_change_a_bit(isa: str, threads: int) -> None:
    """Of what is predicted, and of training, but that minimal filtering divides its sums by the capacity."""
    small, large = (
        trained(engine(isa, threads), capacity=capacity, algorithms=DIRECT) for capacity in (BATCH, 50)
    )
    assert_same_bits(small, large)
    images = EXAMPLES.images[:BATCH].astype(np.float32)
    small_program, large_program = (predictor(engine(isa, threads), capacity) for capacity in (BATCH, 50))
    np.testing.assert_array_equal(small_program.forward(images)[0], large_program.forward(images)[0])


def together(*jobs: Callable[[], State]) -> list[State]:
    """Each job on a Python thread of its own."""
    with ThreadPoolExecutor(len(jobs)) as threads:
        return [future.result() for future in [threads.submit(job) for job in jobs]]


def test_a_busy_pool_does_not_change_a_bit() -> None:
    isa = instruction_sets()[-1]
    expected = {threads: trained(engine(isa, threads)) for threads in THREADS}
    results = together(*(lambda threads=threads: trained(engine(isa, threads)) for threads in THREADS * 2))
    for threads, result in zip(THREADS * 2, results, strict=True):
        assert_same_bits(expected[threads], result)


def predictor(engine: NativeEngine, capacity: int = BATCH) -> Program:
    graph = residual_graph()
    program = engine.compile(graph, CompileOptions(capacity, Purpose.INFERENCE, algorithms=WINOGRAD))
    program.write_parameters(initial_parameters(graph, 1))
    return program


def test_one_program_serves_several_threads() -> None:
    """The first of them prepares the kernels for all."""
    images = EXAMPLES.images[:BATCH].astype(np.float32)
    expected = predictor(engine(instruction_sets()[-1], 2)).forward(images)[0]
    program = predictor(engine(instruction_sets()[-1], 2))

    def predict() -> State:
        return {str(call): program.forward(images)[0] for call in range(5)}

    outputs: list[Array] = [output for state in together(*[predict] * 4) for output in state.values()]
    assert len(outputs) == 20
    assert all(np.array_equal(output, expected) for output in outputs)


def run(script: str) -> str:
    """In a process of its own, whose pool nobody else has used."""
    code = f"import os, threading\nimport numpy as np\nimport test_native_bits as t\n{script}"
    result = subprocess.run(
        [sys.executable, "-c", code],
        cwd=sys.path[0],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


FORK = """
images = t.EXAMPLES.images[:12].astype(np.float32)
program = t.predictor(t.engine(t.instruction_sets()[-1], 3))
here, state = program.forward(images)[0], t.trained(t.engine(t.instruction_sets()[-1], 3))
child = os.fork()
if child == 0:
    t.assert_same_bits(state, t.trained(t.engine(t.instruction_sets()[-1], 3)))
    os._exit(0 if np.array_equal(program.forward(images)[0], here) else 1)
raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_a_forked_child_computes_the_same() -> None:
    run(FORK)


COUNT = """
def threads():
    return len(os.listdir("/proc/self/task"))

def train():
    ready.wait()
    states.append(t.trained(t.engine(t.instruction_sets()[-1], 3)))
    done.wait()

states, counts = [], []
ready, done = threading.Barrier(4), threading.Barrier(4)
trainers = [threading.Thread(target=train) for _ in range(3)]
for trainer in trainers:
    trainer.start()
before = threads()
ready.wait()
while len(states) < 3:
    counts.append(threads())
after = threads()
done.wait()
assert before + 2 == after, (before, after)
assert max(counts) <= after, (max(counts), after)
for state in states[1:]:
    t.assert_same_bits(states[0], state)
"""


def test_programs_at_once_share_the_threads_of_one_pool() -> None:
    """Three programs of three threads: each thread that calls, and the two that the pool adds, once."""
    run(COUNT)
