"""Run the native engine's tests under AddressSanitizer with UndefinedBehaviorSanitizer, then ThreadSanitizer.

Each builds the package into a folder of its own below build/, so the installed one stays as it is.
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

WITHOUT_EDITABLE = """
import sys
sys.meta_path[:] = [finder for finder in sys.meta_path if "editable" not in type(finder).__module__]
"""
"""An editable install is found before any folder, so it steps aside first: when Python starts, in the tests'
own processes too."""

RUN = """
import sys
import pellucid.engines.native._native as native, pytest
assert native.__file__.startswith(sys.argv[1]), native.__file__
sys.exit(pytest.main(sys.argv[2:]))
"""


@dataclass(frozen=True)
class Sanitizer:
    """What to compile with, which library must be loaded first, and what to run.

    Attributes:
        name: of its folder.
        flags: of -fsanitize.
        libraries: of the compiler, loaded before Python.
        options: of the environment: stop at the first finding. Python keeps memory until the end, so leaks
            are not looked for; tests fork; and NumPy's threads, which nobody compiled for this, stay away.
        tests: files below tests/.
    """

    name: str
    flags: str
    libraries: tuple[str, ...]
    options: dict[str, str]
    tests: tuple[str, ...]


SANITIZERS = (
    Sanitizer(
        "address",
        "address,undefined",
        ("libasan.so", "libubsan.so"),
        {"ASAN_OPTIONS": "detect_leaks=0", "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1"},
        (
            "test_native_layers.py",
            "test_native_plan.py",
            "test_native_program.py",
            "test_native_blocks.py",
            "test_native_chains.py",
            "test_native_depthwise.py",
            "test_native_filtering.py",
            "test_native_winograd.py",
            "test_native_rounds.py",
        ),
    ),
    Sanitizer(
        "thread",
        "thread",
        ("libtsan.so",),
        {"TSAN_OPTIONS": "halt_on_error=1:die_after_fork=0", "OPENBLAS_NUM_THREADS": "1"},
        ("test_native_program.py", "test_native_blocks.py", "test_native_bits.py", "test_native_rounds.py"),
    ),
)


def build(sanitizer: Sanitizer) -> Path:
    """The package, compiled for a sanitizer, in a folder."""
    base = ROOT / "build" / f"sanitize-{sanitizer.name}"
    folder = base / "package"
    settings = {
        "build-dir": str(base / "cmake"),
        "cmake.build-type": "RelWithDebInfo",
        "cmake.define.PELLUCID_SANITIZER": sanitizer.flags,
    }
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    install += ["--no-build-isolation", "--upgrade", "--target", str(folder)]
    install += [f"--config-settings={name}={value}" for name, value in settings.items()]
    subprocess.run([*install, str(ROOT)], check=True)
    (folder / "sitecustomize.py").write_text(WITHOUT_EDITABLE, encoding="utf-8")
    return folder


def check(sanitizer: Sanitizer) -> int:
    """Build and test; the exit status of the tests."""
    folder = build(sanitizer)
    compiler = os.environ.get("CXX", "c++")
    libraries = [
        subprocess.run(
            [compiler, f"-print-file-name={library}"], check=True, capture_output=True, text=True
        ).stdout.strip()
        for library in sanitizer.libraries
    ]
    paths = {"LD_PRELOAD": " ".join(libraries), "PYTHONPATH": str(folder)}
    environment = {**os.environ, **sanitizer.options, **paths}
    tests = [str(ROOT / "tests" / name) for name in sanitizer.tests]
    command = [sys.executable, "-c", RUN, str(folder), "-q", "-x", *tests]
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(max(check(sanitizer) for sanitizer in SANITIZERS))
