"""The robot's state and the camera's geometry, drawn as planes over the image's cells.

A volume head must know where the gripper is, how high, how open, and what a metre looks like in this picture. As planes
these are told in image terms, so that a network which shifts with its input keeps doing so.
"""

from __future__ import annotations

from typing import Literal

import torch

from para.dataset import ModelInput
from para.heads.cells import cell_centres

Offsets = Literal["signed", "distance"]
"""How each cell is told where it lies from the end effector: as (du, dv), or as a distance that has no direction."""


def plane_count(offsets: Offsets = "signed", displacement: bool = True) -> int:
    """Number of channels that `state_planes` draws."""
    return 4 + (4 if offsets == "signed" else 2) + (6 if displacement else 0)


_DISPLACEMENT = 0.1
"""Length of the world displacements whose image is drawn [m]."""


def state_planes(
    inputs: ModelInput,
    rows: int,
    columns: int,
    table_height: float,
    top_height: float,
    offsets: Offsets = "signed",
    displacement: bool = True,
) -> torch.Tensor:
    """(B, `plane_count`, rows, columns): gripper blob, foot blob, offsets (4 or 2), gripper state, height, displacement (6).

    The blob at the end effector's pixel carries its height between `table_height` and `top_height` [m], which also fills a
    plane, as coarse maps may miss a blob; another lies where its vertical meets the table. The offsets are those of each
    cell from these two pixels, or their lengths, in halves of the image. The displacement planes hold how far 10 cm along
    world x, y and z move a point of the table at each cell, in halves of the image.
    """
    camera, batch = inputs.camera, len(inputs.gripper)
    centres = cell_centres(rows, columns, camera.width, camera.height, camera.intrinsics)
    u, v = centres.unflatten(0, (rows, columns)).unbind(-1)  # (rows, columns) [px]
    ee = inputs.T_world_ee.translation[:, None]
    foot = torch.cat([ee[..., :2], torch.full_like(ee[..., 2:], table_height)], -1)
    (ee_pixel, depth), (foot_pixel, foot_depth) = camera.project(ee), camera.project(foot)  # (B, 1, 2), (B, 1)
    visible, foot_visible = (d[..., None] > 0 for d in (depth, foot_depth))
    du = (u - ee_pixel[..., 0, None]) / camera.width  # (B, rows, columns), in image widths
    dv = (v - ee_pixel[..., 1, None]) / camera.height
    foot_du = (u - foot_pixel[..., 0, None]) / camera.width
    foot_dv = (v - foot_pixel[..., 1, None]) / camera.height
    if offsets == "signed":
        away = [(2 * offset).clamp(-2, 2) for offset in (du, dv, foot_du, foot_dv)]
    else:
        away = [2 * torch.hypot(du, dv).clamp(max=1), 2 * torch.hypot(foot_du, foot_dv).clamp(max=1)]
    height = (inputs.T_world_ee.translation[:, 2] - table_height) / (top_height - table_height)
    planes = [
        _blob(du, dv) * visible * (0.5 + height[:, None, None]),
        _blob(foot_du, foot_dv) * foot_visible,
        *away,
        *(x[:, None, None].expand(batch, rows, columns) for x in (2 * inputs.gripper - 1, 2 * height - 1)),
    ]
    drawn = torch.stack(planes, 1)
    return torch.cat([drawn, _displacement(inputs, u, v, table_height)], 1) if displacement else drawn


def _blob(du: torch.Tensor, dv: torch.Tensor) -> torch.Tensor:
    """A spot of 2 % of the image's size."""
    return torch.exp(-(du**2 + dv**2) / (2 * 0.02**2))


def _displacement(inputs: ModelInput, u: torch.Tensor, v: torch.Tensor, height: float) -> torch.Tensor:
    """(B, 6, rows, columns): (du, dv) of 10 cm along x, y, z, by the pinhole's exact projection of both end points."""
    camera, batch = inputs.camera, len(inputs.gripper)
    pixels = torch.stack([u, v], -1).reshape(1, -1, 2).expand(batch, -1, -1)
    points, valid = camera.unproject_height(pixels, torch.full_like(pixels[..., 0], height))
    planes = []
    for axis in range(3):
        moved = points.clone()
        moved[..., axis] += _DISPLACEMENT
        moved_pixels, depth = camera.project(moved)
        change = (moved_pixels - pixels) / pixels.new_tensor([camera.width / 2, camera.height / 2])
        seen = (valid & (depth > 0.05))[..., None]
        planes.append(torch.where(seen, change.clamp(-1, 1), torch.zeros_like(change)))
    return 4 * torch.cat(planes, -1).transpose(1, 2).unflatten(2, u.shape)
