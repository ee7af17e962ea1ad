"""In which coordinates a rival names its targets: world, offset from the gripper, camera frame, or pixel and height.

Each is a named type with `encode` (world -> coordinates) and `decode` (back), both through the camera of the very image,
so that a crop, a zoom or another view changes the coordinates as it should. Rotations are told in the world, except in
the camera frame, where they are relative to the camera.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from para.geometry import Camera, Pose
from para.types import Box

Range = tuple[tuple[float, float, float], tuple[float, float, float]]
"""Lowest and highest value of the three coordinates."""


@dataclass(frozen=True)
class World:
    """Absolute positions in the world [m]."""

    def encode(self, positions: torch.Tensor, camera: Camera, T_world_ee: Pose) -> torch.Tensor:
        """(B, T, 3) world positions [m] -> (B, T, 3) coordinates."""
        return positions

    def decode(self, coordinates: torch.Tensor, camera: Camera, T_world_ee: Pose) -> torch.Tensor:
        """(B, T, 3) coordinates -> (B, T, 3) world positions [m]; NaN where there is none."""
        return coordinates

    def metres(self, coordinates: torch.Tensor, camera: Camera) -> torch.Tensor:
        """(B, T, 3) how far a change of each coordinate by 1 moves a target there [m]."""
        return torch.ones_like(coordinates)

    def range(self, workspace: Box) -> Range:
        """What a bounded reading can name."""
        return workspace.low, workspace.high

    def rotation_frame(self, camera: Camera) -> torch.Tensor:
        """(B, 1, 3, 3) R_world_frame of the frame that rotations are told in."""
        eye = torch.eye(3, dtype=camera.intrinsics.dtype, device=camera.intrinsics.device)
        return eye.expand(len(camera.intrinsics), 1, 3, 3)


@dataclass(frozen=True)
class EndEffectorOffset(World):
    """Way from the measured end-effector position, along the world's axes [m]."""

    def encode(self, positions: torch.Tensor, camera: Camera, T_world_ee: Pose) -> torch.Tensor:
        """See `World.encode`."""
        return positions - T_world_ee.translation[:, None]

    def decode(self, coordinates: torch.Tensor, camera: Camera, T_world_ee: Pose) -> torch.Tensor:
        """See `World.decode`."""
        return coordinates + T_world_ee.translation[:, None]

    def range(self, workspace: Box) -> Range:
        """Any way from one place of the workspace to another."""
        size = tuple(high - low for low, high in zip(workspace.low, workspace.high))
        return tuple(-x for x in size), size


@dataclass(frozen=True)
class CameraFrame(World):
    """Positions in the camera's axes, x right, y down, z forward [m]; rotations are R_camera_ee."""

    low: tuple[float, float, float] = (-0.9, -0.9, 0.3)
    high: tuple[float, float, float] = (0.9, 0.9, 2.3)
    """The box before the camera that a bounded reading can name [m]; any workspace of a table-top robot fits."""

    def encode(self, positions: torch.Tensor, camera: Camera, T_world_ee: Pose) -> torch.Tensor:
        """See `World.encode`."""
        return camera.T_world_camera.inverse() @ positions

    def decode(self, coordinates: torch.Tensor, camera: Camera, T_world_ee: Pose) -> torch.Tensor:
        """See `World.decode`."""
        return camera.T_world_camera @ coordinates

    def range(self, workspace: Box) -> Range:
        """The box before the camera."""
        return self.low, self.high

    def rotation_frame(self, camera: Camera) -> torch.Tensor:
        """R_world_camera."""
        return camera.T_world_camera.rotation[:, None]


@dataclass(frozen=True)
class PixelHeight(World):
    """Pixel as a share of the image's width and height, and world height [m]; unprojected onto that height's plane."""

    margin: float = 0.5
    """How far beyond the image a bounded reading can point, in image sizes."""

    def encode(self, positions: torch.Tensor, camera: Camera, T_world_ee: Pose) -> torch.Tensor:
        """See `World.encode`. A position behind the camera has no meaningful pixel; `metres` gives it no weight."""
        pixels, _ = camera.project(positions)
        return torch.cat([pixels / _size(camera, pixels), positions[..., 2:]], -1)

    def decode(self, coordinates: torch.Tensor, camera: Camera, T_world_ee: Pose) -> torch.Tensor:
        """See `World.decode`: P = C + ((h - C_z) / d_z) d; NaN where the ray misses the plane."""
        pixels = coordinates[..., :2] * _size(camera, coordinates)
        points, valid = camera.unproject_height(pixels, coordinates[..., 2])
        return torch.where(valid[..., None], points, torch.full_like(points, torch.nan))

    def metres(self, coordinates: torch.Tensor, camera: Camera) -> torch.Tensor:
        """A share of the image is as long as it looks at the target's depth (0 behind the camera); height is in metres."""
        points, valid = camera.unproject_height(coordinates[..., :2] * _size(camera, coordinates), coordinates[..., 2])
        depth = (camera.T_world_camera.inverse() @ points)[..., 2:]
        depth = torch.where(valid[..., None], depth, torch.zeros_like(depth)).clamp(min=0)
        focal = camera.intrinsics[:, None, :2].abs()
        across = depth * _size(camera, coordinates) / focal
        return torch.cat([across, torch.ones_like(depth) * (depth > 0)], -1)

    def range(self, workspace: Box) -> Range:
        """The image with its margin, and the workspace's heights."""
        low, high = -self.margin, 1 + self.margin
        return (low, low, workspace.low[2]), (high, high, workspace.high[2])


ActionSpace = World | EndEffectorOffset | CameraFrame | PixelHeight


def _size(camera: Camera, like: torch.Tensor) -> torch.Tensor:
    return like.new_tensor([camera.width, camera.height])
