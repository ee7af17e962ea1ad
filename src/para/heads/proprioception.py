"""What rivals are told beside the picture: the measured state, the camera and the instruction, as one vector."""

from __future__ import annotations

import torch
from torch import nn

from para.dataset import ModelInput
from para.geometry import rotation_to_6d
from para.heads.action_space import ActionSpace, CameraFrame, World
from para.heads.head import full_precision
from para.heads.instruction import Instruction, encoder
from para.types import Box

CAMERA_VALUES = 16
"""Length of `camera_vector`."""
PIXEL_STATE_VALUES = 4
"""Length of `pixel_state`."""
POSE_STATE_VALUES = 10
"""Length of `pose_state`."""


class Told(nn.Module):
    """Appends the instruction's vector to a state, where there is one to be read."""

    def __init__(self, instruction: Instruction | None) -> None:
        super().__init__()
        self.encoder = encoder(instruction)
        self.values = 0 if instruction is None else instruction.values
        """Numbers that are appended."""

    def forward(self, state: torch.Tensor, inputs: ModelInput) -> torch.Tensor:
        """(B, S) -> (B, S + values)."""
        return state if self.encoder is None else torch.cat([state, self.encoder(inputs.instruction)], -1)


def camera_vector(inputs: ModelInput) -> torch.Tensor:
    """(B, 16): fx, fy, cx, cy in image sizes and the 3 x 4 matrix T_world_camera [m]."""
    camera = inputs.camera
    size = camera.intrinsics.new_tensor([camera.width, camera.height])
    return torch.cat([camera.intrinsics / size.repeat(2), camera.T_world_camera.matrix().flatten(1)], -1)


def pixel_state(inputs: ModelInput, workspace: Box) -> torch.Tensor:
    """(B, 4): the end effector's pixel (image borders at -1 and 1), its height in the workspace and the opening."""
    camera = inputs.camera
    with full_precision(inputs.gripper):
        pixel, _ = camera.project(inputs.T_world_ee.translation[:, None])
    size = pixel.new_tensor([camera.width, camera.height])
    low, high = workspace.low[2], workspace.high[2]
    height = (inputs.T_world_ee.translation[:, 2:] - low) / (high - low)
    return torch.cat([(pixel[:, 0] / size * 2 - 1).clamp(-2, 2), height, inputs.gripper[:, None]], -1)


def pose_state(inputs: ModelInput, workspace: Box, space: ActionSpace) -> torch.Tensor:
    """(B, 10): end-effector position, rotation (6D) and opening, in the camera's frame when actions are, else in the world.

    Positions have the borders of the space's range at -1 and 1. In the world no camera is in it.
    """
    if not isinstance(space, CameraFrame):
        space = World()
    camera, pose = inputs.camera, inputs.T_world_ee
    with full_precision(inputs.gripper):
        position = space.encode(pose.translation[:, None], camera, pose)[:, 0]
        rotation = space.rotation_frame(camera)[:, 0].transpose(-1, -2) @ pose.rotation
    low, high = (position.new_tensor(x) for x in space.range(workspace))
    return torch.cat([2 * (position - low) / (high - low) - 1, rotation_to_6d(rotation), inputs.gripper[:, None]], -1)
