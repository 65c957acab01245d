"""`python -m benchmarks.report FILE...`: rows kept by --json as the Markdown table of docs/performance.md."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

JsonRow = dict[str, str | float]

HEADINGS = ("case", "Pellucid", "peer", "", "unit", "ratio")
ALIGNMENTS = ("---", "---:", "---", "---:", "---", "---:")


def number(value: str | float) -> str:
    """Three figures that matter, thousands set apart."""
    figure = float(value)
    return f"{figure:,.0f}" if figure >= 100 else f"{figure:.3g}"


def markdown(rows: Sequence[JsonRow]) -> str:
    """A line for each machine and date, then the table, a line a row."""
    origins = dict.fromkeys(f"{row['machine']}; {row['date']}." for row in rows)
    lines = [*origins, "", _line(HEADINGS), _line(ALIGNMENTS)]
    for row in rows:
        cells = (row["case"], number(row["ours"]), row["peer_name"], number(row["peer"]), row["unit"])
        lines.append(_line((*map(str, cells), f"{float(row['ratio']):.2f}")))
    return "\n".join(lines)


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def main(arguments: Sequence[str]) -> int:
    """Print the table of these files' rows; of a case measured twice, the later file's."""
    if not arguments:
        print("usage: python -m benchmarks.report FILE...", file=sys.stderr)
        return 2
    rows: dict[tuple[str, str], JsonRow] = {}
    for name in arguments:
        for row in json.loads(Path(name).read_text(encoding="utf-8")):
            rows[row["case"], row["peer_name"]] = row
    print(markdown(list(rows.values())))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
