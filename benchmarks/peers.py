"""Other engines that run a trained network, each given PyTorch's module in the way its documentation shows.

ONNX Runtime and OpenVINO read an ONNX file that PyTorch writes, ncnn what its own converter makes of a traced
module. All compute in float32 on as many threads as they are told.
"""

from __future__ import annotations

import logging
import subprocess
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

Float32 = NDArray[np.float32]
Call = Callable[[], Float32]
"""Run the network once; its logits."""


@dataclass(frozen=True)
class Exchange:
    """What a peer is handed.

    Attributes:
        module: the network, in evaluation mode.
        images: one batch, (N, C, H, W).
        threads: to use.
        folder: for files, deleted once the contest is over.
    """

    module: nn.Module
    images: Float32
    threads: int
    folder: Path

    def onnx_file(self) -> Path:
        """The network as an ONNX file for exactly this batch; written once."""
        path = self.folder / "network.onnx"
        if not path.exists():
            example = (torch.from_numpy(self.images),)
            logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # it names each package it can do without
            with warnings.catch_warnings(action="ignore"):  # PyTorch's own deprecations
                torch.onnx.export(self.module, example, path, input_names=["images"], verbose=False)
        return path


def onnxruntime(exchange: Exchange) -> Call:
    """ONNX Runtime's processor provider with all graph optimisations, its default."""
    runtime = import_module("onnxruntime")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = exchange.threads
    session = runtime.InferenceSession(
        exchange.onnx_file(), sess_options=options, providers=["CPUExecutionProvider"]
    )
    return lambda: np.asarray(session.run(None, {"images": exchange.images})[0])


def openvino(exchange: Exchange) -> Call:
    """OpenVINO told to answer one request as soon as it can, in float32 even where bfloat16 is faster."""
    core = import_module("openvino").Core()
    settings = {
        "INFERENCE_NUM_THREADS": exchange.threads,
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": "f32",
    }
    compiled = core.compile_model(core.read_model(exchange.onnx_file()), "CPU", settings)
    return lambda: np.array(compiled(exchange.images)[0])


def ncnn(exchange: Exchange) -> Call:
    """ncnn, which takes one image at a time, with half precision off."""
    library, converter = import_module("ncnn"), import_module("pnnx")
    traced = exchange.folder / "network.pt"
    torch.jit.trace(exchange.module, torch.from_numpy(exchange.images)).save(traced)
    shape = ",".join(map(str, exchange.images.shape))
    command = [converter.EXEC_PATH, traced, f"inputshape=[{shape}]", "fp16=0"]
    subprocess.run(command, cwd=exchange.folder, capture_output=True, check=True)
    net = library.Net()
    net.opt.num_threads = exchange.threads
    net.opt.use_fp16_packed = net.opt.use_fp16_storage = net.opt.use_fp16_arithmetic = False
    net.opt.use_bf16_packed = net.opt.use_bf16_storage = False
    net.load_param(str(exchange.folder / "network.ncnn.param"))
    net.load_model(str(exchange.folder / "network.ncnn.bin"))

    def call() -> Float32:
        extractor = net.create_extractor()
        extractor.input("in0", library.Mat(exchange.images[0]))
        return np.array(extractor.extract("out0")[1])[None]

    return call


def pytorch(exchange: Exchange, layout: torch.memory_format) -> Call:
    """PyTorch without gradients."""
    module = exchange.module.to(memory_format=layout)
    images = torch.from_numpy(exchange.images).contiguous(memory_format=layout)

    def call() -> Float32:
        with torch.inference_mode():
            logits: Float32 = module(images).numpy()
        return logits

    return call


@dataclass(frozen=True)
class Peer:
    """An engine to be compared with.

    Attributes:
        prepare: makes it ready.
        packages: that Python must find.
        largest_batch: that it takes.
    """

    prepare: Callable[[Exchange], Call]
    packages: tuple[str, ...]
    largest_batch: int | None = None

    @property
    def missing(self) -> tuple[str, ...]:
        """Packages that are not installed."""
        return tuple(package for package in self.packages if find_spec(package) is None)


PEERS: Mapping[str, Peer] = {
    "onnxruntime": Peer(onnxruntime, ("onnxruntime", "onnx", "onnxscript")),
    "openvino": Peer(openvino, ("openvino", "onnx", "onnxscript")),
    "ncnn": Peer(ncnn, ("ncnn", "pnnx"), largest_batch=1),
}
"""Those that are an extra of their own; PyTorch is there anyway."""
