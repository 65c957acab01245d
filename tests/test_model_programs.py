"""Compiled programs: kept while they fit, and of large networks the latest alone."""

from __future__ import annotations

import pytest

import pellucid
from pellucid import model as home
from pellucid.engines.engine import CompileOptions, Purpose

ONE, TWO = (CompileOptions(capacity, Purpose.INFERENCE) for capacity in (1, 2))


def test_programs_are_compiled_once() -> None:
    network = pellucid.zoo.create("lenet5", engine="reference")
    first, second = network.program(ONE), network.program(TWO)
    assert network.program(ONE) is first
    assert network.program(TWO) is second


def test_of_a_large_network_the_latest_program_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(home, "PROGRAM_BYTES", 1)
    network = pellucid.zoo.create("lenet5", engine="reference")
    first = network.program(ONE)
    assert network.program(ONE) is first
    second = network.program(TWO)
    assert network.program(TWO) is second
    assert network.program(ONE) is not first


def test_evidence_has_the_models_program_while_it_has_its_parameters() -> None:
    network = pellucid.zoo.create("lenet5", engine="reference")
    image = pellucid.data.load("digits").fit((1, 28, 28)).test.images[0]
    read = pellucid.explain.Evidence(network, image)
    assert read.program(network.graph, ONE) is network.program(ONE)
    network.set_parameters({"fc3.bias": network.parameters["fc3.bias"] + 1})
    assert read.program(network.graph, ONE) is not network.program(ONE)
