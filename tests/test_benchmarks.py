"""The benchmarks report what they measured, and refuse to compare different things."""

from __future__ import annotations

import gzip
import io
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from picture_cases import encoded, folder, pixels_of
from rich.console import Console

import benchmarks.__main__ as main_module
from benchmarks import inference, measurement
from benchmarks.__main__ import CASES, main, matching, report, run
from benchmarks.augmentation import AUGMENTED_CASES, IMAGES, augmented_training
from benchmarks.explanation import EXPLANATION_CASES, captum_side, pellucid_side, require_same_maps
from benchmarks.explanation import contest as explanation_contest
from benchmarks.inference import pellucid_call, require_same_logits
from benchmarks.install_size import installed_bytes, requirements
from benchmarks.measurement import DisagreementError, NotMeasured, Row, Samples, interleaved
from benchmarks.mnist_to_99 import mnist_to_99, read_mnist
from benchmarks.networks import settled_parameters, without_dropout
from benchmarks.peers import Call, Exchange, Peer
from benchmarks.pictures import LEAST_GROWTH, SIDES, measured, reading_pictures
from benchmarks.report import main as report_main
from benchmarks.roofline import Alone, Machine, Site, engine_of, sites
from benchmarks.torch_networks import torch_network
from benchmarks.training import TASKS, Contest, Task, images_a_second, require_agreement
from benchmarks.training_memory import peak_bytes
from pellucid import zoo
from pellucid.layers import Conv2d, Dropout, Linear


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


def test_slow_work_is_measured_three_times_at_least(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measurement, "SECONDS_A_CONTESTANT", 0.0)
    assert interleaved({"slow": lambda: 1.0}, repeats=50) == {"slow": Samples((1.0,) * 3)}
    assert interleaved({"slow": lambda: 1.0}, repeats=2) == {"slow": Samples((1.0,) * 2)}


def test_dropout_is_led_past() -> None:
    graph = without_dropout(zoo.create("alexnet", input_shape=(3, 63, 63), engine="reference").graph)
    assert not any(isinstance(node.layer, Dropout) for node in graph.nodes)
    assert graph.node("fc1").inputs == ("flatten1",)
    assert graph.node("fc2").inputs == ("relu6",)


def test_running_statistics_are_not_the_identity() -> None:
    net = zoo.create("resnet20", input_shape=(3, 8, 8), engine="reference")
    settled = settled_parameters(net)
    assert list(settled) == list(net.parameters)
    changed = {name.split(".")[1] for name in settled if settled[name] is not net.parameters[name]}
    assert changed == {"running_mean", "running_var"}
    assert all((settled[name] > 0).all() for name in settled if name.endswith("running_var"))


def test_different_losses_are_not_compared() -> None:
    require_agreement([2.0, 1.0], [2.001, 1.0], "PyTorch")
    with pytest.raises(DisagreementError, match=r"step 1: Pellucid's loss is 1.010000, PyTorch's 1.000000"):
        require_agreement([2.0, 1.01], [2.0, 1.0], "PyTorch")
    with pytest.raises(DisagreementError, match="nan"):
        require_agreement([float("nan")], [1.0], "PyTorch")


def test_the_peer_is_the_same_network() -> None:
    net = zoo.create("lenet5", engine="reference")
    peer = torch_network("lenet5", net.parameters)
    assert sum(parameter.numel() for parameter in peer.parameters()) == 61_706


def test_sizes_count_a_distribution_with_all_it_needs() -> None:
    assert {"pellucid", "numpy", "scikit-learn", "scipy", "rich"} <= requirements("pellucid")
    assert "torch" not in requirements("pellucid")  # an extra
    assert 20e6 < installed_bytes("numpy") < 200e6


def test_a_training_contest_is_of_equals() -> None:
    task = Task("lenet5", batch_size=4, steps=3, compared_steps=3, learning_rate=0.01)
    contest = Contest.prepare(task)
    ours, theirs = contest.ours(threads=1), contest.theirs(torch.contiguous_format)
    losses = ours.losses(3)
    require_agreement(losses, theirs.losses(3), "PyTorch")
    assert len(set(losses)) == 3
    assert images_a_second(ours) > 0


def test_what_diverges_is_not_measured() -> None:
    task = Task("lenet5", batch_size=4, steps=3, learning_rate=1e30)
    with pytest.raises(DisagreementError, match="Pellucid's step 1 met a NaN or an infinity"):
        Contest.prepare(task).ours(threads=1).losses(3)


