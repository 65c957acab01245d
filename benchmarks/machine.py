"""What the figures were measured on."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from pellucid.engines import native

VERSIONS = ("pellucid", "numpy", "torch", "onnxruntime", "openvino", "ncnn")


def available_cores() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0))


def busy_cores() -> float:
    """Cores that other work has kept busy in the last minute (the load average)."""
    return os.getloadavg()[0]


def describe_machine() -> str:
    """Processor, cores, instruction set and versions, in one line."""
    versions = ", ".join(f"{name} {found}" for name in VERSIONS if (found := _version(name)))
    return (
        f"{_processor()}, {available_cores()} cores, kernels {native.chosen_instruction_set()}; "
        f"{platform.system()} {platform.release()}, Python {platform.python_version()}, {versions}"
    )


def _version(package: str) -> str:
    """Of an installed package; empty where it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
