"""A tuning stays with its model: in files, in runs that were cut off, and on the command line."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from cli_cases import Run
from training_cases import EPOCH_STEPS, CrashError, StopAt, blobs, same_parameters

import pellucid
from pellucid.engines.native import NativeEngine
from pellucid.engines.schema import Origin
from pellucid.layers import Conv2d, Flatten, Linear, ReLU
from pellucid.model import Model, Sequential
from pellucid.recipe import Recipe
from pellucid.training.checkpoint import MODEL, read_saved_run
from pellucid.tuning import Algorithm, Tuning

BATCH = 8

CHOICES: tuple[Algorithm, ...] = ("direct", "winograd")
"""Of its convolutions."""


def network() -> Model:
    return Sequential(
        Conv2d(16, 3, padding=1),
        ReLU(),
        Conv2d(16, 3, padding=1),
        Flatten(),
        Linear(3),
        input_shape=(1, 6, 6),
        engine=NativeEngine(threads=2, instruction_set="generic"),
        recipe=Recipe(batch_size=BATCH),
        name="small",
    )


def tuned_network(algorithm: Algorithm) -> Model:
    net = network()
    net.tunings = (Tuning("training", BATCH, "generic", 2, "blocks", (("conv2", algorithm),)),)
    return net


# ---- files


def test_a_tuning_comes_back_with_its_model(tmp_path: Path) -> None:
    net = tuned_network("winograd")
    net.tunings = (*net.tunings, Tuning("inference", 1, "avx512", 4, "lanes"))
    net.save(tmp_path / "net.pellucid")
    again = pellucid.load(tmp_path / "net.pellucid", engine=net.engine)
    assert again.tunings == net.tunings
    schema = again.engine.describe(again.graph, again.options(training=True))
    assert [made.origin for made in schema.decisions] == [Origin.TUNED, Origin.CHOSEN, Origin.TUNED]
    again.save(tmp_path / "again.pellucid")
    assert (tmp_path / "again.pellucid").read_bytes() == (tmp_path / "net.pellucid").read_bytes()


def test_a_model_that_was_not_tuned_is_written_as_ever(tmp_path: Path) -> None:
    network().save(tmp_path / "net.pellucid")
    assert b"tunings" not in (tmp_path / "net.pellucid").read_bytes()
    assert pellucid.load(tmp_path / "net.pellucid", engine="reference").tunings == ()


# ---- runs


@pytest.mark.parametrize("algorithm", CHOICES)
def test_a_resumed_run_goes_on_as_it_was_tuned(tmp_path: Path, algorithm: Algorithm) -> None:
    whole = tuned_network(algorithm)
    pellucid.train(whole, blobs(), epochs=2, progress=False)
    cut = tuned_network(algorithm)
    with pytest.raises(CrashError):
        pellucid.train(
            cut,
            blobs(),
            epochs=2,
            output=tmp_path / "run",
            checkpoint_every=1,
            callbacks=[StopAt(EPOCH_STEPS + 2)],
            progress=False,
        )
    assert read_saved_run(tmp_path / "run").tunings == whole.tunings
    fresh = network()
    pellucid.train(fresh, blobs(), epochs=2, output=tmp_path / "run", resume=True, progress=False)
    assert same_parameters(fresh, whole)
    assert fresh.tunings == pellucid.load(tmp_path / "run" / MODEL).tunings == whole.tunings


def test_the_algorithms_differ_in_the_last_bits() -> None:
    trained = [tuned_network(algorithm) for algorithm in CHOICES]
    for net in trained:
        pellucid.train(net, blobs(), epochs=1, progress=False)
    weights = [net.parameters["conv2.weight"] for net in trained]
    assert not np.array_equal(weights[0], weights[1])
    np.testing.assert_allclose(weights[0], weights[1], rtol=1e-2, atol=1e-3)


def test_a_run_is_tuned_before_it_begins(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    net = network()
    pellucid.train(net, blobs(), epochs=1, batch_size=16, tune=True, output=tmp_path / "run")
    (tuning,) = net.tunings
    assert tuning.workload == ("training", 16, "generic", 2)
    assert f"tuned for {tuning}: {tuning.layout}" in capsys.readouterr().out
    assert read_saved_run(tmp_path / "run").tunings == net.tunings


def test_a_batch_of_all_images_is_what_is_tuned_for() -> None:
    net = network()
    pellucid.train(net, blobs(images=5), epochs=1, tune=True, progress=False)
    assert net.tunings[0].batch_size == 5


def test_forced_algorithms_belong_to_a_run(tmp_path: Path) -> None:
    net = network()
    forced = {"conv2": "winograd"}
    pellucid.train(net, blobs(), epochs=1, algorithms=forced, output=tmp_path / "run", progress=False)
    assert read_saved_run(tmp_path / "run").settings.algorithms == (("conv2", "winograd"),)
    with pytest.raises(pellucid.errors.DataError, match="begun with algorithms = conv2=winograd, not none"):
        pellucid.train(network(), blobs(), epochs=1, output=tmp_path / "run", resume=True, progress=False)


# ---- the command line


def test_a_plan_shows_forced_algorithms(pellucid_command: Run) -> None:
    forced = ("--algorithm", "unit1_1_conv1=direct", "--algorithm", "unit3_3_conv2=winograd")
    status, output, errors = pellucid_command("summary", "resnet20", "--plan", *forced)
    assert (status, errors) == (0, "")
    assert re.search(r"unit1_1_conv1 +direct +forced", output)
    assert re.search(r"unit3_3_conv2 +winograd +forced", output)
    assert re.search(r"conv1 +direct +chosen", output)
    assert "layout blocks, forced" in output


def test_tuning_prints_what_it_timed_and_stores_it_on_request(pellucid_command: Run, tmp_path: Path) -> None:
    network().save(tmp_path / "net.pellucid")
    plan = ("--plan", "--threads", 1, "--batch-size", 3)
    status, output, errors = pellucid_command("summary", "net.pellucid", *plan, "--tune")
    assert (status, errors) == (0, "")
    for name in CHOICES:
        assert re.search(rf"conv2 +{name} +\d+\.\d\d\d", output)
    assert "not stored: --output FILE would keep it" in output
    assert re.search(r"layout \w+, tuned", output)
    assert pellucid.load("net.pellucid").tunings == ()
    status, output, _ = pellucid_command("summary", "net.pellucid", *plan, "--tune", "--output", "b.pellucid")
    (tuning,) = pellucid.load("b.pellucid").tunings
    assert (status, tuning.batch_size, tuning.threads) == (0, 4, 1)
    assert f"tuned for {tuning}; stored in b.pellucid" in output
    status, output, _ = pellucid_command("summary", "b.pellucid", *plan)
    assert f"layout {tuning.layout}, tuned" in output
    for node, tuned in tuning.algorithms:
        assert re.search(rf"{node} +{tuned} +tuned", output)
    assert "tuned" not in pellucid_command("summary", "b.pellucid", "--plan", "--threads", 2)[1]


def test_train_tunes_forces_and_resumes(pellucid_command: Run, tmp_path: Path) -> None:
    Sequential(
        Conv2d(16, 3, padding=1),
        Conv2d(16, 3, padding=1, stride=2),
        Conv2d(16, 3, padding=1),
        Flatten(),
        Linear(10),
        input_shape=(1, 8, 8),
        name="small",
    ).save(tmp_path / "net.pellucid")
    options = ("--epochs", 1, "--output", "run", "--threads", 1)
    status, output, errors = pellucid_command(
        "train", "net.pellucid", *options, "--tune", "--algorithm", "conv3=direct"
    )
    assert (status, errors) == (0, "")
    assert output.startswith("tuned for training, batches of 64, ")
    saved = read_saved_run("run")
    assert saved.settings.algorithms == (("conv3", "direct"),)
    assert pellucid.load("run/model.pellucid").tunings == saved.tunings
    assert [tuning.purpose for tuning in saved.tunings] == ["training"]
    status, output, errors = pellucid_command("train", "net.pellucid", "--output", "run", "--resume")
    assert (status, errors) == (0, "")
    status, output, errors = pellucid_command(
        "train", "net.pellucid", "--output", "run", "--resume", "--algorithm", "conv3=winograd"
    )
    assert (status, output) == (2, "")
    assert "was begun with algorithms = conv3=direct, not conv3=winograd" in errors
