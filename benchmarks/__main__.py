"""The runner: `python -m benchmarks [CASE...] [--json FILE] [--repeats N]`."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from benchmarks.augmentation import AUGMENTED_CASES, augmented_training
from benchmarks.explanation import EXPLANATION_CASES, explanation
from benchmarks.import_time import first_network_time, import_time
from benchmarks.inference import INFERENCE_CASES, inference
from benchmarks.install_size import install_size
from benchmarks.machine import busy_cores, describe_machine
from benchmarks.measurement import DisagreementError, NotMeasured, Outcome, Row
from benchmarks.mnist_to_99 import mnist_to_99
from benchmarks.pictures import reading_pictures
from benchmarks.roofline import ROOFLINE_CASES, roofline
from benchmarks.studio import STUDIO_CASES, studio_case
from benchmarks.tracing import TRACING_CASES, tracing
from benchmarks.training import TASKS, threads_case, training
from benchmarks.training_memory import training_memory
from pellucid.errors import UnknownNameError

CASES: dict[str, Callable[[str, int], list[Outcome]]] = {
    **dict.fromkeys(TASKS, training),
    **dict.fromkeys(INFERENCE_CASES, inference),
    **dict.fromkeys(EXPLANATION_CASES, explanation),
    **dict.fromkeys(TRACING_CASES, tracing),
    **dict.fromkeys((f"threads/{task}" for task in TASKS), threads_case),
    "mnist-to-99": mnist_to_99,
    "memory-train-vgg16": training_memory,
    "read-pictures": reading_pictures,
    **dict.fromkeys(AUGMENTED_CASES, augmented_training),
    **dict.fromkeys(ROOFLINE_CASES, roofline),
    **dict.fromkeys(STUDIO_CASES, studio_case),
    "import-time": import_time,
    "first-network": first_network_time,
    "install-size": install_size,
}
"""What measures each case, given its name and the number of rounds."""


def report(rows: Sequence[Row]) -> Table:
    """Two lines a case, Pellucid's and its peer's: median, minimum and spread."""
    table = Table(title="ratio above 1: Pellucid is faster or smaller", box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("case", "contestant"):
        table.add_column(heading, overflow="fold")
    for heading in ("median", "min", "spread", "ratio"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in rows:
        sides = (
            (row.case, "Pellucid", row.ours, f"{row.ratio:.2f}"),
            (row.unit, row.peer_name, row.peer, ""),
        )
        for label, name, samples, ratio in sides:
            numbers = _number(samples.median), _number(min(samples.values)), f"{samples.spread:.0%}"
            table.add_row(label, name, *numbers, ratio, end_section=name == row.peer_name)
    return table


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.4g}"


def run(cases: Sequence[str], repeats: int, console: Console) -> tuple[list[Row], bool]:
    """The rows of these cases, and whether every one could be compared."""
    rows, agreed = [], True
    for case in cases:
        console.print(f"{case} ...", highlight=False)
        try:
            outcomes = CASES[case](case, repeats)
        except DisagreementError as error:
            console.print(f"{case}: FAILED, {error}", style="bold red", highlight=False)
            agreed = False
            continue
        for outcome in outcomes:
            if isinstance(outcome, NotMeasured):
                missing = f"{outcome.case}: not measured, {outcome.reason}"
                console.print(missing, style="yellow", markup=False, highlight=False)
            else:
                rows.append(outcome)
    return rows, agreed


def matching(name: str) -> list[str]:
    """The case of this name, or all cases of the group: "threads" means every "threads/...".

    Raises:
        UnknownNameError: there is neither.
    """
    found = [case for case in CASES if case == name or case.startswith(f"{name}/")]
    if not found:
        raise UnknownNameError("case", name, CASES)
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Run cases and return the exit status: 1 where a comparison failed, 2 for a case that does not exist."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "cases",
        nargs="*",
        metavar="CASE",
        help=f"{', '.join(CASES)}; or what stands before a /; all when left out",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows there")
    parser.add_argument("--repeats", type=int, default=7, metavar="N", help="measured rounds (default 7)")
    options = parser.parse_args(arguments)
    if options.repeats < 1:
        parser.error(f"--repeats is at least 1, received {options.repeats}")
    try:
        cases = list(dict.fromkeys(case for name in options.cases for case in matching(name)))
    except UnknownNameError as error:
        parser.error(str(error))
    console = Console()
    console.print(describe_machine(), highlight=False)
    busy = busy_cores()
    if busy > 0.5:
        console.print(
            f"Other work keeps {busy:.1f} cores busy: these figures are not to be quoted.", style="yellow"
        )
    rows, agreed = run(cases or list(CASES), options.repeats, console)
    console.print(report(rows))
    if options.json:
        origin = {"machine": describe_machine(), "date": date.today().isoformat()}
        text = json.dumps([row.to_json() | origin for row in rows], indent=2)
        options.json.write_text(text + "\n", encoding="utf-8")
    return 0 if agreed else 1


if __name__ == "__main__":
    sys.exit(main())
