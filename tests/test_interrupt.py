"""Ctrl-C: saved at the exact step, one line, status 130, and on to the same bits."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from training_cases import (
    CONVOLUTIONAL,
    ENGINES,
    EPOCH_STEPS,
    Recorder,
    blobs,
    network,
    same_parameters,
    without_times,
)

import pellucid
from pellucid.engines.engine import StepReport
from pellucid.training import Callback, EpochRecord, History, Run, TrainingInterruptedError, train
from pellucid.training.checkpoint import CHECKPOINT, MODEL, read_saved_run

DATA = blobs()


class PressCtrlC(Callback):
    """Sends SIGINT to this process at a step, or at the end of an epoch."""

    def __init__(self, *, step: int = -1, epoch: int = -1) -> None:
        self._step, self._epoch = step, epoch

    def steps(self, run: Run, report: StepReport) -> None:
        if run.step == self._step:
            os.kill(os.getpid(), signal.SIGINT)

    def epoch(self, run: Run, record: EpochRecord) -> None:
        if record.epoch == self._epoch:
            os.kill(os.getpid(), signal.SIGINT)


def run(net: pellucid.Model, output: Path | None, *callbacks: Callback, resume: bool = False) -> History:
    return train(
        net,
        DATA,
        epochs=3,
        output=output,
        resume=resume,
        checkpoint_every=None if resume or output is None else 1,  # so that every step ends a call
        progress=False,
        callbacks=callbacks,
    )


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("step", [1, EPOCH_STEPS, EPOCH_STEPS + 3])
def test_it_stops_after_that_step_and_goes_on_to_the_same_bits(
    tmp_path: Path, engine: str, step: int
) -> None:
    whole, broken, recorder = network(CONVOLUTIONAL, engine), network(CONVOLUTIONAL, engine), Recorder()
    history = run(whole, None)
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(TrainingInterruptedError) as caught:
        run(network(CONVOLUTIONAL, engine), tmp_path / "run", PressCtrlC(step=step), recorder)
    assert signal.getsignal(signal.SIGINT) is before
    assert recorder.events[-3:] == [("checkpoint", step), ("interrupted", step), ("end", step)]
    assert (caught.value.step, caught.value.output) == (step, str(tmp_path / "run"))
    epoch = (step - 1) // EPOCH_STEPS + 1
    assert str(caught.value) == (
        f"interrupted after step {step} of 21 (epoch {epoch} of 3); saved in {tmp_path / 'run'}; "
        "resume=True (on the command line --resume) goes on to the same bits"
    )
    assert read_saved_run(tmp_path / "run").step == step
    resumed = run(broken, tmp_path / "run", resume=True)
    assert same_parameters(whole, broken)
    assert without_times(resumed) == without_times(history)


def test_without_a_folder_the_model_holds_the_weights_so_far() -> None:
    net, first = network(), {name: array.copy() for name, array in network().parameters.items()}
    with pytest.raises(
        TrainingInterruptedError, match="nothing was saved, as there is no output folder"
    ) as caught:
        train(net, DATA, epochs=1000, progress=False, callbacks=[PressCtrlC(epoch=2)])
    assert caught.value.output is None
    assert caught.value.step >= 2 * EPOCH_STEPS
    assert (net.parameters["fc1.weight"] != first["fc1.weight"]).any()


def test_ctrl_c_after_the_last_step_is_not_swallowed(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        run(network(), tmp_path / "run", PressCtrlC(epoch=3))
    assert signal.getsignal(signal.SIGINT) is before
    assert read_saved_run(tmp_path / "run").step == 3 * EPOCH_STEPS


def test_a_second_ctrl_c_is_not_held_back(tmp_path: Path) -> None:
    class Impatient(Callback):
        def steps(self, run: Run, report: StepReport) -> None:
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        run(network(), tmp_path / "run", Impatient())
    assert read_saved_run(tmp_path / "run").step == 0


def test_outside_the_main_thread_nobody_touches_the_signal() -> None:
    before, seen = signal.getsignal(signal.SIGINT), []

    class Look(Callback):
        def epoch(self, run: Run, record: EpochRecord) -> None:
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=run, args=(network(), None, Look()))
    thread.start()
    thread.join()
    assert seen == [before] * 3


COMMAND = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # it is ignored where tests run in the background
from pellucid.cli.main import main
main()
"""


def test_the_command_exits_with_130_and_the_line_to_type(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    environment = {**os.environ, "PYTHONPATH": str(Path(pellucid.__file__).parent.parent)}
    arguments = [sys.executable, "-c", COMMAND, "train", "mlp", "--output", str(folder)]
    settings = ["--data", "digits", "--epochs", "2000", "--seed", "3", "--checkpoint-every", "50"]
    process = subprocess.Popen(
        [*arguments, *settings], env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    while process.poll() is None and not (folder / CHECKPOINT).exists():
        time.sleep(0.01)
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate()
    assert process.returncode == 130
    assert re.fullmatch(
        r"pellucid: interrupted after step [\d,]+ of 46,000 \(epoch \d+ of 2000\); saved in .*; "
        rf"go on to the same bits with: pellucid train mlp --output {re.escape(str(folder))} --resume\n",
        errors,
    )
    saved = read_saved_run(folder)
    assert f"step {saved.step:,} " in errors
    assert (folder / MODEL).exists()
    assert (saved.settings.epochs, saved.settings.seed) == (2000, 3)
    assert len(saved.history.epochs) == (saved.step - 1) // 23
