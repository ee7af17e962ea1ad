"""How a hand's fingers should lie about the vertical, read from above: a patch of the picture, unprojected onto a level plane.

In a picture a turned object also changes its shape: what lies along the line of sight is foreshortened, so that a network that
was shown some directions cannot know the others, however the picture is rolled. Seen from straight above, a level face that
turns does nothing but turn. So the patch is drawn as from above, and in training turned at random with its label: whatever
directions were demonstrated, every direction has been answered.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F

from para.dataset import ModelInput
from para.geometry import Camera, Pose
from para.heads.head import full_precision, masked_mean

WIDE_OPEN = 0.9
"""A gripper that is open wider than this share holds nothing."""
TELLING = 0.1
"""Length of the hand's x as seen from above, or height of its z, below which there is no telling how it is turned about the
vertical: it is within 6 deg of standing upright, or of lying level."""


@dataclass(frozen=True)
class TopView:
    """A level square about the place where the gripper will next act."""

    size: float = 0.2
    """Side of the square [m]; the objects' own size and some of their surroundings."""
    cells: int = 40
    """Along a side."""
    noise: float = 0.01
    """Standard deviation of the square's middle in training [m]."""
    copies: int = 2
    """Of each moment in training, each turned at random."""
    turns: int = 8
    """Evenly turned squares in evaluation, whose mean is taken."""
    near: float = 0.12
    """Nearer to the place than this the hand hides it, and keeps its turn [m]."""

    def build(self) -> TopViewReader:
        """The network that reads it."""
        return TopViewReader(self)


