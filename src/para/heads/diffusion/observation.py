"""What conditions the denoiser: keypoints of the coarsest map (spatial soft-argmax) and the state."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from para.dataset import ModelInput
from para.heads.action_space import ActionSpace
from para.heads.head import full_precision
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

COMBINED = 256
"""Numbers that the layers behind `camera_input` add."""


class ObservationEncoder(nn.Module):
    """Coarsest map and state -> one vector of `values` numbers.

    With `camera_input` the state planes are added to the map; the end effector's pixel, the camera, and the places where the
    keypoints' rays meet the workspace's floor to the state; and layers that can multiply them with each other follow, as the
    denoiser has none before its first modulation. Without, nothing in it knows the camera. An `instruction` is added to the
    state, too.
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
        state = POSE_STATE_VALUES + (PIXEL_STATE_VALUES + CAMERA_VALUES + 2 * keypoints if camera_input else 0)
        self.told = Told(instruction)
        self.values = 2 * keypoints + state + self.told.values
        self.combine = None
        if camera_input:
            layers = nn.Linear(self.values, COMBINED), nn.ReLU(), nn.Linear(COMBINED, COMBINED), nn.ReLU()
            self.combine = nn.Sequential(*layers)
            self.values += COMBINED

    def forward(self, feature: torch.Tensor, inputs: ModelInput) -> torch.Tensor:
        """(B, C, rows, columns) -> (B, values)."""
        x = self.project(feature)
        rows, columns = x.shape[-2:]
        state = [pose_state(inputs, self.workspace, self.space)]
        if self.planes is not None:
            with full_precision(feature):
                planes = state_planes(inputs, rows, columns, self.workspace.low[2], self.workspace.high[2])
            x = x + self.planes(planes)
            state += [pixel_state(inputs, self.workspace), camera_vector(inputs)]
        x = F.relu(x)
        heat = self.heat(x + self.mix(x)).float().flatten(2).softmax(-1)
        places = mean_place(heat, rows, columns)
        if self.planes is not None:
            state.append(self._on_the_floor(places, inputs).flatten(1))
        vector = self.told(torch.cat([(2 * places - 1).flatten(1), *state], -1), inputs)
        return vector if self.combine is None else torch.cat([vector, self.combine(vector)], -1)

    def _on_the_floor(self, places: torch.Tensor, inputs: ModelInput) -> torch.Tensor:
        """(B, K, 2) places in the picture -> (B, K, 2) x and y of their rays where the workspace ends below, its borders at -1
        and 1, no farther than 2; 0 where a ray does not come down to it."""
        camera = inputs.camera
        low, high = (places.new_tensor(x) for x in (self.workspace.low, self.workspace.high))
        with full_precision(places):
            pixels = places * places.new_tensor([camera.width, camera.height])
            points, valid = camera.unproject_height(pixels, low[2].expand(places.shape[:2]))
        unit = (2 * (points[..., :2] - low[:2]) / (high - low)[:2] - 1).clamp(-2, 2)
        return torch.where(valid[..., None], unit, torch.zeros_like(unit))
