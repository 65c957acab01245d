"""The words of figures, in English and in simplified Chinese."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from pellucid.errors import DataError

LANGUAGES = ("en", "zh")

CHINESE: Mapping[str, str] = MappingProxyType(
    {
        ", ": "，",
        "Convolution": "卷积",
        "Transposed convolution": "转置卷积",
        "accuracy": "准确率",
        "accuracy {share} of {count} images": "{count} 幅图像的准确率 {share}",
        "average pool to {size}": "平均池化至 {size}",
        "average pool {size}": "平均池化 {size}",
        "cell ({cell}) of {node}": "{node} 的单元 ({cell})",
        "concat": "拼接",
        "conv {size}, {maps}": "卷积 {size}，{maps}",
        "derivative": "导数",
        "dilation {number}": "空洞 {number}",
        "epoch": "轮次",
        "first {shown} of {all} filters": "前 {shown} 个卷积核（共 {all} 个）",
        "global average pool": "全局平均池化",
        "global max-pool": "全局最大池化",
        "height": "高",
        "held out": "测试",
        "how much it listens to each pixel": "对每个像素的敏感程度",
        "image": "图像",
        "input": "输入",
        "input map": "输入特征图",
        "input {size}": "输入 {size}",
        "kernel {size}": "卷积核 {size}",
        "label": "标签",
        "linear, {units}": "全连接，{units}",
        "locally connected {size}, {maps}": "局部连接 {size}，{maps}",
        "loss": "损失",
        "max-pool to {size}": "最大池化至 {size}",
        "max-pool {size}": "最大池化 {size}",
        "no mistake among {count} images": "{count} 幅图像中没有错误",
        "no pixel": "没有像素",
        "norm pool {size}": "范数池化 {size}",
        "output cell computed": "所计算的输出",
        "output map": "输出特征图",
        "output padding {amount}": "输出填充 {amount}",
        "output {size}": "输出 {size}",
        "padding {amount}": "填充 {amount}",
        "padding: circular": "循环填充",
        "padding: edge": "边缘填充",
        "padding: reflect": "镜像填充",
        "padding: zeros": "零填充",
        "parameter": "参数",
        "prediction": "预测",
        "spans {size}": "跨度 {size}",
        "step {number}": "第 {number} 步",
        "stride {number}": "步长 {number}",
        "subsample {size}": "子采样 {size}",
        "training": "训练",
        "transposed conv {size}, {maps}": "转置卷积 {size}，{maps}",
        "turned by 180°": "旋转 180°",
        "under the kernel": "卷积核所覆盖",
        "unused: no window gets there": "未使用：没有窗口到达",
        "value": "函数值",
        "what it is computed from": "由这些像素计算得出",
        "width": "宽",
        "with padding {size}": "填充后 {size}",
        "zeros between cells": "输入之间的零",
        "{label}, taken for {taken}": "{label} 误认为 {taken}",
        "{name}, other channels 0": "{name}，其他通道为 0",
        "{name}, two other scores 0": "{name}，另两个得分为 0",
        "{network} on {data}": "{network}，{data}",
        "{number} groups": "{number} 组",
        "{share} of it in the central half": "其中 {share} 位于中央一半",
        "{shown} most confident of {wrong} mistakes": "最有把握的 {shown} 个错误（共 {wrong} 个）",
        "{shown} strongest of {all} channels": "最强的 {shown} 个通道（共 {all} 个）",
        "{size} pixels": "{size} 像素",
    }
)
"""Chinese for every English phrase that a figure may hold."""


@dataclass(frozen=True)
class Words:
    """The phrases of one language.

    Args:
        language: "en" or "zh".
    """

    language: str = "en"

    def __post_init__(self) -> None:
        if self.language not in LANGUAGES:
            raise DataError(
                f"the language of a figure is one of {', '.join(LANGUAGES)}, received {self.language!r}"
            )

    def __call__(self, phrase: str, **values: object) -> str:
        """An English phrase in this language, with its {names} filled in."""
        text = phrase if self.language == "en" else CHINESE[phrase]
        return text.format(**values)
