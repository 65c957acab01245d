"""Filters over time: a row a moment, on one scale."""

from __future__ import annotations

import numpy as np
import pytest

from pellucid import plot
from pellucid.errors import DataError

RANDOM = np.random.default_rng(5)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_a_row_a_moment_and_a_column_a_filter(channels: int) -> None:
    weights = [RANDOM.normal(size=(5, channels, 3, 3)) * scale for scale in (0.1, 1.0)]
    figure = plot.filters_through_time((0, 1000), weights, limit=4)
    assert len(figure.axes) == 8
    assert [figure.axes[0].get_ylabel(), figure.axes[4].get_ylabel()] == ["step 0", "step 1,000"]
    shown = figure.axes[6].images[0].get_array()
    if channels == 3:
        reach = max(np.abs(array).max() for array in (weights[0][:4], weights[1][:4]))
        expected = 0.5 + 0.5 * weights[1][2].transpose(1, 2, 0) / reach
        np.testing.assert_allclose(shown, expected, atol=1e-6)
    else:
        np.testing.assert_allclose(shown, weights[1][2].mean(axis=0))
        assert figure.axes[0].images[0].get_clim() == figure.axes[7].images[0].get_clim()


def test_what_does_not_fit_together_is_said() -> None:
    with pytest.raises(DataError, match="received 1 steps"):
        plot.filters_through_time((0,), [np.ones((2, 1, 3, 3)), np.ones((2, 1, 3, 3))])
