"""How long does a network take over a batch, beside ONNX Runtime, OpenVINO, ncnn and PyTorch?

All hold the same weights, see the same images and use every core in float32. Each contestant's logits are
compared with PyTorch's before anything is measured. PyTorch has its better layout.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch

from benchmarks.machine import available_cores
from benchmarks.measurement import DisagreementError, NotMeasured, Outcome, Row, interleaved, seconds_a_call
from benchmarks.networks import settled_parameters
from benchmarks.peers import PEERS, Call, Exchange, Float32, pytorch
from benchmarks.torch_networks import torch_network
from pellucid import zoo
from pellucid.engines import select
from pellucid.engines.engine import CompileOptions, Purpose
from pellucid.graph import Graph

TOLERANCE = 1e-3
"""Largest difference of two logits, over the largest logit."""

INFERENCE_CASES = {
    f"infer-{network}/b{batch}": (network, batch)
    for network in ("alexnet", "vgg16", "resnet18", "resnet50")
    for batch in (1, 16)
}

INSTALL = "pip install 'pellucid[benchmark]'"


def pellucid_call(graph: Graph, parameters: Mapping[str, Float32], images: Float32, threads: int) -> Call:
    """Pellucid's native engine."""
    options = CompileOptions(capacity=len(images), purpose=Purpose.INFERENCE)
    program = select("native", threads=threads).compile(graph, options)
    program.write_parameters(parameters)
    return lambda: program.forward(images)[0]


def require_same_logits(name: str, logits: Float32, expected: Float32) -> None:
    """Raise unless a contestant's logits are PyTorch's within TOLERANCE."""
    if logits.shape != expected.shape:
        raise DisagreementError(f"{name} gives logits of shape {logits.shape}, PyTorch {expected.shape}")
    difference = float(np.abs(logits - expected).max() / np.abs(expected).max())
    if not difference <= TOLERANCE:
        raise DisagreementError(f"{name}'s logits differ from PyTorch's by {difference:.1e} of the largest")


def better_layout(exchange: Exchange) -> Call:
    """PyTorch in the layout that is faster on this batch."""
    times = {}
    for layout in (torch.contiguous_format, torch.channels_last):
        call = pytorch(exchange, layout)
        call()
        times[layout] = min(seconds_a_call(call) for _ in range(2))
    return pytorch(exchange, min(times, key=lambda layout: times[layout]))


def contestants(case: str, exchange: Exchange, batch: int) -> tuple[dict[str, Call], list[Outcome]]:
    """The peers by name, PyTorch last, and those that cannot take part."""
    calls: dict[str, Call] = {}
    absent: list[Outcome] = []
    for name, peer in PEERS.items():
        if peer.largest_batch is not None and batch > peer.largest_batch:
            continue
        if peer.missing:
            absent.append(NotMeasured(f"{case} ({name})", f"{', '.join(peer.missing)} not found: {INSTALL}"))
        else:
            calls[name] = peer.prepare(exchange)
    calls["pytorch"] = better_layout(exchange)
    return calls, absent


def inference(case: str, repeats: int) -> list[Outcome]:
    """A row a peer: milliseconds a batch."""
    network, batch = INFERENCE_CASES[case]
    threads = available_cores()
    torch.set_num_threads(threads)
    net = zoo.create(network)
    parameters = settled_parameters(net)
    images = np.random.default_rng(1).random((batch, *net.graph.shapes["input"]), np.float32)
    module = torch_network(network, parameters).eval()
    with TemporaryDirectory() as folder:
        calls, absent = contestants(case, Exchange(module, images, threads, Path(folder)), batch)
        calls["pellucid"] = pellucid_call(net.graph, parameters, images, threads)
        expected = calls["pytorch"]()
        for name, call in calls.items():
            require_same_logits(name, call(), expected)
        measured = interleaved({name: _timed(call) for name, call in calls.items()}, repeats)
    ours = measured.pop("pellucid")
    return [*(Row(case, ours, theirs, name, "ms") for name, theirs in measured.items()), *absent]


def _timed(call: Call) -> Callable[[], float]:
    return lambda: 1e3 * seconds_a_call(call)
