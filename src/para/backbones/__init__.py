"""Image -> dense features. A backbone is a module with `strides`, `channels` and one feature map for each of them."""

from __future__ import annotations

from typing import Protocol

import torch

from para.backbones.dino import Dino, DinoConfig
from para.backbones.lite0 import Lite0, Lite0Config
from para.backbones.svd import Svd, SvdConfig
from para.backbones.svd_parts import SvdSize, VideoBackboneError

BackboneConfig = Lite0Config | DinoConfig | SvdConfig


class Backbone(Protocol):
    """What heads may rely on."""

    strides: tuple[int, ...]
    """Pixels per feature cell of each map, finest first."""
    channels: tuple[int, ...]

    def __call__(self, image: torch.Tensor) -> list[torch.Tensor]:
        """(B, 3, H, W) float in [0, 1], any size -> [(B, C_i, ceil(H / stride_i), ceil(W / stride_i))], spanning the whole
        image: heads count the finest map's cells so without having seen it."""


class VideoBackbone(Protocol):
    """A backbone that foresees: its features differ from step to step. Heads for it are stepwise (`para.heads.stepwise`)."""

    strides: tuple[int, ...]
    """Pixels per feature cell of each map, finest first."""
    channels: tuple[int, ...]
    steps: int
    """Future steps it gives features of, T."""

    def __call__(self, image: torch.Tensor) -> list[torch.Tensor]:
        """(B, 3, H, W) float in [0, 1] -> [(B, T, C_i, rows_i, columns_i)], spanning the whole image."""


__all__ = [
    "Backbone",
    "BackboneConfig",
    "Dino",
    "DinoConfig",
    "Lite0",
    "Lite0Config",
    "Svd",
    "SvdConfig",
    "SvdSize",
    "VideoBackbone",
    "VideoBackboneError",
]
