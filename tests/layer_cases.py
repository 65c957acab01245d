"""One row a layer and variant: the list that every layer test runs over.

A row gives the shape, finite-difference, PyTorch, terms and cross-engine tests of its layer.
"""

from __future__ import annotations

from cases_activation import ACTIVATIONS
from cases_connections import CONNECTIONS
from cases_convolution import CONVOLUTIONS
from cases_dense import DENSE
from cases_merge import MERGES
from cases_normalization import NORMALIZATIONS
from cases_pooling import POOLINGS
from cases_resampling import RESAMPLINGS
from cases_shape import SHAPES
from layer_case import LayerCase

__all__ = ["LAYER_CASES", "LayerCase"]

LAYER_CASES: tuple[LayerCase, ...] = (
    *CONVOLUTIONS,
    *CONNECTIONS,
    *POOLINGS,
    *DENSE,
    *ACTIVATIONS,
    *NORMALIZATIONS,
    *MERGES,
    *RESAMPLINGS,
    *SHAPES,
)