class TopViewReader(nn.Module):
    """Tells the fingers' axis, which has no sign, as (cos 2a, sin 2a) of its angle a about the world's vertical.

    It learns by squared error, so that the length of an answer says how sure it is: hidden by the arm, or where nothing has a
    direction, it is about 0.
    """

    def __init__(self, config: TopView) -> None:
        super().__init__()
        self.config = config
        widths = (16, 32, 48, 64)
        layers: list[nn.Module] = []
        for before, width, stride in zip((3, *widths), widths, (1, 2, 2, 2)):
            layers += [nn.Conv2d(before, width, 3, stride, 1), nn.GroupNorm(width // 8, width), nn.ReLU()]
        side = -(-config.cells // 8)
        self.read = nn.Sequential(
            *layers, nn.Flatten(), nn.Linear(widths[-1] * side**2, 64), nn.ReLU(), nn.Linear(64, 2)
        )

    def forward(self, inputs: ModelInput, places: torch.Tensor, angles: torch.Tensor) -> torch.Tensor:
        """Squares about (B, 3) places [m], world, turned by (B, K) angles about the vertical [rad] -> (B, K, 2) axes, told
        relative to the square."""
        squares = self.squares(inputs, places, angles)
        return self.read(squares.flatten(0, 1)).float().unflatten(0, angles.shape)

    def squares(self, inputs: ModelInput, places: torch.Tensor, angles: torch.Tensor) -> torch.Tensor:
        """(B, K, 3, cells, cells) in [0, 1]: columns along the square's x, rows along its y."""
        camera: Camera = inputs.camera
        n, (b, k) = self.config.cells, angles.shape
        with full_precision(places):
            line = ((torch.arange(n, device=places.device) + 0.5) / n - 0.5) * self.config.size
            y, x = torch.meshgrid(line, line, indexing="ij")
            c, s = (f(angles)[..., None, None] for f in (torch.cos, torch.sin))
            level = torch.stack([c * x - s * y, s * x + c * y, torch.zeros_like(c * x)], -1)  # (B, K, n, n, 3)
            points = level + places[:, None, None, None]
            pixels, _ = camera.project(points.flatten(1, 3))
            grid = pixels / pixels.new_tensor([camera.width, camera.height]) * 2 - 1
            image = inputs.image.float() / 255.0
            drawn = F.grid_sample(image, grid.view(b, k * n, n, 2), align_corners=False, padding_mode="border")
        return drawn.unflatten(2, (k, n)).transpose(1, 2)

    def loss(self, inputs: ModelInput, next_grip: Pose) -> torch.Tensor:
        """() mean squared error at the true places, give or take the noise, of those that are in the picture and whose hand
        has an axis as seen from above."""
        places, batch = next_grip.translation, len(next_grip.translation)
        seen = inputs.camera.sees(*inputs.camera.project(places[:, None]))  # (B, 1)
        seen = seen & has_axis(next_grip.rotation)[:, None]
        angles = 2 * math.pi * torch.rand(batch, self.config.copies, device=places.device)
        found = self(inputs, places + self.config.noise * torch.randn_like(places), angles)
        wanted = doubled(axis_angle(next_grip.rotation)[:, None] - angles)
        return masked_mean(((found - wanted) ** 2).mean(-1), seen.expand_as(angles))

    def axes(self, inputs: ModelInput, places: torch.Tensor) -> torch.Tensor:
        """(B, 3) places -> (B, 2) axes (cos 2a, sin 2a) in the world, of length 0 (unknown) to about 1."""
        turns = torch.arange(self.config.turns, device=places.device) * (math.pi / self.config.turns)
        angles = turns.expand(len(places), -1)
        c, s = self(inputs, places, angles).unbind(-1)
        turned = doubled(angles)
        cosine, sine = turned[..., 0], turned[..., 1]
        return torch.stack([cosine * c - sine * s, sine * c + cosine * s], -1).mean(1)

    def turned(self, inputs: ModelInput, places: torch.Tensor, rotations: torch.Tensor) -> torch.Tensor:
        """(B, 3, 3) R_world_ee with their x turned about their z to the axis read at the places. What is hardly known stays
        as `rotations` have it. Where the hand itself hides the place, and while the gripper is not wide open, as it is while
        it carries, the hand keeps the turn that it has, or the one that `rotations` have where its x stands upright. Of the
        two turns the nearer one to the hand's present x.

        A hand whose z is level is not turned at all: about a level axis nothing turns as seen from above, and `rotations` are
        returned as they are."""
        present = inputs.T_world_ee.rotation
        axis = self.axes(inputs, places)
        near = (inputs.T_world_ee.translation - places).norm(dim=-1, keepdim=True) < self.config.near
        kept = near | (inputs.gripper < WIDE_OPEN)[:, None]
        unknown = (1 - 2 * axis.norm(dim=-1, keepdim=True)).clamp(min=0)
        seen = axis + unknown * doubled(axis_angle(rotations))
        had = torch.where(has_axis(present), axis_angle(present), axis_angle(rotations))
        axis = torch.where(kept, doubled(had), seen)
        angle = 0.5 * torch.atan2(axis[:, 1], axis[:, 0])
        level = torch.stack([angle.cos(), angle.sin(), torch.zeros_like(angle)], -1)
        z = rotations[..., 2]
        x = F.normalize(level - (level * z).sum(-1, keepdim=True) * z, dim=-1)
        x = torch.where((x * present[..., 0]).sum(-1, keepdim=True) >= 0, x, -x)
        turned = torch.stack([x, torch.linalg.cross(z, x), z], -1)
        return torch.where(z[:, 2, None, None].abs() > TELLING, turned, rotations)


def has_axis(rotations: torch.Tensor) -> torch.Tensor:
    """(..., 3, 3) R_world_ee -> (...) bool: whether `axis_angle` says anything."""
    return rotations[..., :2, 0].norm(dim=-1) > TELLING


def axis_angle(rotations: torch.Tensor) -> torch.Tensor:
    """(..., 3, 3) R_world_ee -> (...) angle of the fingers' axis, the hand's x, about the vertical [rad]."""
    return torch.atan2(rotations[..., 1, 0], rotations[..., 0, 0])


def doubled(angles: torch.Tensor) -> torch.Tensor:
    """(...) angles a -> (..., 2) cos 2a and sin 2a, the same after half a turn."""
    return torch.stack([(2 * angles).cos(), (2 * angles).sin()], -1)
