"""How a pointing head tells rotations: codes, each with its own numbers, distance and way back to a rotation.

All of them are told at a pixel. A code is what one linear layer answers, and what the head is told of the hand's present
rotation in the same terms.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

import torch

from para.geometry import (
    Camera,
    Pose,
    axis_across,
    axis_in_image,
    heading_rotation,
    ray_rotation,
    rotation_from_6d,
    rotation_to_6d,
)

RotationFrame = Literal["ray", "heading", "image"]
"""``ray``: six numbers relative to the ray at the pixel; they roll with the picture. ``heading``: six numbers relative to
gravity and the camera's heading; they do not. ``image``: see `FingersInImage`."""


class RotationCode(Protocol):
    """A way to tell a rotation R_world_ee at a pixel."""

    size: int
    """Numbers of a code."""
    neutral: tuple[float, ...]
    """What an untrained head answers."""

    def encode(self, camera: Camera, pixels: torch.Tensor, rotations: torch.Tensor) -> torch.Tensor:
        """(B, T, 2) pixels and (B, T, 3, 3) R_world_ee -> (B, T, size)."""

    def decode(self, camera: Camera, pixels: torch.Tensor, code: torch.Tensor, T_world_ee: Pose) -> torch.Tensor:
        """(B, T, size) -> (B, T, 3, 3) R_world_ee. `T_world_ee`: the B present poses, for what a code leaves open."""


@dataclass(frozen=True)
class SixNumbers:
    """The first two columns of the rotation in a frame (Zhou et al., 2019)."""

    frame: Literal["ray", "heading"]
    size: int = 6
    neutral: tuple[float, ...] = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)

    def encode(self, camera: Camera, pixels: torch.Tensor, rotations: torch.Tensor) -> torch.Tensor:
        """See `RotationCode.encode`."""
        return rotation_to_6d(self._frame(camera, pixels).transpose(-1, -2) @ rotations)

    def decode(self, camera: Camera, pixels: torch.Tensor, code: torch.Tensor, T_world_ee: Pose) -> torch.Tensor:
        """See `RotationCode.decode`; nothing is left open."""
        return self._frame(camera, pixels) @ rotation_from_6d(code)

    def _frame(self, camera: Camera, pixels: torch.Tensor) -> torch.Tensor:
        """(B, T or 1, 3, 3) R_world_frame."""
        if self.frame == "ray":
            return ray_rotation(camera, pixels)
        return heading_rotation(camera)[:, None]


@dataclass(frozen=True)
class FingersInImage:
    """Which way the hand points, and in which direction of the *picture* its fingers travel.

    The first three numbers are the end effector's z relative to gravity and the camera's heading; the last two are
    cos 2a and sin 2a of the direction a of its x in the picture at the pixel, which is the second point of a pointed
    axis. Such an axis rolls with the picture, so that a network which has seen an object rolled every way has answered
    every direction; perspective is left to the geometry. It has no sign: a hand with two fingers grasps alike after half a
    turn about its z. Decoding takes, step after step, the turn that is nearer to the rotation before, and to the hand's
    present one at first.
    """

    size: int = 5
    neutral: tuple[float, ...] = (0.0, 0.0, -1.0, 0.0, 0.0)

    def encode(self, camera: Camera, pixels: torch.Tensor, rotations: torch.Tensor) -> torch.Tensor:
        """See `RotationCode.encode`."""
        pointing = (heading_rotation(camera)[:, None].transpose(-1, -2) @ rotations[..., 2:])[..., 0]
        c, s = axis_in_image(camera, pixels, rotations[..., 0]).unbind(-1)
        return torch.cat([pointing, (c * c - s * s)[..., None], (2 * c * s)[..., None]], -1)

    def decode(self, camera: Camera, pixels: torch.Tensor, code: torch.Tensor, T_world_ee: Pose) -> torch.Tensor:
        """See `RotationCode.decode`."""
        pointing = torch.nn.functional.normalize(code[..., :3], dim=-1)
        z = (heading_rotation(camera)[:, None] @ pointing[..., None])[..., 0]
        angle = 0.5 * torch.atan2(code[..., 4], code[..., 3])
        x = axis_across(camera, pixels, torch.stack([angle.cos(), angle.sin()], -1), z)
        x = _continued(x, T_world_ee.rotation[..., 0])
        return torch.stack([x, torch.linalg.cross(z, x), z], -1)


def _continued(axes: torch.Tensor, present: torch.Tensor) -> torch.Tensor:
    """(B, T, 3) axes without a sign, each with the one that keeps it near the one before; the first near `present` (B, 3)."""
    found, last = [], present
    for axis in axes.unbind(1):
        agrees = (axis * last).sum(-1, keepdim=True) >= 0
        last = torch.where(agrees, axis, -axis)
        found.append(last)
    return torch.stack(found, 1)


def rotation_code(frame: RotationFrame) -> RotationCode:
    """The code of this name."""
    return FingersInImage() if frame == "image" else SixNumbers(frame)
