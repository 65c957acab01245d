"""The check of compiled loops, on disassemblies made up for it."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parent.parent / "native" / "spills.py"
HOT = "avx2::(anonymous namespace)::SumBlock<3, 4>::run(avx2::Arguments const&)"
PRODUCTS = ["vfmadd231ps (%rax),%ymm0,%ymm1"] * 6


@pytest.fixture(scope="module")
def checker() -> ModuleType:
    specification = importlib.util.spec_from_file_location("spills", SCRIPT)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules["spills"] = module
    specification.loader.exec_module(module)
    return module


def function(name: str, *instructions: str) -> str:
    """Four bytes an instruction; "jne N" jumps to the N-th."""
    lines = [f"0000000000000000 <{name}>:"]
    for place, instruction in enumerate(instructions):
        text = instruction
        if text.startswith("j"):
            mnemonic, target = text.split()
            text = f"{mnemonic}    {int(target) * 4:x} <{name}+0x{int(target) * 4:x}>"
        lines.append(f"  {place * 4:4x}:\t{text}")
    return "\n".join(lines) + "\n\n"


def found(checker: ModuleType, listing: str) -> list[str]:
    return [spill.instruction.text for spill in checker.spills(Path("x.o"), listing)]


@pytest.mark.parametrize(
    "access",
    [
        "vmovaps %ymm3,-0x20(%rsp)",
        "vmovaps 0x108(%rsp),%zmm3",
        "vfmadd213ps 0x48(%rsp),%zmm0,%zmm13",
        "vmovups %xmm1,-0x10(%rbp)",
    ],
)
def test_a_vector_on_the_stack_in_a_hot_loop_is_found(checker: ModuleType, access: str) -> None:
    assert found(checker, function(HOT, "push %rbp", *PRODUCTS, access, "jne 1", "ret")) == [access]


def test_a_loop_is_named_once_with_its_function(checker: ModuleType) -> None:
    access = "vmovaps %ymm3,-0x20(%rsp)"
    listing = function(HOT, *PRODUCTS, access, access, "jne 0") + function("other()", "ret")
    (spill,) = checker.spills(Path("x.o"), listing)
    assert (spill.file, spill.function, spill.instruction.address) == (Path("x.o"), HOT, 24)


@pytest.mark.parametrize(
    "instructions",
    [
        pytest.param([*PRODUCTS, "mov -0x8(%rsp),%rax", "jne 0"], id="an address"),
        pytest.param([*PRODUCTS, "vmovaps %ymm3,0x20(%rdi)", "jne 0"], id="an array"),
        pytest.param([*PRODUCTS[1:], "vmovaps %ymm3,(%rsp)", "jne 0"], id="few products"),
        pytest.param(["vmovaps %ymm3,(%rsp)", *PRODUCTS, "jne 1", "ret"], id="before the loop"),
        pytest.param(["vmovaps %ymm3,(%rsp)", *PRODUCTS, "jne 1", "jne 0"], id="around the inner loop"),
        pytest.param([*PRODUCTS, "vmovaps %ymm3,(%rsp)", "jne 8", "ret"], id="no loop"),
    ],
)
def test_what_costs_nothing_is_left_alone(checker: ModuleType, instructions: list[str]) -> None:
    assert found(checker, function(HOT, *instructions)) == []


def test_only_register_blocks_are_looked_at(checker: ModuleType) -> None:
    assert found(checker, function("avx2::pack()", *PRODUCTS, "vmovaps %ymm3,(%rsp)", "jne 0")) == []


def test_the_exit_status_says_what_was_found(tmp_path: Path) -> None:
    """By a disassembler that prints the file itself."""
    objdump = tmp_path / "objdump"
    objdump.write_text('#!/bin/sh\nfor last; do :; done\ncat "$last"\n')
    objdump.chmod(0o755)
    good, bad = tmp_path / "good.o", tmp_path / "kernels_avx2.dir" / "bad.o"
    bad.parent.mkdir()
    good.write_text(function(HOT, *PRODUCTS, "jne 0"))
    bad.write_text(function(HOT, *PRODUCTS, "vmovaps (%rsp),%ymm3", "jne 0"))

    def run(path: Path) -> tuple[int, str]:
        command = [sys.executable, str(SCRIPT), "--objdump", str(objdump), str(path)]
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
        return ended.returncode, ended.stdout + ended.stderr

    assert run(good) == (0, "0 hot loops keep vectors on the stack, of 1 files\n")
    status, printed = run(tmp_path)
    assert status == 1
    assert f"error: {bad}: {HOT}: vmovaps (%rsp),%ymm3" in printed
    empty = tmp_path / "empty"
    empty.mkdir()
    assert run(empty) == (2, "no compiled kernels there\n")
