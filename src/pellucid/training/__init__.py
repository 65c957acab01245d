"""Training: the loop, what it measures, and what it leaves on the disk."""

from __future__ import annotations

from pellucid.training.callbacks import Callback
from pellucid.training.history import EpochRecord, History
from pellucid.training.interrupt import TrainingInterruptedError
from pellucid.training.loop import train
from pellucid.training.metrics import Evaluation, evaluate
from pellucid.training.perceptron import (
    PerceptronResult,
    linearly_separable,
    read_perceptron,
    store_perceptron,
    train_perceptron,
)
from pellucid.training.run import Run

__all__ = [
    "Callback",
    "EpochRecord",
    "Evaluation",
    "History",
    "PerceptronResult",
    "Run",
    "TrainingInterruptedError",
    "evaluate",
    "linearly_separable",
    "read_perceptron",
    "store_perceptron",
    "train",
    "train_perceptron",
]
