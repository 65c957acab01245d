"""Run clang-tidy over the C++ sources, each once although the kernels are compiled for several processors."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
GCC_ONLY = ("-fno-signed-zeros", "-Wno-psabi")


def commands() -> list[dict[str, str]]:
    """One compile command a source, from the newest build."""
    databases = sorted((ROOT / "build").glob("*/compile_commands.json"), key=lambda p: p.stat().st_mtime)
    if not databases:
        raise SystemExit("no compile_commands.json below build/; run make first")
    entries = json.loads(databases[-1].read_text())
    ours = {e["file"]: e for e in entries if Path(e["file"]).is_relative_to(ROOT / "native")}
    for entry in ours.values():
        for flag in GCC_ONLY:
            entry["command"] = entry["command"].replace(f" {flag}", "")
    return list(ours.values())


def main() -> int:
    """Tidy every source on all cores; the exit status is that of the worst."""
    tool = Path(sys.executable).parent / "clang-tidy"
    chosen = commands()
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(os.cpu_count()) as pool:
        (Path(folder) / "compile_commands.json").write_text(json.dumps(chosen))

        def tidy(entry: dict[str, str]) -> int:
            headers = f"--header-filter={ROOT}/native/.*"
            arguments = [str(tool), "-p", folder, "--quiet", headers, entry["file"]]
            result = subprocess.run(arguments, capture_output=True, text=True, check=False)
            if result.returncode:
                print(result.stdout, result.stderr, sep="\n")
            return result.returncode

        return max(pool.map(tidy, chosen))


if __name__ == "__main__":
    raise SystemExit(main())
