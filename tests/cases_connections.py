"""Cases of the transposed convolutions and of the locally connected layers."""

from __future__ import annotations

from layer_case import LayerCase
from torch_oracles import locally_connected, transposed_convolution

from pellucid.layers import ConvTranspose1d, ConvTranspose2d, LocallyConnected1d, LocallyConnected2d, Shape
from pellucid.layers.locally_connected import LocallyConnected
from pellucid.layers.transposed_convolution import TransposedConvolution


def _transposed(name: str, layer: TransposedConvolution, shape: Shape) -> LayerCase:
    return LayerCase(f"deconv{layer.rank}d-{name}", layer, (shape,), transposed_convolution(layer))


def _local(name: str, layer: LocallyConnected, shape: Shape) -> LayerCase:
    return LayerCase(f"local{layer.rank}d-{name}", layer, (shape,), locally_connected(layer, shape))


CONNECTIONS = (
    _transposed("plain", ConvTranspose2d(3, 3), (2, 4, 5)),
    _transposed("by-two", ConvTranspose2d(5, 2, stride=2), (3, 3, 4)),
    _transposed("stride-padding", ConvTranspose2d(17, 3, stride=2, padding=1), (19, 4, 3)),
    _transposed("output-padding", ConvTranspose2d(3, 3, stride=2, padding=1, output_padding=1), (2, 4, 5)),
    _transposed("gaps", ConvTranspose2d(2, 2, stride=(3, 4), output_padding=(2, 3)), (3, 3, 2)),
    _transposed("dilation", ConvTranspose2d(3, (3, 2), stride=2, dilation=(2, 3), padding=(1, 2)), (2, 4, 5)),
    _transposed("dilation-output-padding", ConvTranspose2d(2, 2, dilation=3, output_padding=2), (3, 3, 4)),
    _transposed("one-sided", ConvTranspose2d(2, 3, stride=2, padding=((0, 2), (1, 0))), (2, 4, 3)),
    _transposed("groups", ConvTranspose2d(6, 3, stride=2, padding=1, groups=2), (4, 3, 5)),
    _transposed("groups-blocks", ConvTranspose2d(48, 3, stride=2, padding=1, groups=2), (32, 3, 4)),
    _transposed("depthwise", ConvTranspose2d(17, 4, stride=2, padding=1, groups=17), (17, 3, 5)),
    _transposed("no-bias", ConvTranspose2d(4, 4, stride=2, padding=1, bias=False), (3, 3, 3)),
    _transposed("several-blocks", ConvTranspose2d(24, 3, padding=1), (33, 7, 9)),
    _transposed("wide-kernel", ConvTranspose2d(4, 16, stride=8, padding=4), (5, 3, 3)),
    _transposed("one-by-one", ConvTranspose2d(19, 1), (17, 3, 5)),
    _transposed("one-by-one-stride", ConvTranspose2d(5, 1, stride=2), (3, 4, 3)),
    _transposed("plain", ConvTranspose1d(3, 3), (2, 6)),
    _transposed("everything", ConvTranspose1d(4, 3, 3, 1, 2, 2, 2), (6, 5)),
    _transposed("wide", ConvTranspose1d(17, 4, stride=2, padding=1), (18, 9)),
    _local("plain", LocallyConnected2d(3, 3), (2, 5, 6)),
    _local("wide", LocallyConnected2d(17, 3, stride=2, padding=1), (5, 5, 7)),
    _local("no-bias", LocallyConnected2d(6, (2, 3), stride=(1, 2), padding="same", bias=False), (3, 4, 5)),
    _local("one-by-one", LocallyConnected2d(5, 1), (17, 3, 2)),
    _local("full", LocallyConnected2d(2, 3, padding="full"), (3, 2, 3)),
    _local("plain", LocallyConnected1d(5, 3), (4, 9)),
    _local("padding", LocallyConnected1d(3, 4, stride=3, padding=((2, 1),)), (17, 8)),
)