def test_both_sides_read_the_same_folder_of_pictures(tmp_path: Path) -> None:
    names = [f"{part}/{name}/{n}.jpg" for part in ("train", "test") for name in "ab" for n in range(3)]
    pictures = {name: encoded(pixels_of(n), "JPEG") for n, name in enumerate(names)}
    path = folder(tmp_path / "pictures", pictures)
    for side in SIDES:
        rate, growth = measured(side, path)
        assert rate > 0
        assert LEAST_GROWTH <= growth < 20


def test_pictures_that_are_not_there_are_not_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PELLUCID_DATA", str(tmp_path))
    (outcome,) = reading_pictures("read-pictures", 1)
    assert isinstance(outcome, NotMeasured)
    assert outcome.reason.startswith("set PELLUCID_DATA")


def test_augmentation_is_measured_beside_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(IMAGES, "lenet5", 200)
    (row,) = augmented_training("augmented-lenet5", 1)
    assert row.unit == "images/s"
    assert min(row.ours.values) > 0
    assert set(AUGMENTED_CASES) <= set(CASES)


def test_different_logits_are_not_compared() -> None:
    expected = np.array([[2.0, -4.0]], np.float32)
    require_same_logits("peer", np.array([[2.003, -4.0]], np.float32), expected)
    with pytest.raises(DisagreementError, match=r"peer's logits differ from PyTorch's by 1\.5e-03"):
        require_same_logits("peer", np.array([[2.006, -4.0]], np.float32), expected)
    with pytest.raises(DisagreementError, match="by nan"):
        require_same_logits("peer", np.array([[np.nan, -4.0]], np.float32), expected)
    with pytest.raises(DisagreementError, match=r"shape \(1, 1\), PyTorch \(1, 2\)"):
        require_same_logits("peer", expected[:, :1], expected)


