"""Checkpoints: a run that was cut off goes on to the bits of one that never was."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file
from training_cases import (
    CONVOLUTIONAL,
    ENGINES,
    EPOCH_STEPS,
    MLP,
    RECIPE,
    CrashError,
    Recorder,
    StopAt,
    blobs,
    network,
    same_parameters,
    without_times,
)

import pellucid
from pellucid.engines.native import NativeEngine
from pellucid.errors import DataError, FormatError
from pellucid.formats.descriptions import describe
from pellucid.layers import Flatten, Layer, Linear
from pellucid.model import Model
from pellucid.optimizers import SGD, AdamW, Constant
from pellucid.training import History, train
from pellucid.training.checkpoint import CHECKPOINT, HISTORY, MODEL, read_saved_run
from pellucid.tuning import Tuning

DATA = blobs()


def run(
    net: Model,
    output: Path | None,
    *,
    stop: int | None = None,
    resume: bool = False,
    every: int | None = None,
) -> History:
    callbacks = [] if stop is None else [StopAt(stop)]
    return train(
        net,
        DATA,
        epochs=3,
        seed=4,
        output=output,
        resume=resume,
        checkpoint_every=every,
        progress=False,
        callbacks=callbacks,
    )


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("layers", [MLP, CONVOLUTIONAL], ids=["mlp", "batch norm and dropout"])
@pytest.mark.parametrize("rule", [SGD(momentum=0.9, weight_decay=0.01), AdamW()], ids=["sgd", "adamw"])
def test_a_run_that_crashed_twice_ends_with_the_same_bits(
    tmp_path: Path, engine: str, layers: tuple[Layer, ...], rule: pellucid.Optimizer
) -> None:
    seed = random.SystemRandom().randrange(10**6)
    print("stops drawn by seed", seed)
    first, second = sorted(random.Random(seed).sample(range(1, 3 * EPOCH_STEPS), 2))
    recipe = replace(RECIPE, optimizer=rule)
    whole, broken = (network(layers, engine, recipe) for _ in range(2))
    history = run(whole, None)
    for stop, resume in ((first, False), (second, True)):
        with pytest.raises(CrashError):
            run(network(layers, engine, recipe), tmp_path / "broken", stop=stop, resume=resume, every=3)
    resumed = run(broken, tmp_path / "broken", resume=True)
    assert same_parameters(whole, broken)
    assert without_times(resumed) == without_times(history)


@pytest.mark.parametrize(
    "step",
    [
        1,
        2,
        EPOCH_STEPS - 1,
        EPOCH_STEPS,
        EPOCH_STEPS + 1,
        2 * EPOCH_STEPS,
        3 * EPOCH_STEPS - 1,
        3 * EPOCH_STEPS,
    ],
)
def test_it_can_stop_at_the_edges_of_epochs(tmp_path: Path, step: int) -> None:
    whole, broken = network(CONVOLUTIONAL), network(CONVOLUTIONAL)
    history = run(whole, None)
    with pytest.raises(CrashError):
        run(network(CONVOLUTIONAL), tmp_path / "broken", stop=step, every=1)
    assert read_saved_run(tmp_path / "broken").step == step - 1, "the crash came before its own checkpoint"
    resumed = run(broken, tmp_path / "broken", resume=True)
    assert same_parameters(whole, broken)
    assert without_times(resumed) == without_times(history)


SCRIPT = """
import sys
from pathlib import Path
from training_cases import CONVOLUTIONAL, blobs, network
from pellucid.training import train
folder, engine = Path(sys.argv[1]), sys.argv[2]
train(network(CONVOLUTIONAL, engine), blobs(), epochs=20, seed=4, output=folder,
      resume=(folder / "checkpoint.safetensors").exists(), checkpoint_every=1, progress=False)
