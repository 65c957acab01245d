"""What the bits of a run depend on besides its settings: which engine computed it, and how."""

from __future__ import annotations

from dataclasses import dataclass

from pellucid.engines.engine import Engine


@dataclass(frozen=True)
class EngineFacts:
    """An engine as a checkpoint names it; instruction set and threads are the native engine's."""

    name: str
    instruction_set: str = ""
    threads: int = 1

    def __str__(self) -> str:
        if not self.instruction_set:
            return self.name
        return f"{self.name} ({self.instruction_set}, {self.threads} thread(s))"


def engine_facts(engine: Engine) -> EngineFacts:
    """The facts about an engine."""
    if engine.name == "native":
        from pellucid.engines.native import NativeEngine

        if isinstance(engine, NativeEngine):
            return EngineFacts(engine.name, engine.instruction_set, engine.threads)
    return EngineFacts(engine.name)
