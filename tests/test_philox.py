"""Philox4x32-10 against the known answers that come with Random123."""

from __future__ import annotations

import numpy as np
import pytest

from pellucid.engines.reference.definition import Context
from pellucid.engines.reference.dropout import kept_cells
from pellucid.engines.reference.philox import philox4x32

ONES = 0xFFFFFFFF


@pytest.mark.parametrize(
    ("counter", "key", "expected"),
    [
        ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
        ((ONES, ONES, ONES, ONES), (ONES, ONES), (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
        (
            (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
            (0xA4093822, 0x299F31D0),
            (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
        ),
    ],
)
def test_known_answers(counter: tuple[int, ...], key: tuple[int, int], expected: tuple[int, ...]) -> None:
    assert philox4x32(np.array(counter, np.uint32), key).tolist() == list(expected)


def test_counters_are_independent_of_their_arrangement() -> None:
    counters = np.arange(24, dtype=np.uint32).reshape(2, 3, 4)
    together = philox4x32(counters, (5, 6))
    for i, j in np.ndindex(2, 3):
        assert (philox4x32(counters[i, j], (5, 6)) == together[i, j]).all()


def test_dropout_counts_cells_images_nodes_and_steps() -> None:
    context = Context(training=True, seed=0x1234567890ABCDEF, step=9, node=2)
    kept = kept_cells(0.5, (3, 2, 5), context)
    for image, cell in np.ndindex(3, 10):
        counter = np.array([cell // 4, image, 2, 9], np.uint32)
        word = philox4x32(counter, (0x90ABCDEF, 0x12345678))[cell % 4]
        assert kept.reshape(3, 10)[image, cell] == ((word >> 8) * 2.0**-24 >= 0.5)