def test_a_peer_that_is_not_installed_is_named_with_what_to_type(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    peers = {"absent": Peer(never, ("json", "no_such_package")), "single": Peer(never, (), largest_batch=1)}
    monkeypatch.setattr(inference, "PEERS", peers)
    net = zoo.create("tiny-vgg", input_shape=(3, 16, 16))
    images = np.random.default_rng(0).random((2, 3, 16, 16), np.float32)
    module = torch_network("tiny-vgg", net.parameters).eval()
    calls, absent = inference.contestants("infer", Exchange(module, images, 1, tmp_path), batch=2)
    reason = "no_such_package not found: pip install 'pellucid[benchmark]'"
    assert absent == [NotMeasured("infer (absent)", reason)]
    assert list(calls) == ["pytorch"]
    ours = pellucid_call(net.graph, net.parameters, images, threads=1)
    require_same_logits("Pellucid", ours(), calls["pytorch"]())


def never(exchange: Exchange) -> Call:
    raise AssertionError("a peer that cannot take part is not prepared")


def test_a_layer_is_bounded_by_arithmetic_or_by_memory() -> None:
    site = Site(Linear(4), (3,))
    assert site.operations == 2 * 3 * 4
    assert site.bytes_moved(batch=2) == 4 * (12 + 4 + 2 * (3 + 4))
    # 48 operations: 6 seconds at 8 a second, or 120 bytes in 12 seconds at 10 a second.
    assert Machine(operations_a_second=8, bytes_a_second=1000).limit(site, batch=2) == 8
    assert Machine(operations_a_second=8, bytes_a_second=10).limit(site, batch=2) == 4


def test_each_different_layer_of_a_network_is_met_once() -> None:
    graph = zoo.create("vgg16", input_shape=(3, 32, 32), engine="reference").graph
    convolutions = [name for name, site in sites(graph) if isinstance(site.layer, Conv2d)]
    assert convolutions == [f"conv{number}" for number in (1, 2, 3, 4, 5, 6, 8, 9, 11)]
    engine = engine_of(Site(Linear(4), (3,)).graph, 2)
    assert Alone(Site(Linear(4), (3,)), 2, engine).operations_a_second() > 0


def test_the_peak_of_memory_counts_what_was_freed() -> None:
    before = peak_bytes()
    np.ones(2 * before, np.uint8)
    assert peak_bytes() > 2 * before


def test_without_mnist_it_is_said_what_to_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PELLUCID_DATA", str(tmp_path))
    (outcome,) = mnist_to_99("mnist-to-99", 1)
    assert isinstance(outcome, NotMeasured)
    assert outcome.reason.startswith("set PELLUCID_DATA")


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_pytorch_reads_the_same_mnist(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, suffix: str) -> None:
    pixels = np.arange(2 * 28 * 28).astype(np.uint8).reshape(2, 1, 28, 28)
    folder = tmp_path / "mnist"
    folder.mkdir()
    contents = {"images-idx3": bytes(16) + pixels.tobytes(), "labels-idx1": bytes(8) + b"\x07\x03"}
    for name, content in contents.items():
        packed = gzip.compress(content) if suffix else content
        (folder / f"train-{name}-ubyte{suffix}").write_bytes(packed)
    monkeypatch.setenv("PELLUCID_DATA", str(tmp_path))
    images, labels = read_mnist("train")
    np.testing.assert_array_equal(images, pixels)
    assert labels.tolist() == [7, 3]


def test_kept_rows_become_a_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    origin = {"machine": "a machine", "date": "2026-11-21"}
    rows = [
        Row("infer-x/b1", Samples((1234.5,)), Samples((2469.0,)), "ncnn", "ms").to_json() | origin,
        Row("import-time", Samples((0.25,)), Samples((1.0,)), "PyTorch", "s").to_json() | origin,
    ]
    (tmp_path / "out.json").write_text(json.dumps(rows), encoding="utf-8")
    assert report_main([str(tmp_path / "out.json")]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "a machine; 2026-11-21.",
        "",
        "| case | Pellucid | peer |  | unit | ratio |",
        "| --- | ---: | --- | ---: | --- | ---: |",
        "| infer-x/b1 | 1,234 | ncnn | 2,469 | ms | 2.00 |",
        "| import-time | 0.25 | PyTorch | 1 | s | 4.00 |",
    ]


def test_rows_are_kept_with_where_and_when(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    row = Row("quick", Samples((1.0,)), Samples((2.0,)), "peer", "s")
    monkeypatch.setattr(main_module, "CASES", {"quick": lambda case, repeats: [row]})
    assert main(["quick", "--json", str(tmp_path / "out.json")]) == 0
    (kept,) = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert kept.items() >= row.to_json().items()
    assert set(kept) == {*row.to_json(), "machine", "date"}


def test_a_group_is_named_by_its_beginning() -> None:
    assert matching("lenet5-train") == ["lenet5-train/b64", "lenet5-train/b256"]
    assert matching("import-time") == ["import-time"]
    assert len(matching("threads")) == len(TASKS)


def test_what_is_missing_is_said_and_the_rest_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    row = Row("there", Samples((1.0,)), Samples((2.0,)), "peer", "s")
    cases = {"both": lambda case, repeats: [NotMeasured("gone", "install [it]"), row]}
    monkeypatch.setattr(main_module, "CASES", cases)
    console = Console(file=io.StringIO(), width=80)
    assert run(["both"], 1, console) == ([row], True)
    assert isinstance(console.file, io.StringIO)
    assert "gone: not measured, install [it]" in console.file.getvalue()


def test_the_report_shows_every_case() -> None:
    console = Console(file=io.StringIO(), width=80)
    console.print(report([Row(case, Samples((0.25,)), Samples((1.0,)), "peer", "s") for case in CASES]))
    assert isinstance(console.file, io.StringIO)
    assert all(case in console.file.getvalue() for case in CASES)


def test_an_unknown_case_is_named_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["lenet5-train/b65"])
    assert "unknown case 'lenet5-train/b65'; did you mean lenet5-train/b64" in capsys.readouterr().err


@pytest.mark.parametrize("case", EXPLANATION_CASES)
def test_both_sides_explain_alike(case: str) -> None:
    rivals = explanation_contest(images=4)
    ours = pellucid_side(case, rivals.ours)(rivals.images, rivals.classes)
    theirs = captum_side(case, rivals.theirs, torch.contiguous_format)(rivals.images, rivals.classes)
    require_same_maps(case, ours, theirs)


def test_different_maps_are_not_compared() -> None:
    expected = np.ones((20, 1, 2, 2), np.float32)
    one_off = expected.copy()
    one_off[0] = 5
    require_same_maps("saliency", one_off, expected)
    with pytest.raises(DisagreementError, match=r"saliency's maps differ from Captum's by 5\.0e-01"):
        require_same_maps("saliency", expected / 2, expected)
    with pytest.raises(DisagreementError, match="Captum"):
        require_same_maps("saliency", expected, expected[:, 0])
