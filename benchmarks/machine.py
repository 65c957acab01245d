"""What the figures were measured on."""

from __future__ import annotations

import os
import platform
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from pellucid.engines import native

CLOCK_TICKS = Path("/proc/stat")

VERSIONS = ("pellucid", "numpy", "torch", "onnxruntime", "openvino", "ncnn")


def available_cores() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0))


def busy_cores() -> float:
    """Cores that other work keeps busy: over a second where Linux tells, else over the last minute."""
    if not CLOCK_TICKS.exists():
        return os.getloadavg()[0]
    before = _idle_ticks()
    time.sleep(1)
    idle = (_idle_ticks() - before) / os.sysconf("SC_CLK_TCK")
    return max(0.0, (os.cpu_count() or 1) - idle)


def _idle_ticks() -> int:
    """Of all cores together since the machine was started: idle, and waiting for a disk."""
    fields = CLOCK_TICKS.read_text(encoding="ascii").split("\n", 1)[0].split()
    return int(fields[4]) + int(fields[5])


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
