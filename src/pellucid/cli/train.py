"""`pellucid train`."""

from __future__ import annotations

import shlex
from dataclasses import astuple, dataclass, replace
from pathlib import Path
from typing import Annotated

import typer

from pellucid import zoo
from pellucid.augmentation import AUGMENTATIONS
from pellucid.cli.common import (
    NETWORK_HELP,
    AlgorithmOption,
    Algorithms,
    DataOption,
    EngineOption,
    SeedOption,
    SkipBrokenOption,
    ThreadsOption,
    check_network,
    choose_engine,
    forced_algorithms,
    load_data,
    network_shape,
    open_network,
    short_name,
)
from pellucid.cli.perceptron import train_perceptron_network
from pellucid.data import Dataset
from pellucid.errors import DataError
from pellucid.explain import Recorder
from pellucid.model import Model
from pellucid.objectives import OBJECTIVES
from pellucid.optimizers import OPTIMIZERS, SCHEDULES, SGD, Adam, Optimizer
from pellucid.recipe import Recipe
from pellucid.training import History, TrainingInterruptedError, train
from pellucid.training.checkpoint import MODEL, SavedRun, read_saved_run
from pellucid.training.inputs import input_shape
from pellucid.training.settings import choose_recipe

EPOCHS = 10
"""Passes over the images unless told otherwise."""


@dataclass(frozen=True)
class RecipeOptions:
    """What a command line changes of a recipe; None keeps it."""

    batch_size: int | None
    learning_rate: float | None
    loss: str | None
    optimizer: str | None
    schedule: str | None
    weight_decay: float | None
    clip_norm: float | None
    augment: str | None

    @property
    def given(self) -> bool:
        """Whether anything is changed."""
        return any(value is not None for value in astuple(self))

    def applied(self, base: Recipe) -> Recipe:
        """The recipe with these changes."""
        recipe = choose_recipe(
            base,
            batch_size=self.batch_size,
            loss=self.loss,
            rule=self.optimizer,
            rates=self.schedule,
            learning_rate=self.learning_rate,
            augment=self.augment,
        )
        rule = _with_weight_decay(recipe.optimizer, self.weight_decay)
        if self.clip_norm is not None:
            rule = replace(rule, clip_norm=self.clip_norm)
        return replace(recipe, optimizer=rule)


@dataclass(frozen=True)
class Request:
    """What a command line asks for besides the recipe; None is left to the run or to the defaults."""

    network: str
    data: str | None
    epochs: int | None
    seed: int | None
    output: Path | None
    checkpoint_every: int | None
    engine: str | None
    threads: int | None
    algorithms: Algorithms
    skip_broken: bool = False
    validation: float | None = None
    record: bool = False

    @property
    def folder(self) -> Path:
        """Of the run."""
        name = f"{short_name(self.network)}-{Path(self.data or 'digits').name}"
        return self.output or Path("runs") / name


def train_command(
    network: Annotated[
        str, typer.Argument(metavar="NETWORK", help=f"{NETWORK_HELP} The zoo: {', '.join(zoo.names())}.")
    ],
    data: DataOption = None,
    skip_broken: SkipBrokenOption = False,
    validation: Annotated[
        float | None,
        typer.Option(
            "--validation",
            help="Share of the images to train on to hold out in place of the test images.",
        ),
    ] = None,
    epochs: Annotated[
        int | None, typer.Option("--epochs", min=1, help=f"Passes over the images; {EPOCHS} if left out.")
    ] = None,
    batch_size: Annotated[int | None, typer.Option("--batch-size", min=1, help="Images a step.")] = None,
    learning_rate: Annotated[float | None, typer.Option("--learning-rate", help="Of the schedule.")] = None,
    loss: Annotated[str | None, typer.Option("--loss", help=f"{', '.join(OBJECTIVES)}.")] = None,
    optimizer: Annotated[str | None, typer.Option("--optimizer", help=f"{', '.join(OPTIMIZERS)}.")] = None,
    schedule: Annotated[str | None, typer.Option("--schedule", help=f"{', '.join(SCHEDULES)}.")] = None,
    weight_decay: Annotated[float | None, typer.Option("--weight-decay", help="Of the optimiser.")] = None,
    clip_norm: Annotated[
        float | None, typer.Option("--clip-norm", help="Longest gradient that is used as it is.")
    ] = None,
    augment: Annotated[
        str | None,
        typer.Option(
            "--augment",
            metavar="WORDS",
            help=f"Random changes to the images, for example pad-crop:4,flip; {', '.join(AUGMENTATIONS)}.",
        ),
    ] = None,
    seed: SeedOption = None,
    output: Annotated[
        Path | None, typer.Option("--output", help="Folder of the run; runs/NETWORK-DATA if left out.")
    ] = None,
    checkpoint_every: Annotated[
        int | None, typer.Option("--checkpoint-every", min=1, help="Steps; an epoch if left out.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the run in the folder.")] = False,
    record: Annotated[
        bool, typer.Option("--record", help="Keep moments of the run, from which the network comes back.")
    ] = False,
    classes: Annotated[
        str | None, typer.Option("--classes", help="For the perceptron: A,B, learned as -1 and +1.")
    ] = None,
    engine: EngineOption = None,
    algorithm: AlgorithmOption = None,
    tune: Annotated[
        bool, typer.Option("--tune", help="Time layouts and algorithms first; the model keeps the choice.")
    ] = False,
    threads: ThreadsOption = None,
) -> None:
    """Train a network.

    The run's folder receives model.pellucid, history.json and a checkpoint to resume from. What is left out
    comes from the network's own recipe, or with --resume from the run itself.
    """
    check_network(network)
    forced = forced_algorithms(algorithm)
    request = Request(
        network,
        data,
        epochs,
        seed,
        output,
        checkpoint_every,
        engine,
        threads,
        forced,
        skip_broken,
        validation,
        record,
    )
    options = RecipeOptions(
        batch_size, learning_rate, loss, optimizer, schedule, weight_decay, clip_norm, augment
    )
    if network != "perceptron":
        if classes is not None:
            raise DataError(
                f"--classes is for the perceptron, which separates two; {network} learns them all"
            )
        _train(request, options, resume=resume, tune=tune)
        return
    if resume or checkpoint_every or options.given or forced or tune or record or validation is not None:
        raise DataError(
            "perceptron: Rosenblatt's rule takes --data, --classes, --epochs, --seed and --output only"
        )
    dataset = load_data(data or "digits", seed or 0, skip_broken=skip_broken)
    train_perceptron_network(dataset, classes, epochs, request.folder, choose_engine(engine, threads))