"""


@pytest.mark.parametrize("engine", ENGINES)
def test_a_run_killed_at_random_moments_ends_with_the_same_bits(tmp_path: Path, engine: str) -> None:
    seed = random.SystemRandom().randrange(10**6)
    print("moments drawn by seed", seed)
    moments = random.Random(seed)
    folder, kills = tmp_path / "killed", 0
    paths = [str(Path(__file__).parent), str(Path(pellucid.__file__).parent.parent)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    command = [sys.executable, "-c", SCRIPT, str(folder), engine]
    for _ in range(3):
        process = subprocess.Popen(command, env=environment)
        before = step_reached(folder)
        while process.poll() is None and step_reached(folder) == before:
            time.sleep(0.005)
        time.sleep(moments.uniform(0, 0.1))
        process.kill()
        kills += process.wait() == -signal.SIGKILL
    assert kills > 0, "it was finished before any kill"
    assert 0 < step_reached(folder) < 20 * EPOCH_STEPS
    subprocess.run(command, env=environment, check=True)
    whole = network(CONVOLUTIONAL, engine)
    history = train(whole, DATA, epochs=20, seed=4, progress=False)
    assert same_parameters(whole, pellucid.load(folder / MODEL, engine=engine))
    saved = History.from_json(json.loads((folder / HISTORY).read_text()))
    assert without_times(saved) == without_times(history)


def step_reached(folder: Path) -> int:
    """Step of the checkpoint; 0 before there is one."""
    return read_saved_run(folder).step if (folder / CHECKPOINT).exists() else 0


# ---- what lies in the folder


def test_checkpoints_come_every_so_many_steps_and_at_the_end(tmp_path: Path) -> None:
    recorder = Recorder()
    options: dict[str, Any] = {"epochs": 2, "progress": False, "callbacks": [recorder]}
    train(network(), DATA, output=tmp_path / "run", checkpoint_every=4, **options)
    assert recorder.steps_of("checkpoint") == [0, 4, 8, 12, 14]


def test_the_folder_holds_the_model_the_history_and_the_checkpoint(tmp_path: Path) -> None:
    net = network()
    history = run(net, tmp_path / "run")
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == sorted([CHECKPOINT, MODEL, HISTORY])
    saved = pellucid.load(tmp_path / "run" / MODEL, engine="reference")
    assert same_parameters(net, saved)
    assert saved.recipe == net.recipe
    assert saved.class_names == ("a", "b", "c")
    assert History.from_json(json.loads((tmp_path / "run" / HISTORY).read_text())) == history
    tensors = load_file(tmp_path / "run" / CHECKPOINT)
    assert {name.split(":")[0] for name in tensors} == {"parameter", "slot"}
    assert np.array_equal(tensors["parameter:fc1.weight"], net.parameters["fc1.weight"])
    assert tensors["slot:velocity:fc1.weight"].any()


def test_a_checkpoint_says_what_the_run_was_asked_to_do(tmp_path: Path) -> None:
    run(network(engine="native"), tmp_path / "run")
    saved, engine = read_saved_run(tmp_path / "run"), NativeEngine()
    assert saved.step == 3 * EPOCH_STEPS
    assert (saved.settings.network, saved.settings.data) == ("tiny", "blobs")
    assert (saved.settings.images, saved.settings.epochs, saved.settings.seed) == (52, 3, 4)
    assert saved.settings.recipe == RECIPE
    assert (saved.engine.name, saved.engine.instruction_set) == ("native", engine.instruction_set)
    assert saved.engine.threads == engine.threads


def test_in_the_middle_of_an_epoch_the_history_ends_with_the_one_before(tmp_path: Path) -> None:
    with pytest.raises(CrashError):
        run(network(), tmp_path / "run", stop=11, every=1)
    saved = read_saved_run(tmp_path / "run")
    assert [record.epoch for record in saved.history.epochs] == [1]
    assert saved.step == 10
    assert saved.totals.images == (10 - EPOCH_STEPS) * 8


# ---- resuming


def test_a_finished_run_returns_its_history_and_mends_what_others_read(tmp_path: Path) -> None:
    net, again = network(), network()
    history = run(net, tmp_path / "run")
    (tmp_path / "run" / MODEL).unlink()
    recorder = Recorder()
    resumed = train(
        again,
        DATA,
        epochs=3,
        seed=4,
        output=tmp_path / "run",
        resume=True,
        progress=False,
        callbacks=[recorder],
    )
    assert resumed == history
    assert recorder.events == [("start", 3 * EPOCH_STEPS), ("end", 3 * EPOCH_STEPS)]
    assert same_parameters(net, again)
    assert same_parameters(net, pellucid.load(tmp_path / "run" / MODEL, engine="reference"))


def test_a_resumed_run_says_where_it_stands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(CrashError):
        run(network(), tmp_path / "run", stop=11, every=1)
    train(network(), DATA, epochs=3, seed=4, output=tmp_path / "run", resume=True)
    assert "going on after step 10 of 21 (epoch 2)" in capsys.readouterr().out
    train(network(), DATA, epochs=3, seed=4, output=tmp_path / "run", resume=True)
    assert "all 3 epochs are done" in capsys.readouterr().out


def test_going_on_on_another_engine_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(CrashError):
        run(network(), tmp_path / "run", stop=11, every=1)
    train(network(engine="native"), DATA, epochs=3, seed=4, output=tmp_path / "run", resume=True)
    assert "begun on reference, going on on native" in capsys.readouterr().out


def narrower() -> Model:
    return pellucid.Sequential(
        Flatten(), Linear(3), input_shape=(1, 6, 6), engine="reference", name="tiny", recipe=RECIPE
    )


OTHER_SETTINGS: dict[str, tuple[str, Callable[[], Model], pellucid.data.Dataset, dict[str, Any]]] = {
    "epochs": ("epochs = 3, not 5", network, DATA, {"epochs": 5}),
    "batch size": ("batch_size = 8, not 4", network, DATA, {"batch_size": 4}),
    "seed": ("seed = 4, not 9", network, DATA, {"seed": 9}),
    "schedule": (
        r"schedule = Cosine\(learning_rate=0.05.*, not Constant",
        network,
        DATA,
        {"schedule": Constant(1.0)},
    ),
    "loss": (r"loss = CrossEntropy\(.*not SquaredError", network, DATA, {"loss": "squared_error"}),
    "algorithms": (
        "algorithms = none, not conv1=direct",
        network,
        DATA,
        {"algorithms": {"conv1": "direct"}},
    ),
    "optimizer": (r"optimizer = SGD\(.*momentum=0.9.*, not AdamW", network, DATA, {"optimizer": "adamw"}),
    "network": (r"network = tiny \(description .*\), not tiny", narrower, DATA, {}),
    "number of images": (r"data = blobs \(52 images, .*, not blobs \(40", network, blobs(images=40), {}),
    "images": (r"data = blobs \(52 images, .*, not blobs \(52", network, blobs(seed=8), {}),
}  # fmt: skip


@pytest.mark.parametrize("case", OTHER_SETTINGS)
def test_other_settings_are_refused_by_name(tmp_path: Path, case: str) -> None:
    text, build, data, changes = OTHER_SETTINGS[case]
    run(network(), tmp_path / "run")
    before = (tmp_path / "run" / CHECKPOINT).read_bytes()
    settings: dict[str, Any] = {"epochs": 3, "seed": 4, **changes}
    with pytest.raises(DataError, match=f"begun with {text}"):
        train(build(), data, output=tmp_path / "run", resume=True, progress=False, **settings)
    assert (tmp_path / "run" / CHECKPOINT).read_bytes() == before


def test_a_folder_that_holds_a_run_is_not_begun_anew(tmp_path: Path) -> None:
    run(network(), tmp_path / "run")
    before = (tmp_path / "run" / CHECKPOINT).read_bytes()
    with pytest.raises(
        DataError, match=r"holds a run already; resume it \(--resume\) or name another folder"
    ):
        run(network(), tmp_path / "run")
    assert (tmp_path / "run" / CHECKPOINT).read_bytes() == before


def test_a_folder_without_a_run_cannot_be_resumed(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no run to resume"):
        run(network(), tmp_path / "run", resume=True)
    assert not (tmp_path / "run").exists()


def test_a_folder_that_cannot_be_written_is_found_out_before_training(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    recorder = Recorder()
    with pytest.raises(DataError, match="cannot write"):
        train(network(), DATA, output=tmp_path / "file" / "run", progress=False, callbacks=[recorder])
    assert recorder.events == []


# ---- damage


def rewritten(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Change the JSON object of a checkpoint."""
    with safe_open(path, "numpy") as file:
        state = json.loads(file.metadata()["pellucid"])
    change(state)
    save_file(load_file(path), path, {"pellucid": json.dumps(state)})


