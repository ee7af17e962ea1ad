"""What conditions the denoiser: keypoints of the coarsest map (spatial soft-argmax) and the state."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from para.dataset import ModelInput
from para.heads.action_space import ActionSpace
from para.heads.instruction import Instruction
from para.heads.proprioception import (
    CAMERA_VALUES,
    PIXEL_STATE_VALUES,
    POSE_STATE_VALUES,
    Told,
    camera_vector,
    pixel_state,
    pose_state,
)
from para.heads.regression.soft_argmax import mean_place
from para.heads.state_planes import plane_count, state_planes
from para.types import Box


class ObservationEncoder(nn.Module):
    """Coarsest map and state -> one vector of `values` numbers.

    With `camera_input` the state planes are added to the map, and the end effector's pixel and the camera to the state;
    without, nothing in it knows the camera. An `instruction` is added to the state, too.
    """

    def __init__(
        self,
        channels: int,
        width: int,
        keypoints: int,
        camera_input: bool,
        space: ActionSpace,
        workspace: Box,
        instruction: Instruction | None = None,
    ) -> None:
        super().__init__()
        self.space, self.workspace = space, workspace
        self.project = nn.Sequential(nn.Conv2d(channels, width, 1), nn.GroupNorm(1, width))
        self.planes = nn.Conv2d(plane_count(), width, 1) if camera_input else None
        self.mix = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1), nn.ReLU(), nn.Conv2d(width, width, 3, padding=1)
        )
        self.heat = nn.Conv2d(width, keypoints, 1)
        state = POSE_STATE_VALUES + (PIXEL_STATE_VALUES + CAMERA_VALUES if camera_input else 0)
        self.told = Told(instruction)
        self.values = 2 * keypoints + state + self.told.values

    def forward(self, feature: torch.Tensor, inputs: ModelInput) -> torch.Tensor:
        """(B, C, rows, columns) -> (B, values)."""
        x = self.project(feature)
        rows, columns = x.shape[-2:]
        state = [pose_state(inputs, self.workspace, self.space)]
        if self.planes is not None:
            x = x + self.planes(state_planes(inputs, rows, columns, self.workspace.low[2], self.workspace.high[2]))
            state += [pixel_state(inputs, self.workspace), camera_vector(inputs)]
        x = F.relu(x)
        heat = self.heat(x + self.mix(x)).float().flatten(2).softmax(-1)
        places = 2 * mean_place(heat, rows, columns) - 1
        return self.told(torch.cat([places.flatten(1), *state], -1), inputs)