def _train(request: Request, options: RecipeOptions, *, resume: bool, tune: bool) -> None:
    saved = read_saved_run(request.folder) if resume else None
    request = _completed(request, saved)
    seed = request.seed or 0
    dataset, model = _opened(request, seed)
    recipe = options.applied(saved.settings.recipe if saved else model.recipe)
    try:
        history = train(
            model,
            dataset,
            epochs=request.epochs or EPOCHS,
            batch_size=recipe.batch_size,
            loss=recipe.objective,
            optimizer=recipe.optimizer,
            schedule=recipe.schedule,
            augment=recipe.augmentations,
            algorithms=dict(request.algorithms),
            tune=tune,
            seed=seed,
            output=request.folder,
            resume=resume,
            checkpoint_every=request.checkpoint_every,
            callbacks=_recorder(request, resume=resume),
        )
    except TrainingInterruptedError as interruption:
        raise _with_command(interruption, request) from None
    typer.echo(_closing_line(history, len(dataset.test), request.folder / MODEL))


def _recorder(request: Request, *, resume: bool) -> tuple[Recorder, ...]:
    """What keeps moments of the run, if asked for; a resumed run goes on with those that it has."""
    folder = request.folder / "recording"
    begun = resume and folder.is_dir()
    return (Recorder(folder),) if request.record or begun else ()


def _opened(request: Request, seed: int) -> tuple[Dataset, Model]:
    """The data set as the network reads it, and the network with as many classes."""
    engine = choose_engine(request.engine, request.threads)
    shape = network_shape(request.network)
    model = open_network(request.network, engine) if shape is None else None
    dataset = load_data(
        request.data or "digits",
        seed,
        input_shape=input_shape(model) if model else shape,
        skip_broken=request.skip_broken,
    )
    if request.validation is not None:
        dataset = dataset.with_validation(request.validation, seed)
    if model is None:
        model = open_network(request.network, engine, classes=len(dataset.class_names), seed=seed)
    return dataset, model


def _completed(request: Request, saved: SavedRun | None) -> Request:
    """The request with what is left out taken from the run to resume."""
    if saved is None:
        return request
    settings, engine = saved.settings, saved.engine
    same_engine = request.engine in (None, engine.name)
    return replace(
        request,
        output=request.folder,  # before data is filled in, which the default folder follows from
        data=request.data or settings.data,
        epochs=request.epochs or settings.epochs,
        seed=settings.seed if request.seed is None else request.seed,
        engine=request.engine or engine.name,
        threads=request.threads or (engine.threads if same_engine and engine.name == "native" else None),
        algorithms=request.algorithms or settings.algorithms,
    )


def _with_weight_decay(rule: Optimizer, weight_decay: float | None) -> Optimizer:
    if weight_decay is None:
        return rule
    if not isinstance(rule, SGD | Adam):
        raise DataError(f"--weight-decay: {type(rule).__name__} has none")
    return replace(rule, weight_decay=weight_decay)


def _with_command(interruption: TrainingInterruptedError, request: Request) -> TrainingInterruptedError:
    words = ["pellucid", "train", request.network, "--output", str(request.folder), "--resume"]
    if request.skip_broken:
        words.append("--skip-broken")
    if request.validation is not None:
        words += ["--validation", str(request.validation)]
    return TrainingInterruptedError(
        f"{interruption.where}; saved in {request.folder}; go on to the same bits with: {shlex.join(words)}",
        where=interruption.where,
        step=interruption.step,
        output=interruption.output,
    )


def _closing_line(history: History, held_out: int, path: Path) -> str:
    last = history.epochs[-1]
    accuracy = "" if last.test_accuracy is None else f"{last.test_accuracy:.2%}"
    return (
        f"accuracy {accuracy} on {held_out:,} held-out images; trained {history.seconds:.1f} s at "
        f"{history.images_per_second:,.0f} images/s; model in {path}"
    )