def flipped(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(content)


TUNING = describe(Tuning("training", 8, "generic", 2, "blocks"))

DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "cut short": (lambda path: path.write_bytes(path.read_bytes()[:-9]), "not a checkpoint"),
    "empty": (lambda path: path.write_bytes(b""), "not a checkpoint"),
    "another file": (lambda path: path.write_bytes(b"GIF89a" * 20), "not a checkpoint"),
    "without a description": (lambda path: save_file(load_file(path), path), "not a checkpoint"),
    "a flipped bit": (flipped, "damaged, its checksum differs"),
    "another version": (
        lambda path: rewritten(path, lambda state: state.update(version=2)),
        "version 1 are read, received 2",
    ),
    "a step too far": (
        lambda path: rewritten(path, lambda state: state.update(step=22)),
        "step 22 does not belong to its 3 epochs",
    ),
    "a tuning of another graph": (
        lambda path: rewritten(
            path, lambda state: state.update(tunings=[{**TUNING, "algorithms": [["x", "direct"]]}])
        ),
        "checkpoint.safetensors: tuned algorithms are of the graph's convolutions, received 'x'",
    ),
    "a tuning of no layout": (
        lambda path: rewritten(path, lambda state: state.update(tunings=[{**TUNING, "layout": ""}])),
        "checkpoint.safetensors: Tuning: layout is .*, received ''",
    ),
    "tunings that are no list": (
        lambda path: rewritten(path, lambda state: state.update(tunings=1)),
        "not as Pellucid writes it",
    ),
    "no settings": (lambda path: rewritten(path, lambda state: state.pop("settings")), "settings"),
    "an unknown optimiser": (
        lambda path: rewritten(path, lambda state: state["settings"]["recipe"]["optimizer"].update(type="x")),
        "unknown optimizer 'x'",
    ),
    "a missing array": (
        lambda path: save_file(
            {name: array for name, array in load_file(path).items() if name != "parameter:fc1.bias"},
            path,
            metadata(path),
        ),
        r"expects parameter:fc1.bias as \('F32', \(8,\)\), received None",
    ),
    "an array of another shape": (
        lambda path: save_file(
            {**load_file(path), "parameter:fc1.bias": np.zeros(9, np.float32)}, path, metadata(path)
        ),
        r"received \('F32', \(9,\)\)",
    ),
}


def metadata(path: Path) -> dict[str, str]:
    with safe_open(path, "numpy") as file:
        return dict(file.metadata())


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_checkpoint_is_a_format_error(tmp_path: Path, damage: str) -> None:
    spoil, text = DAMAGES[damage]
    run(network(), tmp_path / "run")
    spoil(tmp_path / "run" / CHECKPOINT)
    with pytest.raises(FormatError, match=text) as caught:
        run(network(), tmp_path / "run", resume=True)
    assert "\n" not in str(caught.value)
