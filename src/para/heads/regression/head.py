"""What every regressing rival shares: bounded coordinates in an action space, L1 loss in metres, decoding."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import nn

from para.dataset import ModelInput, Targets
from para.geometry import rotation_from_6d, rotation_to_6d
from para.heads.action_space import ActionSpace
from para.heads.head import ChunkBatch, Loss, gripper_loss, masked_mean
from para.heads.instruction import Instruction
from para.heads.proprioception import CAMERA_VALUES, PIXEL_STATE_VALUES, Told, camera_vector, pixel_state
from para.types import Box

STEP_VALUES = 10
"""Numbers regressed for a step: 3 coordinates, gripper, 6 of the rotation."""


@dataclass(frozen=True)
class RegressionOutputs:
    """What a head computes before decoding."""

    unit: torch.Tensor
    """(B, T, 3) coordinates in the action space, its range scaled to 0..1."""
    gripper: torch.Tensor
    """(B, T) logits."""
    six: torch.Tensor
    """(B, T, 6) rotation of the end effector in the action space's rotation frame."""


class RegressionSettings(Protocol):
    """The part of the configuration that every reading uses."""

    space: ActionSpace
    camera_input: bool
    gripper_weight: float
    rotation_weight: float
    instruction: Instruction | None


class RegressionHead(nn.Module):
    """Base of the readings: `forward` gives `RegressionOutputs`, the rest is here."""

    def __init__(self, config: RegressionSettings, horizon: int, workspace: Box) -> None:
        super().__init__()
        self.config, self.horizon, self.workspace = config, horizon, workspace
        self.told = Told(config.instruction)
        self.state_values = PIXEL_STATE_VALUES + (CAMERA_VALUES if config.camera_input else 0) + self.told.values

    def loss(self, outputs: RegressionOutputs, inputs: ModelInput, targets: Targets) -> Loss:
        """L1 distance in metres (x 10), gripper cross-entropy, rotation."""
        camera = inputs.camera
        wanted = self.config.space.encode(targets.positions, camera, inputs.T_world_ee)
        metres = self.config.space.metres(wanted, camera)
        # Without weight there may be no finite target either: a position behind the camera has no pixel.
        error = torch.where(metres > 0, (self._coordinates(outputs.unit) - wanted).abs() * metres, 0.0).mean(-1)
        R_frame_world = self.config.space.rotation_frame(camera).transpose(-1, -2)
        six = rotation_to_6d(R_frame_world @ targets.rotations)
        parts = {
            "position": 10 * masked_mean(error, targets.valid),
            "gripper": gripper_loss(outputs.gripper, targets, targets.valid),
            "rotation": masked_mean(((outputs.six - six) ** 2).mean(-1), targets.valid),
        }
        total = (
            parts["position"]
            + self.config.gripper_weight * parts["gripper"]
            + self.config.rotation_weight * parts["rotation"]
        )
        return Loss(total, {name: value.detach() for name, value in parts.items()})

    def decode(self, outputs: RegressionOutputs, inputs: ModelInput) -> ChunkBatch:
        """The regressed chunk; it knows neither confidence nor view."""
        gripper = outputs.gripper.sigmoid()
        return ChunkBatch(
            self.config.space.decode(self._coordinates(outputs.unit), inputs.camera, inputs.T_world_ee),
            self.config.space.rotation_frame(inputs.camera) @ rotation_from_6d(outputs.six),
            gripper,
            torch.ones_like(gripper),
            torch.zeros_like(gripper),
        )

    def state(self, inputs: ModelInput) -> torch.Tensor:
        """(B, 4) end-effector pixel, height and opening: what the volume head is told; 16 more with the camera, and the
        instruction's where it is read."""
        state = pixel_state(inputs, self.workspace)
        return self.told(torch.cat([state, camera_vector(inputs)], -1) if self.config.camera_input else state, inputs)

    def _coordinates(self, unit: torch.Tensor) -> torch.Tensor:
        low, high = (unit.new_tensor(x) for x in self.config.space.range(self.workspace))
        return low + unit * (high - low)


def step_outputs(out: torch.Tensor) -> RegressionOutputs:
    """(B, T, 10) raw numbers -> coordinates through a sigmoid, gripper, rotation near the identity."""
    identity = out.new_tensor([1.0, 0, 0, 0, 1.0, 0])
    return RegressionOutputs(out[..., :3].sigmoid(), out[..., 3], out[..., 4:] + identity)
