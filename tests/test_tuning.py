"""What is forced happens, what is measured is kept and followed, and what cannot be is refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest
from training_cases import blobs

import pellucid
from pellucid.engines.engine import CompileOptions, Purpose
from pellucid.engines.native import NativeEngine, instruction_sets
from pellucid.engines.native.lowering.algorithms import Algorithm
from pellucid.engines.native.plan import LAYOUTS
from pellucid.engines.reference import ReferenceEngine
from pellucid.engines.schema import Decision, Origin, Schema
from pellucid.errors import EngineError, GraphError, LayerError, PellucidError, UnknownNameError
from pellucid.layers import BatchNorm2d, Conv2d, Flatten, Linear, ReLU
from pellucid.model import Model, Sequential
from pellucid.objectives import CrossEntropy
from pellucid.optimizers import SGD
from pellucid.tuning import ALGORITHMS, ENOUGH_SECONDS, MOST_RUNS, Candidate, Tuning, shortest_run

BATCH = 16
CONVOLUTIONS = ("first", "second", "third", "wide")


CHOICES = ("direct", "winograd")
"""Of the convolutions that have one."""


def network(engine: NativeEngine | None = None) -> Model:
    """ "second" and "third" have a choice and are equal; "first" has too few channels, "wide" 5x5 kernels."""
    return Sequential(
        ("first", Conv2d(16, 3, padding=1)),
        ("norm", BatchNorm2d()),
        ReLU(),
        ("second", Conv2d(16, 3, padding=1)),
        ReLU(),
        ("third", Conv2d(16, 3, padding=1)),
        ("wide", Conv2d(16, 5)),
        Flatten(),
        Linear(3),
        input_shape=(1, 6, 6),
        engine=engine or NativeEngine(threads=2, instruction_set="generic"),
        name="small",
    )


def tuning_of(net: Model, **changes: Any) -> Tuning:
    assert isinstance(net.engine, NativeEngine)
    known = Tuning("inference", BATCH, net.engine.instruction_set, net.engine.threads, "blocks")
    return replace(known, **changes)


def described(net: Model, algorithms: Mapping[str, str] | None = None, **changes: Any) -> Schema:
    options = replace(net.options(batch_size=BATCH), algorithms=tuple((algorithms or {}).items()), **changes)
    return net.engine.describe(net.graph, options)


def operations(schema: Schema, node: str) -> set[str]:
    return {step.operation for step in schema.steps if step.node == node}


def decision(schema: Schema, node: str | None) -> Decision:
    (found,) = (made for made in schema.decisions if made.node == node)
    return found


def test_the_names_are_those_of_the_native_engine() -> None:
    assert set(ALGORITHMS) == {algorithm.value for algorithm in Algorithm}
    assert {tuning_of(network(), layout=name).layout for name in LAYOUTS} == {"lanes", "blocks"}


# ---- forced


@pytest.mark.parametrize("training", [False, True])
def test_a_forced_algorithm_is_the_plans(training: bool) -> None:
    net = network()
    objective = {"purpose": Purpose.TRAINING, "objective": CrossEntropy(), "optimizer": SGD()}
    changes: dict[str, Any] = objective if training else {}
    direct = described(net, {"second": "direct", "third": "winograd"}, **changes)
    winograd = described(net, {"second": "winograd", "third": "direct"}, **changes)
    for schema, transformed, plain in ((direct, "third", "second"), (winograd, "second", "third")):
        assert any("winograd" in operation for operation in operations(schema, transformed))
        assert not any("winograd" in operation for operation in operations(schema, plain))
        assert decision(schema, transformed) == Decision(transformed, "winograd", Origin.FORCED)
        assert decision(schema, plain) == Decision(plain, "direct", Origin.FORCED)
        assert decision(schema, "wide") == Decision("wide", "direct", Origin.CHOSEN)


def test_the_decisions_are_the_layout_and_every_convolution_in_order() -> None:
    schema = described(network())
    assert [made.node for made in schema.decisions] == [None, *CONVOLUTIONS]
    assert {made.origin for made in schema.decisions} == {Origin.CHOSEN}


def test_minimal_filtering_brings_channel_blocks_and_the_direct_algorithm_leaves_the_layout() -> None:
    def narrow(layout: str | None = None) -> Model:
        """Single channels, which would leave blocks empty."""
        layers = [Conv2d(1, 5, padding=2) for _ in range(3)]
        last = ("second", Conv2d(16, 3))
        engine = NativeEngine(threads=2, instruction_set="generic", layout=layout)
        return Sequential(*layers, Conv2d(16, 9), last, input_shape=(1, 12, 12), engine=engine)

    chosen = Decision(None, "lanes", Origin.CHOSEN)
    assert decision(described(narrow()), None) == chosen
    assert decision(described(narrow(), {"second": "direct"}), None) == chosen
    blocks = Decision(None, "blocks", Origin.FORCED)
    assert decision(described(narrow(), {"second": "winograd"}), None) == blocks
    schema = described(narrow("lanes"), {"second": "direct"})
    assert decision(schema, "second") == Decision("second", "direct", Origin.FORCED)
    assert decision(schema, None) == Decision(None, "lanes", Origin.FORCED)


@pytest.mark.parametrize("node", ["first", "wide"])
def test_minimal_filtering_that_blocks_do_not_have_brings_the_batch_into_the_lanes(node: str) -> None:
    schema = described(network(), {node: "winograd"})
    assert decision(schema, None) == Decision(None, "lanes", Origin.FORCED)
    assert "filtered_output" in operations(schema, node)


@pytest.mark.parametrize("instruction_set", instruction_sets())
def test_forced_algorithms_agree(instruction_set: str) -> None:
    net = network(NativeEngine(threads=2, instruction_set=instruction_set, poison=True))
    images = np.random.default_rng(5).normal(size=(BATCH, 1, 6, 6)).astype(np.float32)
    outputs = {}
    for algorithm in CHOICES:
        forced = (("second", algorithm), ("third", algorithm))
        outputs[algorithm] = net.program(CompileOptions(BATCH, Purpose.INFERENCE, algorithms=forced)).forward(
            images
        )[0]
    np.testing.assert_allclose(outputs["winograd"], outputs["direct"], rtol=1e-4, atol=1e-4)


REFUSED: dict[str, tuple[dict[str, str], type[PellucidError], str]] = {
    "an unknown node": ({"secnd": "direct"}, UnknownNameError, "unknown node 'secnd'; did you mean second"),
    "a node that is no convolution": (
        {"norm": "direct"},
        EngineError,
        "norm: algorithms are for convolutions, received 'direct' for a BatchNorm2d",
    ),
    "an unknown algorithm": (
        {"second": "winogard"},
        UnknownNameError,
        "unknown algorithm of second 'winogard'; did you mean winograd?",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_forced_is_refused_by_name(case: str) -> None:
    algorithms, kind, message = REFUSED[case]
    with pytest.raises(kind, match=message) as caught:
        described(network(), algorithms)
    assert "\n" not in str(caught.value)
    with pytest.raises(kind, match=message):
        pellucid.train(network(), blobs(), epochs=1, algorithms=algorithms, progress=False)


def test_a_choice_against_another_is_refused() -> None:
    with pytest.raises(EngineError, match="second: the precision 'direct' forbids winograd"):
        described(network(), {"second": "winograd"}, precision="direct")
    in_blocks = network(NativeEngine(layout="blocks"))
    message = "wide: winograd .* 3x3 kernels .* 'blocks'; received 16 channels into Conv2d.* kernel_size=5"
    with pytest.raises(EngineError, match=message):
        described(in_blocks, {"wide": "winograd"})
    with pytest.raises(EngineError, match=r"second: depthwise computes .* one output for .* received 16"):
        described(network(), {"second": "depthwise"})
    strided = Sequential(Conv2d(4, 3, stride=2), input_shape=(1, 9, 9), engine="native")
    with pytest.raises(EngineError, match=r"conv1: winograd .* 'blocks', and 3x3 and 5x5 kernels .* 'lanes'"):
        described(strided, {"conv1": "winograd"})
    twice = CompileOptions(1, Purpose.INFERENCE, algorithms=(("second", "direct"), ("second", "winograd")))
    with pytest.raises(EngineError, match="second: is given one algorithm, received 'winograd' too"):
        NativeEngine().describe(network().graph, twice)
    with pytest.raises(EngineError, match=r"second: the reference engine computes .* received 'direct'"):
        ReferenceEngine().compile(network().graph, twice)


# ---- tuned


@dataclass
class Scripted:
    """A stopwatch that has decided beforehand how long everything takes, by choice."""

    seconds: Mapping[str, float]
    timed: list[Candidate] = field(default_factory=list)

    def __call__(self, candidate: Candidate, run: Callable[[], object]) -> float:
        run()
        self.timed.append(candidate)
        return self.seconds[candidate.choice]


FAST_BLOCKS = {"lanes": 2.0, "blocks": 1.0}


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("faster", CHOICES)
def test_the_faster_algorithm_is_kept_and_followed(faster: str, training: bool) -> None:
    net = network()
    seconds = {**FAST_BLOCKS, **{name: 1.0 if name == faster else 1.5 for name in CHOICES}}
    stopwatch = Scripted(seconds)
    tuning = net.tune(batch_size=BATCH, training=training, stopwatch=stopwatch)
    assert stopwatch.timed == [
        Candidate(("second", "third"), "direct"),
        Candidate(("second", "third"), "winograd"),
        Candidate((), "lanes"),
        Candidate((), "blocks"),
    ]
    assert tuning == tuning_of(
        net,
        purpose="training" if training else "inference",
        algorithms=(("second", faster), ("third", faster)),
    )
    assert net.tunings == (tuning,)
    schema = net.engine.describe(net.graph, net.options(batch_size=BATCH, training=training))
    assert decision(schema, None) == Decision(None, "blocks", Origin.TUNED)
    assert decision(schema, "third") == Decision("third", faster, Origin.TUNED)
    assert decision(schema, "wide") == Decision("wide", "direct", Origin.CHOSEN)
    transformed = any("winograd" in operation for operation in operations(schema, "third"))
    assert transformed == (faster == "winograd")


def test_the_faster_layout_is_kept_and_lanes_need_no_algorithms() -> None:
    net = network()
    tuning = net.tune(
        batch_size=BATCH, stopwatch=Scripted({"lanes": 1, "blocks": 2, "direct": 2, "winograd": 1})
    )
    assert tuning == tuning_of(net, layout="lanes")
    assert decision(described(net), None) == Decision(None, "lanes", Origin.TUNED)


def test_a_layout_that_is_far_slower_is_not_timed() -> None:
    net, stopwatch = network(), Scripted({"direct": 1, "winograd": 2})
    assert net.tune(batch_size=1, stopwatch=stopwatch).layout == "blocks"  # one image leaves lanes empty
    assert [candidate.choice for candidate in stopwatch.timed] == ["direct", "winograd"]


def test_tuning_again_replaces_only_what_was_tuned_for_the_same() -> None:
    net = network()
    slow, fast = {**FAST_BLOCKS, "direct": 1, "winograd": 2}, {**FAST_BLOCKS, "direct": 2, "winograd": 1}
    first = net.tune(batch_size=BATCH, stopwatch=Scripted(slow))
    single = net.tune(stopwatch=Scripted(slow))
    again = net.tune(batch_size=BATCH, stopwatch=Scripted(fast))
    assert first.workload == again.workload
    assert net.tunings == (single, again)


def test_a_batch_is_tuned_as_predict_compiles_it() -> None:
    net = network()
    seconds = {**FAST_BLOCKS, "direct": 1, "winograd": 2}
    assert net.tune(batch_size=9, stopwatch=Scripted(seconds)).batch_size == 16
    assert net.options(batch_size=16) == net.options(batch_size=9)
    assert net.options(batch_size=1000).capacity == net.options(batch_size=256).capacity == 256


OTHER_WORKLOADS: dict[str, dict[str, Any]] = {
    "purpose": {"purpose": "training"},
    "batch size": {"batch_size": BATCH * 2},
    "threads": {"threads": 1},
    "instruction set": {"instruction_set": "another"},
}


@pytest.mark.parametrize("case", OTHER_WORKLOADS)
def test_a_tuning_counts_for_its_own_workload_only(case: str) -> None:
    net = network()
    pairs = (("second", "winograd"),)
    net.tunings = (tuning_of(net, algorithms=pairs),)
    assert decision(described(net), "second") == Decision("second", "winograd", Origin.TUNED)
    net.tunings = (tuning_of(net, algorithms=pairs, **OTHER_WORKLOADS[case]),)
    assert {made.origin for made in described(net).decisions} == {Origin.CHOSEN}


def test_the_user_comes_before_what_was_measured() -> None:
    net = network()
    tunings = (tuning_of(net, algorithms=(("second", "winograd"), ("third", "winograd"))),)
    net.tunings = tunings
    schema = described(net, {"second": "direct"})
    assert decision(schema, "second") == Decision("second", "direct", Origin.FORCED)
    assert decision(schema, "third") == Decision("third", "winograd", Origin.TUNED)
    assert decision(described(net, precision="direct"), "third").choice == "direct"
    forced = NativeEngine(threads=2, instruction_set="generic", layout="lanes")
    decisions = forced.describe(net.graph, net.options(batch_size=BATCH)).decisions
    assert decisions[0] == Decision(None, "lanes", Origin.FORCED)
    assert {made.origin for made in decisions[1:]} == {Origin.CHOSEN}


def test_what_other_kernels_could_do_is_chosen_anew() -> None:
    net = network()
    net.tunings = (tuning_of(net, algorithms=(("wide", "winograd"), ("second", "winograd"))),)
    schema = described(net)
    assert decision(schema, "wide") == Decision("wide", "direct", Origin.CHOSEN)
    assert decision(schema, "second").origin is Origin.TUNED


def test_predict_follows_to_the_bits_of_the_forced_algorithm() -> None:
    net, images = network(), np.random.default_rng(7).normal(size=(BATCH, 1, 6, 6)).astype(np.float32)
    outputs = []
    for algorithm in CHOICES:
        pairs = (("second", algorithm), ("third", algorithm))
        net.tunings = (tuning_of(net, algorithms=pairs),)
        forced = CompileOptions(BATCH, Purpose.INFERENCE, algorithms=pairs)
        outputs.append(np.asarray(net.predict(images)))
        np.testing.assert_array_equal(outputs[-1], net.program(forced).forward(images)[0])
    assert not np.array_equal(outputs[0], outputs[1])


def test_training_follows_to_the_bits_of_the_forced_algorithm() -> None:
    weights = []
    for algorithm in CHOICES:
        pairs = {"second": algorithm, "third": algorithm}
        tuned, forced = network(), network()
        tuned.tunings = (tuning_of(tuned, purpose="training", algorithms=tuple(pairs.items())),)
        for model, algorithms in ((tuned, None), (forced, pairs)):
            data = blobs(images=2 * BATCH)
            pellucid.train(model, data, epochs=1, batch_size=BATCH, algorithms=algorithms, progress=False)
        weights.append(tuned.parameters["second.weight"])
        np.testing.assert_array_equal(weights[-1], forced.parameters["second.weight"])
    assert not np.array_equal(weights[0], weights[1])


def test_the_real_stopwatch_measures_a_network() -> None:
    net = network()
    tuning = net.tune(batch_size=2, training=True)
    assert tuning.workload == ("training", 2, "generic", 2)
    assert net.tunings == (tuning,)


def test_the_shortest_of_several_runs_counts_and_a_long_one_is_not_repeated() -> None:
    def clocked(durations: list[float]) -> tuple[float, int]:
        times = iter([time for start, length in enumerate(durations) for time in (start, start + length)])
        runs: list[int] = []
        seconds = shortest_run(Candidate((), "lanes"), lambda: runs.append(1), clock=lambda: next(times))
        return seconds, len(runs)

    tenth = ENOUGH_SECONDS / 8
    assert clocked([ENOUGH_SECONDS]) == (ENOUGH_SECONDS, 1)
    assert clocked([tenth * 4, tenth, tenth * 3]) == (tenth, 3)
    assert clocked([0.0] * MOST_RUNS) == (0.0, MOST_RUNS)


def test_an_engine_without_a_choice_says_so() -> None:
    net = Sequential(Flatten(), Linear(2), input_shape=(1, 2, 2), engine="reference")
    with pytest.raises(EngineError, match=r"the reference engine .* nothing to tune"):
        net.tune()
    with pytest.raises(EngineError, match="received an engine whose layout is forced"):
        network(NativeEngine(layout="blocks")).tune()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"algorithms": (("nowhere", "direct"),)}, "of the graph's convolutions, received 'nowhere'"),
        ({"algorithms": (("norm", "direct"),)}, "of the graph's convolutions, received 'norm'"),
        ({"algorithms": (("second", "direct"),) * 2}, "second: has one tuned algorithm, received 2"),
    ],
)
def test_a_tuning_of_another_graph_is_refused(changes: dict[str, Any], message: str) -> None:
    net = network()
    with pytest.raises(GraphError, match=message):
        net.tunings = (tuning_of(net, **changes),)
    assert net.tunings == ()


def test_a_workload_is_tuned_once() -> None:
    net = network()
    with pytest.raises(GraphError, match=r"a workload is tuned once, received two .* batches of 16, generic"):
        net.tunings = (tuning_of(net), tuning_of(net, layout="lanes"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"batch_size": 0}, "batch_size is at least 1, received 0"),
        ({"threads": 0}, "threads is at least 1, received 0"),
        ({"purpose": "trace"}, "purpose is one of inference, training, received 'trace'"),
        ({"layout": "rows"}, "layout is one of lanes, blocks, received 'rows'"),
        ({"algorithms": (("second", "fast"),)}, "second is one of direct, depthwise, winograd, received"),
        ({"layout": "lanes", "algorithms": (("second", "direct"),)}, "the layout 'lanes' has no algorithms"),
    ],
)
def test_a_tuning_that_cannot_be_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(LayerError, match=message):
        tuning_of(network(), **changes)
