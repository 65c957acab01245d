"""Check that no hot loop of a kernel keeps vectors on the stack: a compiler that runs out of registers halves
its speed without a word.

A hot loop is an innermost loop of a register block (a `...Block<...>`) with at least FEWEST_PRODUCTS fused
multiply-adds; the generic instruction set has none and is not looked at. A build that stops at warnings runs
it; by hand: `python native/spills.py build`.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FEWEST_PRODUCTS = 6

FUNCTION = re.compile(r"^[0-9a-f]+ <(?P<name>.*)>:$")
INSTRUCTION = re.compile(r"^\s*(?P<address>[0-9a-f]+):\s+(?P<text>.*?)\s*$")
JUMP = re.compile(r"^j[a-z]+\s+(?P<target>[0-9a-f]+)\b")
PRODUCT = re.compile(r"^vfn?madd[0-9]+ps\b")
STACK = r"-?(0x)?[0-9a-f]*\(%r[sb]p\)"
VECTOR_ON_STACK = re.compile(rf"{STACK}.*%[xyz]mm|%[xyz]mm.*{STACK}")


@dataclass(frozen=True)
class Instruction:
    """One line of a disassembly."""

    address: int
    text: str


@dataclass(frozen=True)
class Spill:
    """A hot loop that touches the stack."""

    file: Path
    function: str
    instruction: Instruction


def functions(listing: str) -> Iterator[tuple[str, list[Instruction]]]:
    """Names and instructions of a disassembly's functions."""
    name, body = "", list[Instruction]()
    for line in listing.splitlines():
        if start := FUNCTION.match(line):
            yield name, body
            name, body = start["name"], []
        elif found := INSTRUCTION.match(line):
            body.append(Instruction(int(found["address"], 16), found["text"]))
    yield name, body


def innermost_loops(body: list[Instruction]) -> Iterator[list[Instruction]]:
    """Runs of instructions from the target of a backward jump to the jump, none inside another."""
    places = {instruction.address: place for place, instruction in enumerate(body)}
    loops = []
    for place, instruction in enumerate(body):
        jump = JUMP.match(instruction.text)
        target = places.get(int(jump["target"], 16)) if jump else None
        if target is not None and target <= place:
            loops.append((target, place))
    for begin, end in loops:
        if not any(begin <= b and e <= end and (b, e) != (begin, end) for b, e in loops):
            yield body[begin : end + 1]


def disassembly(file: Path, objdump: str) -> str:
    """Of an object file, as `spills` reads it."""
    command = [objdump, "-d", "-C", "--no-show-raw-insn", str(file)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def spills(file: Path, listing: str) -> Iterator[Spill]:
    """The first stack access of every hot loop of a file's disassembly that has one."""
    for function, body in functions(listing):
        if "Block<" not in function:
            continue
        for loop in innermost_loops(body):
            if sum(bool(PRODUCT.match(instruction.text)) for instruction in loop) < FEWEST_PRODUCTS:
                continue
            for instruction in loop:
                if VECTOR_ON_STACK.search(instruction.text):
                    yield Spill(file, function, instruction)
                    break


def object_files(paths: list[Path]) -> Iterator[Path]:
    """The files, and those of the kernels below the folders."""
    for path in paths:
        yield from sorted(path.glob("**/kernels_*.dir/**/*.o")) if path.is_dir() else [path]


def main() -> int:
    """Print every spill; 1 if there is any, 2 if nothing was found to look at."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("paths", nargs="+", type=Path, help="object files, or folders that hold some")
    parser.add_argument("--objdump", default="objdump", help="the disassembler")
    arguments = parser.parse_args()
    files = list(object_files(arguments.paths))
    if not files:
        print("no compiled kernels there", file=sys.stderr)
        return 2
    found = [spill for file in files for spill in spills(file, disassembly(file, arguments.objdump))]
    for spill in found:
        print(f"error: {spill.file}: {spill.function}: {spill.instruction.text}")
    print(f"{len(found)} hot loops keep vectors on the stack, of {len(files)} files")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
