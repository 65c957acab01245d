"""The native engine: a compiler in Python, an executor in C++.

Environment: PELLUCID_ISA (generic, avx2 or avx512) overrides the instruction set, PELLUCID_THREADS the number
of threads.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from pellucid.engines.engine import Array, CompileOptions, Engine
from pellucid.engines.native import _native
from pellucid.engines.native.measure import Measurement
from pellucid.engines.native.plan import LAYOUTS
from pellucid.engines.native.program import NativeProgram
from pellucid.engines.schema import Schema
from pellucid.errors import EngineError
from pellucid.graph import Graph
from pellucid.tuning import Stopwatch, Tuning

__all__ = [
    "LAYOUTS",
    "NativeEngine",
    "chosen_instruction_set",
    "compiler_version",
    "cpu_features",
    "default_threads",
    "instruction_sets",
]


MAX_THREADS = 1024


def instruction_sets() -> list[str]:
    """Names of those compiled in that this machine can run, slowest first."""
    return list(_native.available_instruction_sets())


def chosen_instruction_set() -> str:
    """PELLUCID_ISA, or the fastest that this machine can run."""
    available = instruction_sets()
    chosen = os.environ.get("PELLUCID_ISA") or available[-1]
    return _checked(chosen, "PELLUCID_ISA")


def _checked(name: str, origin: str) -> str:
    available = instruction_sets()
    if name in available:
        return name
    known = list(_native.compiled_instruction_sets())
    reason = "this processor lacks it" if name in known else f"known: {', '.join(known)}"
    raise EngineError(f"{origin} is one of {', '.join(available)}, received {name!r} ({reason})")


def cpu_features() -> list[str]:
    """The processor's features that matter to the kernels."""
    return list(_native.processor_features())


def compiler_version() -> str:
    """Version of the C++ compiler that built the kernels."""
    return str(_native.compiler())


def default_threads() -> int:
    """PELLUCID_THREADS, or the number of cores this process may use."""
    text = os.environ.get("PELLUCID_THREADS")
    if text is None:
        return len(os.sched_getaffinity(0))
    if not text.isdecimal() or not 1 <= int(text) <= MAX_THREADS:
        raise EngineError(f"PELLUCID_THREADS is a whole number from 1 to {MAX_THREADS}, received {text!r}")
    return int(text)


class NativeEngine(Engine):
    """Runs graphs on this machine's processor.

    Args:
        threads: workers, and shards that gradients are summed in; PELLUCID_THREADS or every core when left
            out. Same machine, instruction set, threads and seed: same bits.
        instruction_set: PELLUCID_ISA or the fastest available when left out.
        layout: "lanes" (a batch in the SIMD lanes) or "blocks" (channels in the lanes) to force one; chosen
            for each network when left out.
        poison: fill outputs with NaN and scratch with 0xA5 first, so that what is read unwritten shows.
    """

    name = "native"

    def __init__(
        self,
        *,
        threads: int | None = None,
        instruction_set: str | None = None,
        layout: str | None = None,
        poison: bool = False,
    ) -> None:
        if threads is not None and not 1 <= threads <= MAX_THREADS:
            raise EngineError(f"threads is a whole number from 1 to {MAX_THREADS}, received {threads}")
        self.threads = threads or default_threads()
        if instruction_set is None:
            self.instruction_set = chosen_instruction_set()
        else:
            self.instruction_set = _checked(instruction_set, "instruction_set")
        if layout is not None and layout not in LAYOUTS:
            raise EngineError(f"layout is one of {', '.join(LAYOUTS)}, received {layout!r}")
        self._layout = LAYOUTS[layout] if layout is not None else None
        self._poison = poison

    def describe(self, graph: Graph, options: CompileOptions) -> Schema:
        """The steps of the plan, in order; several may serve one node, or none of their own."""
        return self.compile(graph, options).schema()

    def compile(self, graph: Graph, options: CompileOptions) -> NativeProgram:
        """A program for this graph, its parameters zero until written."""
        return NativeProgram(
            graph,
            options,
            instruction_set=self.instruction_set,
            threads=self.threads,
            poison=self._poison,
            layout=self._layout,
        )

    def tune(
        self, graph: Graph, options: CompileOptions, parameters: Mapping[str, Array], stopwatch: Stopwatch
    ) -> Tuning:
        """Time layouts and algorithms on this machine; see measure.py."""
        if self._layout is not None:
            raise EngineError("tuning chooses the layout, received an engine whose layout is forced")
        return Measurement(graph, options, parameters, self.instruction_set, self.threads, stopwatch).tuning()
