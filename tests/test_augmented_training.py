"""Training on augmented images: the same bits however a run is cut up, and the recipe says what was done."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from training_cases import (
    CONVOLUTIONAL,
    ENGINES,
    EPOCH_STEPS,
    MLP,
    RECIPE,
    CrashError,
    StopAt,
    blobs,
    network,
    same_parameters,
    without_times,
)

import pellucid
from pellucid.augmentation import Cutout, Flip, PadCrop, augmentations
from pellucid.engines.engine import Examples
from pellucid.errors import DataError, NonFiniteError
from pellucid.layers import Linear
from pellucid.model import Sequential
from pellucid.training import batches as batches_module
from pellucid.training import evaluate, train
from pellucid.training.augment import augmented
from pellucid.training.batches import Feed, epoch_order
from pellucid.training.checkpoint import MODEL, read_saved_run
from pellucid.training.inputs import TrainingData
from pellucid.training.settings import Settings

DATA = blobs()
AUGMENT = "pad-crop:1,flip,affine:10:0.1,elastic:3:2,cutout:2"


def settings(augment: str = AUGMENT, epochs: int = 3) -> Settings:
    recipe = replace(RECIPE, augmentations=augmentations(augment))
    return Settings("net", "", "blobs", len(DATA.train), 0, epochs, 4, recipe)


def training_data() -> TrainingData:
    return TrainingData("blobs", Examples(DATA.train.pixels, DATA.train.labels), picture_shape=(1, 6, 6))


# ---- the feed


@pytest.mark.parametrize("augment", ["none", AUGMENT])
@pytest.mark.parametrize("block", [1, 3, 1000])
@pytest.mark.parametrize(("start", "most"), [(0, 1), (0, 5), (0, 100), (9, 2), (20, 1)])
def test_every_step_reads_the_same_images_wherever_it_is_taken(
    monkeypatch: pytest.MonkeyPatch, augment: str, block: int, start: int, most: int
) -> None:
    monkeypatch.setattr(batches_module, "BLOCK_IMAGES", 8 * block)
    asked = settings(augment)
    with Feed(training_data(), asked) as feed:
        step = start
        while step < asked.total_steps:
            taken = feed.take(step, most)
            epoch, within = divmod(step, EPOCH_STEPS)
            assert 1 <= taken.steps <= min(most, EPOCH_STEPS - within)
            numbers = epoch_order(asked, epoch)[within * 8 : (within + taken.steps) * 8]
            images = augmented(asked.recipe.augmentations, DATA.train.pixels[numbers], numbers, 4, epoch)
            np.testing.assert_array_equal(taken.examples.images[taken.indices], images)
            np.testing.assert_array_equal(taken.examples.targets[taken.indices], DATA.train.labels[numbers])
            step += taken.steps


def test_a_step_may_be_taken_again_or_out_of_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches_module, "BLOCK_IMAGES", 16)
    with Feed(training_data(), settings()) as feed:
        seen = {}
        for step in (0, 0, 1, 9, 2, 9, 20, 0):
            taken = feed.take(step, 1)
            images = taken.examples.images[taken.indices].tobytes()
            assert seen.setdefault(step, images) == images
    assert len(set(seen.values())) == len(seen)


def test_the_threads_end_with_the_run() -> None:
    before = threading.active_count()
    train(network(), DATA, epochs=1, augment=AUGMENT, progress=False)
    assert threading.active_count() == before


def test_what_goes_wrong_ahead_of_time_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: object) -> None:
        raise MemoryError("no room")

    monkeypatch.setattr(batches_module, "augmented", fail)
    with pytest.raises(MemoryError, match="no room"):
        train(network(), DATA, epochs=1, augment="flip", progress=False)


# ---- training


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("stops", [(3, 17), (7, 14), (1, 20)])
def test_an_interrupted_run_ends_with_the_same_bits(
    tmp_path: Path, engine: str, stops: tuple[int, int]
) -> None:
    def run(output: str, stop: int | None = None, resume: bool = False) -> tuple[pellucid.Model, object]:
        net = network(CONVOLUTIONAL, engine)
        history = train(
            net,
            DATA,
            epochs=3,
            seed=4,
            augment=AUGMENT,
            output=tmp_path / output,
            resume=resume,
            checkpoint_every=3,
            progress=False,
            callbacks=[] if stop is None else [StopAt(stop)],
        )
        return net, without_times(history)

    whole, history = run("whole")
    for stop, resume in zip(stops, (False, True), strict=True):
        with pytest.raises(CrashError):
            run("broken", stop, resume)
    broken, resumed = run("broken", resume=True)
    same_parameters(whole, broken)
    assert resumed == history


@pytest.mark.parametrize("engine", ENGINES)
def test_blocks_do_not_matter(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    nets = []
    for images in (8, 24, 1024):
        monkeypatch.setattr(batches_module, "BLOCK_IMAGES", images)
        nets.append(network(CONVOLUTIONAL, engine))
        train(nets[-1], DATA, epochs=2, augment=AUGMENT, progress=False)
    for other in nets[1:]:
        same_parameters(nets[0], other)


def test_it_is_augmented_images_that_are_trained_on() -> None:
    """One step on images covered whole is one step on black ones."""
    black = (np.zeros_like(DATA.train.pixels), DATA.train.labels)
    covered, plain, none = network(MLP), network(MLP), network(MLP)
    train(covered, (DATA.train.pixels, DATA.train.labels), epochs=1, augment=Cutout(99), progress=False)
    train(plain, black, epochs=1, progress=False)
    train(none, (DATA.train.pixels, DATA.train.labels), epochs=1, progress=False)
    same_parameters(covered, plain)
    assert any(
        not np.array_equal(covered.parameters[name], none.parameters[name]) for name in none.parameters
    )


def test_held_out_images_are_not_augmented() -> None:
    net = network(MLP)
    history = train(net, DATA, epochs=1, augment=Cutout(99), progress=False)
    assert history.epochs[0].test_loss == evaluate(net, DATA.test).loss
    assert history.epochs[0].test_loss != pytest.approx(history.epochs[0].loss)


def test_images_that_become_vectors_are_augmented_as_pictures() -> None:
    flat = Sequential(Linear(3), input_shape=(36,), seed=1, engine="reference", recipe=RECIPE)
    whole = Sequential(
        pellucid.Flatten(), ("fc1", Linear(3)), input_shape=(1, 6, 6), seed=1, engine="reference"
    )
    for net in (flat, whole):
        net.recipe = RECIPE
        train(net, DATA, epochs=1, augment="pad-crop:1,flip", progress=False)
    for name in flat.parameters:
        np.testing.assert_array_equal(flat.parameters[name], whole.parameters[name])
    with pytest.raises(DataError, match=r"flip: expects pictures .*shape \(36,\)"):
        train(flat, (DATA.train.pixels.reshape(-1, 36), DATA.train.labels), augment="flip", progress=False)


def test_a_nan_is_found_in_the_augmented_batch() -> None:
    images = DATA.train.images
    images[5] = np.nan
    net = network(MLP)
    with pytest.raises(NonFiniteError, match="the images themselves hold a NaN"):
        train(net, (images, DATA.train.labels), epochs=1, augment="flip", progress=False)


# ---- the recipe


def test_the_recipe_keeps_what_was_done(tmp_path: Path) -> None:
    net = network()
    train(net, DATA, epochs=1, augment=[PadCrop(1), Flip()], output=tmp_path / "run", progress=False)
    assert net.recipe.augmentations == (PadCrop(1), Flip())
    assert pellucid.load(tmp_path / "run" / MODEL).recipe.augmentations == (PadCrop(1), Flip())
    assert read_saved_run(tmp_path / "run").settings.recipe.augmentations == (PadCrop(1), Flip())
    train(net, DATA, epochs=1, progress=False)
    assert net.recipe.augmentations == (PadCrop(1), Flip())
    train(net, DATA, epochs=1, augment="none", progress=False)
    assert net.recipe.augmentations == ()


def test_a_run_is_resumed_with_the_same_augmentation(tmp_path: Path) -> None:
    with pytest.raises(CrashError):
        train(
            network(),
            DATA,
            augment="flip",
            output=tmp_path,
            checkpoint_every=1,
            progress=False,
            callbacks=[StopAt(2)],
        )
    with pytest.raises(DataError, match=r"begun with augment = Flip\(probability=0.5\), not none"):
        train(network(), DATA, output=tmp_path, resume=True, progress=False)
