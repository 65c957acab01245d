"""Check that no hot loop of a kernel keeps vectors on the stack: a compiler that runs out of registers halves
its speed without a word.

A hot loop is an innermost loop of a register block (a `...Block<...>`) with at least FEWEST_PRODUCTS fused
multiply-adds; the generic instruction set has none and is not looked at. Run with the build folder:
`python native/spills.py BUILD`.
"""

from __future__ import annotations

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


def spills(file: Path) -> Iterator[Spill]:
    """The first stack access of every hot loop of an object file that has one."""
    command = ["objdump", "-d", "-C", "--no-show-raw-insn", str(file)]
    listing = subprocess.run(command, check=True, capture_output=True, text=True).stdout
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


def main(build: Path) -> int:
    """Print every spill below a build folder; 1 if there is any."""
    files = sorted(build.glob("CMakeFiles/kernels_*.dir/**/*.o"))
    if not files:
        print(f"{build}: holds no compiled kernels", file=sys.stderr)
        return 2
    found = [spill for file in files for spill in spills(file)]
    for spill in found:
        place = spill.file.relative_to(build / "CMakeFiles")
        print(f"{place}: {spill.function}: {spill.instruction.text}")
    print(f"{len(found)} hot loops keep vectors on the stack, of {len(files)} files")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
