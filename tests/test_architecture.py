"""The house keeps its shape: imports run downwards, modules stay small, x86 stays in its folder."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "pellucid"
NATIVE = ROOT / "native"

LEVELS = {
    "errors": 0,
    "storage": 1,
    "download": 2,
    "data": 3,
    "layers": 1,
    "graph": 2,
    "augmentation": 2,
    "objectives": 2,
    "optimizers": 2,
    "recipe": 3,
    "tuning": 3,
    "initialization": 3,
    "receptive_field": 3,
    "engines.schema": 3,
    "engines.engine": 4,
    "engines.loss_nodes": 4,
    "engines.reference": 5,
    "engines.native": 5,
    "engines.torch": 5,
    "engines": 6,
    "model": 7,
    "summary": 8,
    "formats": 8,
    "training": 9,
    "zoo": 9,
    "explain": 10,
    "plot": 11,
    "studio": 12,
    "notebook": 13,
    "estimator": 12,
    "cli": 13,
    "__main__": 14,
}
"""Rooms of DESIGN.md. A room imports itself and lower levels, never a neighbour on its own level.

"engines" alone is engines/__init__.py, whose `select` loads an engine by name.
"""

LEAVES = {"errors": set[str](), "storage": {"errors"}, "download": {"errors", "storage"}}
LEAVES["data"] = {"errors", "storage", "download"}
"""Rooms that know nothing of networks, and all they import."""

DELEGATIONS = {("model", "summary"), ("model", "formats"), ("model", "notebook"), ("training", "notebook")}
"""Model.summary, .save, .to_onnx and .explain, and History.show: one line each, imported when called."""

OUTSIDERS = {
    "torch": {"engines.torch", "formats.pytorch", "formats.weights"},
    "onnx": {"formats.onnx_import.text", "formats.onnx_export.writer"},
    "h5py": {"formats.keras.archive"},
    "starlette": {"studio", "notebook"},
    "uvicorn": {"studio"},
    "matplotlib": {"plot"},
    "typer": {"cli"},
    "safetensors": {"formats", "training"},
    "anywidget": {"notebook"},
    "nanobind": set[str](),
}
"""Packages that only these rooms or modules may import."""

MODULES = sorted(SOURCE.rglob("*.py"))


def module_name(path: Path) -> str:
    """ "graph", "engines.engine", "engines" for engines/__init__.py; "" for the package itself."""
    parts = path.relative_to(SOURCE).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def room(module: str) -> str:
    """The entry of LEVELS that a module lives in: the longest one that begins its name."""
    if module == "engines":
        return module
    parts = module.split(".")
    names = [".".join(parts[:length]) for length in range(len(parts), 0, -1)]
    found = [name for name in names if name in LEVELS and name != "engines"]
    assert found, f"{module} has no room: give it a level in LEVELS"
    return found[0]


def imports(source: str) -> Iterator[tuple[str, bool]]:
    """Every imported module or name, dotted, and whether it waits for a function call."""
    tree = ast.parse(source)
    functions = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
    waiting = {id(inner) for function in functions for inner in ast.walk(function)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, id(node) in waiting) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are written from the package's root"
            yield from ((f"{node.module}.{alias.name}", id(node) in waiting) for alias in node.names)


def own_module(imported: str) -> str | None:
    """The module of Pellucid that an import reaches, or None for other packages and `__version__`."""
    parts = imported.split(".")
    if parts[0] != "pellucid" or imported == "pellucid.__version__":
        return None
    known = {module_name(path) for path in MODULES}
    for length in range(len(parts), 1, -1):
        if ".".join(parts[1:length]) in known:
            return ".".join(parts[1:length])
    return ""


def import_violations(module: str, source: str) -> list[str]:
    """What a module imports against the direction of the house."""
    home, found = room(module), []
    for imported, waits in imports(source):
        package = imported.split(".")[0]
        if package in OUTSIDERS and not OUTSIDERS[package] & {module, home}:
            found.append(f"{module} imports {imported}")
        target_module = own_module(imported)
        if target_module is None:
            continue
        if target_module == "":
            found.append(f"{module} imports the package itself ({imported})")
            continue
        target = room(target_module)
        allowed = target == home or LEVELS[target] < LEVELS[home]
        if home in LEAVES:
            allowed = target == home or target in LEAVES[home]
        if not allowed and not (waits and (home, target) in DELEGATIONS):
            found.append(f"{module} imports {imported}")
    return found


@pytest.mark.parametrize("path", MODULES, ids=module_name)
def test_imports_run_downwards(path: Path) -> None:
    if module_name(path):  # the package itself only names what it serves
        assert import_violations(module_name(path), path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("layers.dense", "from pellucid.model import Model"),
        ("layers.dense", "def f():\n    from pellucid.graph import Graph"),
        ("engines.reference.dense", "from pellucid.engines.native import NativeEngine"),
        ("engines.native.plan", "from pellucid.engines import select"),
        ("engines.reference.dense", "import torch.nn"),
        ("data.mnist", "from pellucid.layers import Shape"),
        ("model", "from pellucid.summary import print_summary"),
        ("model", "def f():\n    from pellucid.training import train"),
        ("training.loop", "from pellucid.zoo import create"),
        ("zoo.lenet", "import pellucid"),
        ("zoo.lenet", "from pellucid import Sequential"),
    ],
)
def test_an_import_against_the_direction_is_found(module: str, source: str) -> None:
    assert len(import_violations(module, source)) == 1


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("layers.dense", "from pellucid.layers.layer import Shape"),
        ("engines", "def f():\n    from pellucid.engines.native import NativeEngine"),
        ("model", "def f():\n    from pellucid.formats.native_file import save"),
        ("training.loop", "from pellucid.data import Dataset"),
        ("formats.native_file", "from pellucid import __version__"),
        ("formats.pytorch", "def f():\n    import torch"),
    ],
)
def test_an_import_along_the_direction_is_allowed(module: str, source: str) -> None:
    assert import_violations(module, source) == []


def test_modules_stay_under_400_lines() -> None:
    lengths = {module_name(path): len(path.read_text(encoding="utf-8").splitlines()) for path in MODULES}
    assert {name: length for name, length in lengths.items() if length > 400} == {}


X86 = re.compile(
    r"#\s*include\s*<(\w*intrin|cpuid)\.h>"
    r"|\b_mm(\d+)?_|__builtin_ia32_"
    r'|\basm\s*(volatile)?\s*\(\s*"[^"]'  # an empty one only hides a value from the optimiser
)
KNOWS_X86 = re.compile(r"isa/.*")


def test_only_the_instruction_set_files_know_x86() -> None:
    files = [path for path in NATIVE.rglob("*") if path.suffix in {".cpp", ".h", ".inc"}]
    assert len(files) > 0
    strangers = [
        name
        for path in files
        if not KNOWS_X86.fullmatch(name := path.relative_to(NATIVE).as_posix())
        and X86.search(path.read_text(encoding="utf-8"))
    ]
    assert strangers == []


@pytest.mark.parametrize(
    "line",
    ["#include <immintrin.h>", "# include <xmmintrin.h>", "x = _mm256_add_ps(a, b);", "_mm_setcsr(0);"],
)
def test_an_x86_intrinsic_is_found(line: str) -> None:
    assert X86.search(line)
