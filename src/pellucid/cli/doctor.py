"""`pellucid doctor`."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import typer

from pellucid import __version__
from pellucid.data.mnist import MNIST, locate
from pellucid.errors import EngineError
from pellucid.storage import cache_folder


def doctor_command() -> None:
    """Print versions, processor, engine and folders."""
    for name, value in facts():
        typer.echo(f"{name + ' ':<18} {value}")


def facts() -> Iterator[tuple[str, str]]:
    """Names and values, in order."""
    yield "pellucid", __version__
    yield "Python", f"{platform.python_version()} ({platform.platform()})"
    yield "NumPy", np.__version__
    yield "processor", processor()
    yield "cores available", str(len(os.sched_getaffinity(0)))
    yield from engine_lines()
    variables = {name: value for name, value in sorted(os.environ.items()) if name.startswith("PELLUCID_")}
    yield from variables.items()
    if not variables:
        yield "PELLUCID_*", "none set"
    yield "cache", f"{cache_folder()}{'' if cache_folder().exists() else ' (not made yet)'}"
    place = locate(MNIST)
    yield "MNIST", str(place) if place else "not found; downloaded when first used"


def engine_lines() -> Iterator[tuple[str, str]]:
    """The native engine: how it was built, and what it runs on here."""
    try:
        from pellucid.engines import native
    except ImportError as error:
        yield "native engine", f"cannot be loaded: {error}"
        return
    yield "compiler", native.compiler_version()
    yield "processor has", " ".join(native.cpu_features())
    yield "instruction sets", " ".join(native.instruction_sets())
    try:
        yield "chosen", native.chosen_instruction_set()
        yield "threads", str(native.default_threads())
    except EngineError as error:
        yield "chosen", f"none: {error}"


def processor() -> str:
    """Its name, as the system gives it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
