"""Every layer goes into a file and comes back: the same description, the same bits, the same numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from layer_cases import LAYER_CASES, LayerCase
from test_native_layers import float32, layer_graph

import pellucid
from pellucid.model import Model


@pytest.mark.parametrize("case", LAYER_CASES, ids=str)
def test_a_saved_layer_is_the_same_layer(case: LayerCase, tmp_path: Path) -> None:
    parameters = {f"layer.{name}": array for name, array in case.parameters(40).items()}
    model = Model(layer_graph(case), parameters, engine="reference")
    model.save(tmp_path / "model.pellucid")
    again = pellucid.load(tmp_path / "model.pellucid", engine="reference")
    assert again.graph == model.graph
    assert again.parameters.keys() == model.parameters.keys()
    for name, array in model.parameters.items():
        assert again.parameters[name].tobytes() == array.tobytes()
    inputs = float32(case.inputs(3, 41))
    np.testing.assert_array_equal(again.predict(*inputs), model.predict(*inputs))
