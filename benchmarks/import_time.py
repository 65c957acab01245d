"""How long does a fresh interpreter wait for `import pellucid`, and for its first network, beside PyTorch?"""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version

from benchmarks.measurement import Outcome, Row, interleaved

FIRST_NETWORKS = {
    "pellucid": """
import pellucid
pellucid.zoo.create("lenet5")
""",
    "torch": """
from torch import nn
nn.Sequential(
    nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
    nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
    nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10),
)
""",
}


def seconds_in_a_fresh_interpreter(statements: str) -> float:
    """Time that the statements take, the interpreter's own start left out."""
    program = (
        "from time import perf_counter\nstarted = perf_counter()\n"
        f"{statements}\nprint(perf_counter() - started)"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return float(run.stdout)


def _row(case: str, ours: str, theirs: str, repeats: int) -> list[Outcome]:
    measured = interleaved(
        {
            "ours": lambda: seconds_in_a_fresh_interpreter(ours),
            "theirs": lambda: seconds_in_a_fresh_interpreter(theirs),
        },
        repeats,
    )
    return [Row(case, measured["ours"], measured["theirs"], f"PyTorch {version('torch')}", "s")]


def import_time(case: str, repeats: int) -> list[Outcome]:
    """One row: the import alone."""
    return _row(case, "import pellucid", "import torch", repeats)


def first_network_time(case: str, repeats: int) -> list[Outcome]:
    """One row: until a LeNet-5 stands, so that what `import pellucid` puts off is counted."""
    return _row(case, FIRST_NETWORKS["pellucid"], FIRST_NETWORKS["torch"], repeats)
