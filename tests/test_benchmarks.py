"""The benchmarks report what they measured, and refuse to compare different things."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from benchmarks.__main__ import CASES, main, report
from benchmarks.install_size import installed_bytes, requirements
from benchmarks.lenet5_train import require_agreement, torch_lenet5
from benchmarks.measurement import DisagreementError, Row, Samples, interleaved
from pellucid import zoo


def test_a_ratio_above_1_means_that_pellucid_is_better() -> None:
    low, high = Samples((1.0, 2.0, 9.0)), Samples((8.0, 2.0, 9.0))
    assert Row("time", low, high, "peer", "s").ratio == 4
    assert Row("speed", high, low, "peer", "images/s", larger_is_better=True).ratio == 4


def test_samples_report_median_and_spread() -> None:
    samples = Samples((4.0, 5.0, 3.0))
    assert (samples.median, samples.spread) == (4.0, 0.5)


def test_a_row_is_kept_under_the_agreed_keys() -> None:
    row = Row("import-time", Samples((0.5,)), Samples((1.0,)), "PyTorch", "s")
    assert row.to_json() == {
        "case": "import-time",
        "ours": 0.5,
        "peer": 1.0,
        "peer_name": "PyTorch",
        "unit": "s",
        "ratio": 2.0,
    }


def test_contestants_take_turns_and_the_first_round_is_thrown_away() -> None:
    calls: list[str] = []

    def contestant(name: str) -> float:
        calls.append(name)
        return float(len(calls))

    measured = interleaved({"a": lambda: contestant("a"), "b": lambda: contestant("b")}, repeats=2)
    assert calls == ["a", "b"] * 3
    assert measured == {"a": Samples((3.0, 5.0)), "b": Samples((4.0, 6.0))}


def test_different_losses_are_not_compared() -> None:
    require_agreement([2.0, 1.0], [2.001, 1.0], "PyTorch")
    with pytest.raises(DisagreementError, match=r"step 1: Pellucid's loss is 1.010000, PyTorch's 1.000000"):
        require_agreement([2.0, 1.01], [2.0, 1.0], "PyTorch")
    with pytest.raises(DisagreementError, match="nan"):
        require_agreement([float("nan")], [1.0], "PyTorch")


def test_the_peer_is_the_same_network() -> None:
    net = zoo.create("lenet5", engine="reference")
    peer = torch_lenet5(net.parameters)
    assert sum(parameter.numel() for parameter in peer.parameters()) == 61_706


def test_sizes_count_a_distribution_with_all_it_needs() -> None:
    assert {"pellucid", "numpy", "scikit-learn", "scipy", "rich"} <= requirements("pellucid")
    assert "torch" not in requirements("pellucid")  # an extra
    assert 20e6 < installed_bytes("numpy") < 200e6


def test_the_report_shows_every_case() -> None:
    console = Console(file=io.StringIO(), width=80)
    console.print(report([Row(case, Samples((0.25,)), Samples((1.0,)), "peer", "s") for case in CASES]))
    assert isinstance(console.file, io.StringIO)
    assert all(case in console.file.getvalue() for case in CASES)


def test_an_unknown_case_is_named_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["lenet5-train/b65"])
    assert "unknown case 'lenet5-train/b65'; did you mean lenet5-train/b64" in capsys.readouterr().err
