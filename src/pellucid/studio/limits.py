"""How much a request may bring, and how much the server keeps."""

from __future__ import annotations

from dataclasses import dataclass

MEBI = 1 << 20


@dataclass(frozen=True)
class Limits:
    """Bounds in bytes unless said otherwise.

    Attributes:
        json: of a request's body.
        image: of an image file.
        pixels: that an image file may claim to have.
        model: of a model file.
        parameters: numbers that a network of the zoo may have.
        models: that are open at once.
        images: uploaded images kept of each model, the latest.
        traces: passes kept in memory, the latest.
        trace_bytes: that they may take together; the latest is kept however large.
    """

    json: int = MEBI
    image: int = 32 * MEBI
    pixels: int = 50_000_000
    model: int = 2048 * MEBI
    parameters: int = 200_000_000
    models: int = 16
    images: int = 64
    traces: int = 16
    trace_bytes: int = 768 * MEBI
