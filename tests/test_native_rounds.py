"""Rounds that threads take for themselves give what shared rounds give, to the bit."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import pellucid
from pellucid.engines.engine import CompileOptions, Program, Purpose, Wanted
from pellucid.engines.native import NativeEngine, _native, instruction_sets
from pellucid.engines.native.compiler import Compiler
from pellucid.engines.native.executable import Executable
from pellucid.engines.native.parameters import ParameterStore
from pellucid.engines.native.plan import Layout
from pellucid.engines.native.rounds import IMAGES_APART, own_rounds, shared_rounds
from pellucid.engines.native.walk import Choices
from pellucid.graph import Graph, GraphBuilder
from pellucid.initialization import initial_parameters

THREADS = 3


def small_network(hidden: int = 10) -> Graph:
    builder = GraphBuilder()
    x = builder.input((3, 12, 12))
    for number in range(2):
        x = builder.add(pellucid.Conv2d(16, 3, padding=1), x, name=f"conv{number}")
        x = builder.add(pellucid.ReLU(), x, name=f"relu{number}")
    x = builder.add(pellucid.Flatten(), builder.add(pellucid.MaxPool2d(2), x))
    builder.add(pellucid.Linear(hidden), x, name="o")
    return builder.graph()


def compiler(graph: Graph, layout: Layout = Layout.BLOCKS, threads: int = THREADS) -> Compiler:
    return Compiler(graph, ParameterStore(graph, None), 8, 128, threads, Choices(layout=layout))


def test_rounds_are_few_and_give_threads_equal_shares() -> None:
    shared = shared_rounds(compiler(small_network()))
    assert (shared.workers, shared.compiler.capacity) == (1, 48)
    # One round of 20; two of 33 that are 11 images a thread; three of 36, so that the last is shorter.
    assert [shared.images(count) for count in (1, 20, 65, 100)] == [3, 21, 33, 36]
    own = own_rounds(compiler(small_network()))
    assert own is not None
    assert (own.workers, own.compiler.capacity, own.compiler.shards) == (THREADS, IMAGES_APART, 1)
    assert [own.images(count) for count in (9, 18, 19, 40)] == [3, 6, 4, 5]


def test_work_is_shared_where_threads_would_read_much_or_do_not_wait() -> None:
    assert own_rounds(compiler(small_network(hidden=5000))) is None
    assert own_rounds(compiler(small_network(), layout=Layout.LANES)) is None
    assert own_rounds(compiler(small_network(), threads=1)) is None


def program(threads: int, instruction_set: str) -> Program:
    graph = small_network()
    engine = NativeEngine(layout="blocks", instruction_set=instruction_set, threads=threads, poison=True)
    compiled = engine.compile(graph, CompileOptions(128, Purpose.TRACE, keep=("relu0",)))
    compiled.write_parameters(initial_parameters(graph, 4))
    return compiled


@pytest.mark.parametrize("instruction_set", instruction_sets())
@pytest.mark.parametrize("count", [24, 61, 128])
def test_the_bits_are_those_of_one_thread(instruction_set: str, count: int) -> None:
    random = np.random.default_rng(count)
    images = random.random((count, 3, 12, 12), np.float32)
    seeds = {"o": random.standard_normal((count, 10), np.float32)}
    wanted = Wanted(nodes=("input",), parameters=())
    alone, together = program(1, instruction_set), program(THREADS, instruction_set)
    np.testing.assert_array_equal(together.forward(images)[0], alone.forward(images)[0])
    np.testing.assert_array_equal(together.trace(images)["relu0"], alone.trace(images)["relu0"])
    ours, theirs = (p.differentiate([images], seeds, wanted=wanted).input for p in (together, alone))
    np.testing.assert_array_equal(ours, theirs)


def test_the_memory_that_is_stated_is_that_of_all_workers() -> None:
    own = own_rounds(compiler(small_network()))
    assert own is not None
    plan = Compiler(own.compiler.graph, own.compiler.store, 4, IMAGES_APART, 1, own.compiler.choices).forward(
        ("o",)
    )
    executor = _native.Executor("generic", plan.description(4, 1, IMAGES_APART))
    assert program(THREADS, "generic").schema().workspace_bytes == THREADS * executor.workspace_bytes


def test_callers_beside_each_other_get_their_own_numbers() -> None:
    compiled = program(THREADS, "generic")
    batches = [np.random.default_rng(n).random((40, 3, 12, 12), np.float32) for n in range(4)]
    expected = [compiled.forward(batch)[0] for batch in batches]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(5):
            for ours, alone in zip(
                pool.map(lambda b: compiled.forward(b)[0], batches), expected, strict=True
            ):
                np.testing.assert_array_equal(ours, alone)


def test_a_plan_for_several_shards_is_not_run_by_workers_of_their_own() -> None:
    graph = small_network()
    store = ParameterStore(graph, None)
    plan = Compiler(graph, store, _native.lanes("generic"), 2, 2, Choices(layout=Layout.BLOCKS)).forward(
        ("o",)
    )
    arrays = {"input:input": np.zeros((2, 3, 12, 12), np.float32), "output:o": np.zeros((2, 10), np.float32)}
    executable = Executable(plan, "generic", shards=2, capacity=2, poison=False)
    assert executable.run(store.native, arrays, 2, 1) == 2
    with pytest.raises(ValueError, match="one shard"):
        executable.run(store.native, arrays, 2, 1, workers=2)


@pytest.mark.parametrize("lanes", [8, 16])
def test_plans_that_take_turns_choose_the_same_algorithms(lanes: int) -> None:
    """By cost, 3x3 cells of 16 channels are filtered in a round of 48 images and not in one of six."""
    builder = GraphBuilder()
    builder.add(pellucid.Conv2d(16, 3, padding=1), builder.input((16, 3, 3)), name="conv")
    graph = builder.graph()
    shared = Compiler(graph, ParameterStore(graph, None), lanes, 128, THREADS, Choices(Layout.BLOCKS))
    own = own_rounds(shared)
    assert own is not None
    for plan in (shared_rounds(shared).compiler, own.compiler):
        kernels = {step.operation for phase in plan.forward(("conv",)).phases for step in phase.steps}
        assert any("winograd" in kernel for kernel in kernels)
