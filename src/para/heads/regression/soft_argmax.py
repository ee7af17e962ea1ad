"""Spatial soft-argmax: one heatmap per step whose mean pixel, with a regressed height, is unprojected.

Keypoints as expectations are those of Levine et al., "End-to-end training of deep visuomotor policies" (2016).
"""

from __future__ import annotations

import torch
from torch import nn

from para.dataset import ModelInput
from para.heads.cells import cell_centres
from para.heads.head import full_precision
from para.heads.neck import Neck
from para.heads.regression.head import RegressionHead, RegressionOutputs, RegressionSettings, step_outputs
from para.types import Box


class SoftArgmaxSettings(RegressionSettings):
    """What this reading takes from the configuration."""

    width: int


class SoftArgmaxHead(RegressionHead):
    """Heatmaps -> mean pixels; height, gripper and rotation from the features under each heatmap."""

    def __init__(self, config: SoftArgmaxSettings, channels: int, horizon: int, workspace: Box) -> None:
        super().__init__(config, horizon, workspace)
        self.neck = Neck((channels,), (config.width,), (workspace.low[2], workspace.high[2]))
        self.heat = nn.Conv2d(config.width, horizon, 1)
        self.mlp = nn.Sequential(
            nn.Linear(config.width + self.state_values + horizon, 128), nn.ReLU(), nn.Linear(128, 1 + 1 + 6)
        )

    def forward(self, features: list[torch.Tensor], inputs: ModelInput) -> RegressionOutputs:
        """See `RegressionOutputs`."""
        x = self.neck(features[-1:], inputs)[0]
        heat = self.heat(x).float().flatten(2).softmax(-1)  # (B, T, cells)
        place = mean_place(heat, *x.shape[-2:])
        read = heat @ x.float().flatten(2).transpose(1, 2)  # (B, T, width)
        state = self.state(inputs)[:, None].expand(-1, self.horizon, -1)
        step = torch.eye(self.horizon, device=x.device).expand(len(x), -1, -1)
        out = self.mlp(torch.cat([read, state, step], -1))
        rest = step_outputs(torch.cat([torch.zeros_like(place), out], -1))
        margin = self.config.space.margin
        unit = torch.cat([(place + margin) / (1 + 2 * margin), rest.unit[..., 2:]], -1)
        return RegressionOutputs(unit, rest.gripper, rest.six)


def mean_place(heat: torch.Tensor, rows: int, columns: int) -> torch.Tensor:
    """(..., cells) probabilities, row by row -> (..., 2) their mean (u, v) as a share of the image's width and height."""
    with full_precision(heat):
        return heat @ cell_centres(rows, columns, 1, 1, heat)
