"""Plücker planes: each cell's ray as six numbers in the world, direction d and moment o x d.

They tell a network that has no geometry of its own where every pixel looks, whatever camera it is (as camera-aware
variants of ACT do, e.g. "Do you know where your camera is?", 2025).
"""

from __future__ import annotations

import torch

from para.geometry import Camera
from para.heads.cells import cell_centres
from para.heads.head import full_precision
from para.types import Box

PLUCKER_VALUES = 6
"""Number of planes."""


def plucker_planes(camera: Camera, rows: int, columns: int, workspace: Box) -> torch.Tensor:
    """(B, 6, rows, columns): unit direction, and moment about the workspace's middle [m] (its length is the distance
    at which the ray passes that middle, so both are of the order of 1)."""
    like = camera.intrinsics
    pixels = cell_centres(rows, columns, camera.width, camera.height, like).expand(len(like), -1, -1)
    with full_precision(like):
        direction = torch.nn.functional.normalize(camera.rays(pixels), dim=-1)
    middle = (like.new_tensor(workspace.low) + like.new_tensor(workspace.high)) / 2
    origin = (camera.T_world_camera.translation - middle)[:, None].expand_as(direction)
    moment = torch.linalg.cross(origin, direction)
    return torch.cat([direction, moment], -1).transpose(1, 2).unflatten(2, (rows, columns))
