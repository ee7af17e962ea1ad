"""What training steps are made of."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from para.geometry import Camera, Pose


@dataclass(frozen=True)
class ModelInput:
    """What a policy network sees, batched."""

    image: torch.Tensor
    """(B, 3, H, W) uint8."""
    camera: Camera
    """B cameras of exactly these images, float32."""
    T_world_ee: Pose
    """B measured end-effector poses, float32."""
    gripper: torch.Tensor
    """(B,) measured opening, 0 = closed, 1 = open."""
    instruction: tuple[str, ...] = ()
    """B sentences that say what to do; empty for those who are told nothing."""

    def to(self, device: torch.device | str) -> ModelInput:
        """On another device."""
        return ModelInput(
            self.image.to(device),
            _camera_to(self.camera, device),
            _pose_to(self.T_world_ee, device),
            self.gripper.to(device),
            self.instruction,
        )


@dataclass(frozen=True)
class Targets:
    """What the demonstrator did next, batched, in the world frame: labels follow by projection through the input's camera."""

    positions: torch.Tensor
    """(B, T, 3) measured end-effector positions at t + (k + 1) x 0.2 s [m]."""
    rotations: torch.Tensor
    """(B, T, 3, 3) measured R_world_ee."""
    gripper: torch.Tensor
    """(B, T) commanded opening, 0 = close to 1 = open, and whatever was commanded between."""
    valid: torch.Tensor
    """(B, T) bool: False after the end of the episode."""
    next_grip: Pose | None = None
    """B poses T_world_ee when the gripper is next told to open or close, or at the end of the episode."""

    def to(self, device: torch.device | str) -> Targets:
        """On another device."""
        next_grip = None if self.next_grip is None else _pose_to(self.next_grip, device)
        return Targets(*(x.to(device) for x in (self.positions, self.rotations, self.gripper, self.valid)), next_grip)


@dataclass(frozen=True)
class Clip:
    """What the camera saw from the moment of the input on, batched."""

    frames: torch.Tensor
    """(B, F, 3, H, W) uint8, 0.2 s apart; frame 0 is the input's image, frame k + 1 is of step k of the targets."""
    valid: torch.Tensor
    """(B, F) bool: False after the end of the episode, where the last picture stands still."""

    def to(self, device: torch.device | str) -> Clip:
        """On another device."""
        return Clip(self.frames.to(device), self.valid.to(device))


@dataclass(frozen=True)
class Batch:
    """Inputs and targets of one training step."""

    inputs: ModelInput
    targets: Targets
    clip: Clip | None = None
    """For those who learn from what comes next."""

    def to(self, device: torch.device | str) -> Batch:
        """On another device."""
        clip = None if self.clip is None else self.clip.to(device)
        return Batch(self.inputs.to(device), self.targets.to(device), clip)


def _pose_to(pose: Pose, device: torch.device | str) -> Pose:
    return Pose(pose.rotation.to(device), pose.translation.to(device))


def _camera_to(camera: Camera, device: torch.device | str) -> Camera:
    return replace(
        camera, intrinsics=camera.intrinsics.to(device), T_world_camera=_pose_to(camera.T_world_camera, device)
    )
