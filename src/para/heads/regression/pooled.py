"""Pooled reading: one learned query attends over the coarsest map, and a perceptron names all steps.

A vision transformer's class token sees position embeddings; a convolutional backbone has neither, so the map gets
sinusoidal ones. Without them the pooled features would hardly know where things are, and the comparison would be unfair.
"""

from __future__ import annotations

import torch
from torch import nn

from para.dataset import ModelInput
from para.heads.position_embedding import image_positions
from para.heads.regression.head import STEP_VALUES, RegressionHead, RegressionOutputs, RegressionSettings, step_outputs
from para.types import Box


class PooledSettings(RegressionSettings):
    """What this reading takes from the configuration."""

    width: int
    attention_heads: int


class PooledHead(RegressionHead):
    """Pooled token and state -> coordinates of every step."""

    def __init__(self, config: PooledSettings, channels: int, horizon: int, workspace: Box) -> None:
        super().__init__(config, horizon, workspace)
        width = config.width
        self.project = nn.Sequential(nn.Conv2d(channels, width, 1), nn.GroupNorm(1, width))
        self.query = nn.Parameter(torch.randn(1, 1, width) * 0.02)
        self.attention = nn.MultiheadAttention(width, config.attention_heads, batch_first=True)
        self.mlp = nn.Sequential(
            nn.Linear(width + self.state_values, 256),
            nn.ReLU(),
            nn.Linear(256, 256),
            nn.ReLU(),
            nn.Linear(256, horizon * STEP_VALUES),
        )

    def forward(self, features: list[torch.Tensor], inputs: ModelInput) -> RegressionOutputs:
        """See `RegressionOutputs`."""
        x = self.project(features[-1])
        x = x + image_positions(x)
        tokens = x.flatten(2).transpose(1, 2)
        pooled, _ = self.attention(self.query.expand(len(x), -1, -1), tokens, tokens, need_weights=False)
        out = self.mlp(torch.cat([pooled[:, 0], self.state(inputs)], -1)).float()
        return step_outputs(out.unflatten(1, (self.horizon, STEP_VALUES)))
