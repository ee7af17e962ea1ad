"""DINOv2 and DINOv3 vision transformers through `transformers`.

Weights come from the Hugging Face Hub or a local folder; they are not on PyPI. `pretrained=False` builds the same network
with random weights.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class DinoConfig:
    """A DINOv2 or DINOv3 ViT."""

    model: str = "facebook/dinov3-vits16-pretrain-lvd1689m"
    """Hub id or local folder of a `Dinov2Model`, `Dinov2WithRegistersModel` or `DINOv3ViTModel`."""
    pretrained: bool = True
    """Load the weights; otherwise build the architecture below with random ones."""
    architecture: str = "dinov3_vit"
    """`dinov2`, `dinov2_with_registers` or `dinov3_vit`; used when not pretrained."""
    hidden_size: int = 384
    layers: int = 12
    attention_heads: int = 6
    patch_size: int = 16
    frozen: bool = False
    """Keep the weights as they are, and in training see as in use: without what `transformers` draws at random in training
    (DINOv3 rescales the places that its patches are told, unless its configuration says otherwise)."""

    def build(self) -> Dino:
        """The network."""
        return Dino(self)


class Dino(nn.Module):
    """Image (B, 3, H, W) in [0, 1] -> [(B, C, rows, columns)] patch features; H and W are resized to whole patches."""

    def __init__(self, config: DinoConfig, architecture: dict[str, Any] | None = None) -> None:
        """`architecture`: that of an earlier network; then this is the same with random weights, and nothing is downloaded."""
        super().__init__()
        self.config = config
        if architecture is not None:
            self.vit = _of(architecture)
        else:
            self.vit = _load(config) if config.pretrained else _random(config)
        self.patch = int(self.vit.config.patch_size)
        self.strides, self.channels = (self.patch,), (int(self.vit.config.hidden_size),)
        if config.frozen:
            self.requires_grad_(False)
        self.register_buffer("mean", torch.tensor(_MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(_STD).view(1, 3, 1, 1), persistent=False)

    @property
    def architecture(self) -> dict[str, Any]:
        """What `transformers` needs to know to build the network again, as JSON."""
        return json.loads(self.vit.config.to_json_string(use_diff=False))

    def train(self, mode: bool = True) -> Dino:
        """As `torch.nn.Module.train`; a frozen network stays as in use."""
        super().train(mode)
        if self.config.frozen:
            self.vit.eval()
        return self

    def forward(self, image: torch.Tensor) -> list[torch.Tensor]:
        """(B, 3, H, W) in [0, 1] -> [(B, C, ceil(H / patch), ceil(W / patch))]."""
        rows, columns = (-(-size // self.patch) for size in image.shape[-2:])
        size = (rows * self.patch, columns * self.patch)
        if tuple(image.shape[-2:]) != size:
            image = F.interpolate(image, size, mode="bilinear", align_corners=False, antialias=True)
        tokens = self.vit(pixel_values=(image - self.mean) / self.std).last_hidden_state
        patches = tokens[:, -rows * columns :]  # class and register tokens come first
        return [patches.transpose(1, 2).unflatten(2, (rows, columns))]


def _load(config: DinoConfig) -> nn.Module:
    from transformers import AutoModel

    try:
        return AutoModel.from_pretrained(config.model)
    except OSError as error:
        raise OSError(
            f"the DINO weights {config.model!r} could not be loaded: {error}. They come from the Hugging Face Hub (DINOv3 "
            "asks you to accept its licence there first); give a local folder as `model`, or use the `lite0` backbone, "
            "whose weights are installed with this package."
        ) from error


def _of(architecture: dict[str, Any]) -> nn.Module:
    from transformers import AutoConfig, AutoModel

    rest = dict(architecture)
    return AutoModel.from_config(AutoConfig.for_model(rest.pop("model_type"), **rest))


def _random(config: DinoConfig) -> nn.Module:
    import transformers as hf

    kinds = {
        "dinov2": (hf.Dinov2Config, hf.Dinov2Model),
        "dinov2_with_registers": (hf.Dinov2WithRegistersConfig, hf.Dinov2WithRegistersModel),
        "dinov3_vit": (hf.DINOv3ViTConfig, hf.DINOv3ViTModel),
    }
    if config.architecture not in kinds:
        raise ValueError(f"no DINO architecture {config.architecture!r}; there are {sorted(kinds)}")
    config_type, model_type = kinds[config.architecture]
    return model_type(
        config_type(
            hidden_size=config.hidden_size,
            num_hidden_layers=config.layers,
            num_attention_heads=config.attention_heads,
            intermediate_size=4 * config.hidden_size,
            patch_size=config.patch_size,
        )
    )
