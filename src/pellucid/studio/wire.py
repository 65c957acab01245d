"""The forms in which answers travel: JSON, and a JSON head with bytes behind it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

ALIGNMENT = 4
"""The bytes begin at a multiple of it, so that the page may read float32 where they lie."""


def encode(message: object) -> bytes:
    """A message as JSON in UTF-8; numbers that are not finite, which JSON lacks, become null."""
    try:
        text = json.dumps(message, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    except ValueError:
        text = json.dumps(_finite(message), allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    return text.encode()


def with_bytes(head: Mapping[str, Any], payload: bytes | memoryview) -> bytes:
    """Length of the head as four bytes, little-endian, the head, padded by blanks, and the bytes."""
    encoded = encode(head)
    encoded += b" " * (-len(encoded) % ALIGNMENT)
    return b"".join((len(encoded).to_bytes(4, "little"), encoded, payload))


def float_bytes(array: NDArray[Any]) -> bytes:
    """An array as float32, little-endian, in reading order."""
    return np.ascontiguousarray(array, "<f4").tobytes()


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    return value
