"""The conditional 1D U-Net of Diffusion Policy: convolutions over the chunk's steps, FiLM by observation and noise level.

(Chi et al., "Diffusion Policy: visuomotor policy learning via action diffusion", 2023; FiLM: Perez et al. 2018.)
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from para.heads.position_embedding import time_positions


@dataclass(frozen=True)
class UnetConfig:
    """Size of the network; published widths are (256, 512, 1024)."""

    widths: tuple[int, ...] = (64, 128, 256)
    """Channels of each level; every level but the last halves the number of steps."""
    kernel: int = 5
    """Steps that a convolution sees."""
    groups: int = 8
    """Of the group norms."""
    time_width: int = 64
    """Channels of the embedded noise level."""

    @property
    def multiple(self) -> int:
        """The number of steps must be a multiple of this."""
        return 2 ** (len(self.widths) - 1)


class Unet(nn.Module):
    """(B, T, A) noisy actions, (B,) noise level, (B, C) observation -> (B, T, A) predicted noise."""

    def __init__(self, config: UnetConfig, values: int, condition: int) -> None:
        super().__init__()
        self.config = config
        self.time = nn.Sequential(
            nn.Linear(config.time_width, 4 * config.time_width),
            nn.Mish(),
            nn.Linear(4 * config.time_width, config.time_width),
        )
        condition += config.time_width
        widths = config.widths

        def pair(inputs: int, outputs: int) -> nn.ModuleList:
            return nn.ModuleList(
                [_Residual(config, inputs, outputs, condition), _Residual(config, outputs, outputs, condition)]
            )

        self.down = nn.ModuleList(pair(a, b) for a, b in zip((values, *widths[:-1]), widths))
        self.shrink = nn.ModuleList(nn.Conv1d(w, w, 3, 2, 1) for w in widths[:-1])
        self.middle = pair(widths[-1], widths[-1])
        pairs = list(zip(widths[:-1], widths[1:]))[::-1]
        self.up = nn.ModuleList(pair(2 * coarse, fine) for fine, coarse in pairs)
        self.grow = nn.ModuleList(nn.ConvTranspose1d(fine, fine, 4, 2, 1) for fine, _ in pairs)
        self.last = nn.Sequential(_convolution(config, widths[0], widths[0]), nn.Conv1d(widths[0], values, 1))

    def forward(self, actions: torch.Tensor, level: torch.Tensor, condition: torch.Tensor) -> torch.Tensor:
        """See the class. ValueError when T does not halve often enough."""
        if actions.shape[1] % self.config.multiple:
            raise ValueError(f"{actions.shape[1]} steps are no multiple of {self.config.multiple}; pad the chunk")
        condition = torch.cat([self.time(time_positions(level, self.config.time_width)), condition], -1)
        x, kept = actions.transpose(1, 2), []
        for i, blocks in enumerate(self.down):
            for block in blocks:
                x = block(x, condition)
            kept.append(x)
            if i < len(self.shrink):
                x = self.shrink[i](x)
        for block in self.middle:
            x = block(x, condition)
        for blocks, grow in zip(self.up, self.grow):
            x = torch.cat([x, kept.pop()], 1)
            for block in blocks:
                x = block(x, condition)
            x = grow(x)
        return self.last(x).transpose(1, 2)


class _Residual(nn.Module):
    """Two convolutions; between them each channel is scaled and shifted by the condition."""

    def __init__(self, config: UnetConfig, inputs: int, outputs: int, condition: int) -> None:
        super().__init__()
        self.first = _convolution(config, inputs, outputs)
        self.film = nn.Sequential(nn.Mish(), nn.Linear(condition, 2 * outputs))
        self.second = _convolution(config, outputs, outputs)
        self.skip = nn.Conv1d(inputs, outputs, 1) if inputs != outputs else nn.Identity()

    def forward(self, x: torch.Tensor, condition: torch.Tensor) -> torch.Tensor:
        scale, shift = self.film(condition)[..., None].chunk(2, 1)
        # The scale is told as a change from 1, so that an untrained condition leaves the features as they are.
        return self.second(self.first(x) * (1 + scale) + shift) + self.skip(x)


def _convolution(config: UnetConfig, inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv1d(inputs, outputs, config.kernel, padding=config.kernel // 2),
        nn.GroupNorm(config.groups, outputs),
        nn.Mish(),
    )
