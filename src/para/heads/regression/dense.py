"""Dense reading: every cell of the coarsest map names all steps and a weight; the answer is their weighted mean.

It is as dense as pointing is, but still regresses: what differs from the pooled reading is density, what differs from
pointing is that coordinates are numbers and not places.
"""

from __future__ import annotations

import torch
from torch import nn

from para.dataset import ModelInput
from para.heads.action_space import PixelHeight
from para.heads.neck import Neck
from para.heads.position_embedding import image_positions
from para.heads.regression.head import STEP_VALUES, RegressionHead, RegressionOutputs, RegressionSettings, step_outputs
from para.types import Box


class DenseSettings(RegressionSettings):
    """What this reading takes from the configuration."""

    width: int


class DenseHead(RegressionHead):
    """Cells -> coordinates and weight, per step."""

    def __init__(self, config: DenseSettings, absolute: bool, channels: int, horizon: int, workspace: Box) -> None:
        super().__init__(config, horizon, workspace)
        self.absolute = absolute
        self.neck = Neck((channels,), (config.width,), (workspace.low[2], workspace.high[2]))
        self.tell_state = nn.Linear(self.state_values, config.width) if absolute else None
        self.cells = nn.Sequential(
            nn.Conv2d(config.width, config.width, 1),
            nn.ReLU(),
            nn.Conv2d(config.width, horizon * (STEP_VALUES + 1), 1),
        )

    def forward(self, features: list[torch.Tensor], inputs: ModelInput) -> RegressionOutputs:
        """See `RegressionOutputs`."""
        each, weight = self.answers(features, inputs)
        weight = weight.softmax(-1)
        return RegressionOutputs(
            (each.unit * weight[..., None]).sum(2),
            (each.gripper * weight).sum(2),
            (each.six * weight[..., None]).sum(2),
        )

    def answers(self, features: list[torch.Tensor], inputs: ModelInput) -> tuple[RegressionOutputs, torch.Tensor]:
        """Every cell's outputs, (B, T, cells, ...) row by row, and the logits of their weights (B, T, cells)."""
        x = self.neck(features[-1:], inputs)[0]
        if self.tell_state is not None:
            x = x + image_positions(x) + self.tell_state(self.state(inputs))[..., None, None]
        rows, columns = x.shape[-2:]
        out = self.cells(x).float().unflatten(1, (self.horizon, STEP_VALUES + 1)).flatten(3)  # (B, T, 11, cells)
        each = step_outputs(out[:, :, :-1].transpose(2, 3))
        unit = each.unit + self._cell_units(rows, columns, out)
        return RegressionOutputs(unit, each.gripper, each.six), out[:, :, -1]

    def _cell_units(self, rows: int, columns: int, like: torch.Tensor) -> torch.Tensor:
        """(cells, 3) what a cell's coordinates count from: pixels from its own centre, all else absolutely."""
        units = like.new_zeros(rows, columns, 3)
        if isinstance(self.config.space, PixelHeight):
            span = 1 + 2 * self.config.space.margin  # of the coordinates' range, in image sizes
            units[..., 0] = ((torch.arange(columns, device=like.device) + 0.5) / columns - 0.5) / span
            units[..., 1] = (((torch.arange(rows, device=like.device) + 0.5) / rows - 0.5) / span)[:, None]
        return units.flatten(0, 1)
