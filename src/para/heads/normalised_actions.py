"""Chunks <-> normalised vectors, for rivals that treat an action as a point of a vector space (ACT, diffusion)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from para.dataset import ModelInput, SampleTable, Targets
from para.geometry import Camera, Pose, rotation_from_6d, rotation_to_6d
from para.heads.action_space import ActionSpace
from para.heads.head import ChunkBatch

ACTION_VALUES = 10
"""3 coordinates in the action space, 6 of the rotation in its frame, 1 opening."""

_SMALLEST = (0.02, 0.02, 0.02, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1)
"""Least scale of each value: what the demonstrations hardly vary is not blown up into noise."""


@dataclass(frozen=True)
class Normalisation:
    """unit = (value - middle) / scale, for each of the 10 values of an action; taken from demonstrations."""

    middle: tuple[float, ...] = (0.0,) * ACTION_VALUES
    scale: tuple[float, ...] = (1.0,) * ACTION_VALUES

    @classmethod
    def standard(cls, actions: torch.Tensor) -> Normalisation:
        """Mean 0 and standard deviation 1 over (N, 10) actions."""
        return cls._rounded(actions.mean(0), actions.std(0))

    @classmethod
    def min_max(cls, actions: torch.Tensor) -> Normalisation:
        """Between -1 and 1 over (N, 10) actions."""
        low, high = actions.amin(0), actions.amax(0)
        return cls._rounded((low + high) / 2, (high - low) / 2)

    @classmethod
    def _rounded(cls, middle: torch.Tensor, scale: torch.Tensor) -> Normalisation:
        scale = scale.maximum(scale.new_tensor(_SMALLEST))
        return cls(*(tuple(round(float(x), 6) for x in values) for values in (middle, scale)))

    def apply(self, actions: torch.Tensor) -> torch.Tensor:
        """(..., 10) -> normalised."""
        return (actions - actions.new_tensor(self.middle)) / actions.new_tensor(self.scale)

    def undo(self, unit: torch.Tensor) -> torch.Tensor:
        """Inverse of `apply`."""
        return unit * unit.new_tensor(self.scale) + unit.new_tensor(self.middle)


def encode_actions(space: ActionSpace, inputs: ModelInput, targets: Targets) -> torch.Tensor:
    """(B, T, 10) actions, not normalised."""
    return _encode(space, inputs.camera, inputs.T_world_ee, targets.positions, targets.rotations, targets.gripper)


def decode_actions(space: ActionSpace, inputs: ModelInput, actions: torch.Tensor) -> ChunkBatch:
    """(B, T, 10) actions, not normalised -> chunks; the opening is clipped, confidence and view are unknown."""
    gripper = actions[..., 9].clamp(0, 1)
    return ChunkBatch(
        space.decode(actions[..., :3], inputs.camera, inputs.T_world_ee),
        space.rotation_frame(inputs.camera) @ rotation_from_6d(actions[..., 3:9]),
        gripper,
        torch.ones_like(gripper),
        torch.zeros_like(gripper),
    )


def demonstrated_actions(space: ActionSpace, samples: SampleTable) -> torch.Tensor:
    """(N, 10) actions of all steps that exist in the demonstrations, through the recorded cameras."""
    height, width = samples.images.shape[1:3]
    camera = Camera(_float(samples.intrinsics), Pose.from_matrix(_float(samples.T_world_camera)), width, height)
    actions = _encode(
        space,
        camera,
        Pose(_float(samples.ee_rotation), _float(samples.ee_position)),
        _float(samples.target_positions),
        _float(samples.target_rotations),
        _float(samples.target_gripper),
    )
    return actions[torch.from_numpy(samples.target_valid)]


def _encode(space, camera, T_world_ee, positions, rotations, gripper) -> torch.Tensor:
    R_frame_world = space.rotation_frame(camera).transpose(-1, -2)
    coordinates = space.encode(positions, camera, T_world_ee)
    return torch.cat([coordinates, rotation_to_6d(R_frame_world @ rotations), gripper[..., None]], -1)


def _float(array: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(array, dtype=np.float32))
