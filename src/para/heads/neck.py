"""Backbone features, with or without state planes -> one fine feature map, coarse context first."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from para.dataset import ModelInput
from para.heads.head import full_precision
from para.heads.instruction import Instruction, Modulation, encoder
from para.heads.state_planes import Offsets, plane_count, state_planes


class Pyramid(nn.Module):
    """A light feature pyramid. Convolutions alone: away from the borders its output moves with the image."""

    def __init__(self, channels: tuple[int, ...], widths: tuple[int, ...]) -> None:
        """`channels` and `widths` finest first."""
        super().__init__()
        if len(widths) != len(channels):
            raise ValueError(f"the neck needs one width for each of the {len(channels)} feature maps, got {widths}")
        self.lateral = nn.ModuleList(
            nn.Sequential(nn.Conv2d(c, w, 1), nn.GroupNorm(1, w)) for c, w in zip(channels, widths)
        )
        self.context = nn.Sequential(*(_Residual(widths[-1], dilation) for dilation in (1, 2, 4)))
        self.down = nn.ModuleList(nn.Conv2d(c, f, 1) for f, c in zip(widths[:-1], widths[1:]))
        self.smooth = nn.ModuleList(nn.Conv2d(w, w, 3, padding=1) for w in widths[:-1])

    def forward(self, features: list[torch.Tensor]) -> list[torch.Tensor]:
        """One map for each feature map, finest first, (B, width_i, rows_i, columns_i)."""
        return self.merge([F.relu(lateral(feature)) for feature, lateral in zip(features, self.lateral)])

    def merge(self, maps: list[torch.Tensor]) -> list[torch.Tensor]:
        """Context at the coarsest map, then carried down to the finest."""
        maps[-1] = self.context(maps[-1])
        for i in reversed(range(len(maps) - 1)):
            coarse = F.interpolate(self.down[i](maps[i + 1]), maps[i].shape[-2:], mode="bilinear", align_corners=False)
            maps[i] = F.relu(self.smooth[i](maps[i] + coarse)) + maps[i]
        return maps


class Neck(Pyramid):
    """The pyramid of a policy: each map is also told the robot's state and the camera's geometry as planes."""

    def __init__(
        self,
        channels: tuple[int, ...],
        widths: tuple[int, ...],
        heights: tuple[float, float],
        offsets: Offsets = "signed",
        displacement: bool = True,
        instruction: Instruction | None = None,
    ) -> None:
        """`channels` and `widths` finest first; `heights` are those of the plane that the hand's foot is
        drawn in and of the top [m]. These and the next two are
        arguments of `state_planes`. An `instruction` modulates every map before context is mixed in."""
        super().__init__(channels, widths)
        self.heights, self.offsets, self.displacement = heights, offsets, displacement
        count = plane_count(offsets, displacement)
        self.planes = nn.ModuleList(nn.Conv2d(count, w, 1) for w in widths)
        self.instruction = encoder(instruction)
        self.modulate = (
            None if instruction is None else nn.ModuleList(Modulation(instruction.values, w) for w in widths)
        )

    def forward(self, features: list[torch.Tensor], inputs: ModelInput) -> list[torch.Tensor]:
        """One map for each feature map, finest first, (B, width_i, rows_i, columns_i)."""
        maps = []
        told = None if self.instruction is None else self.instruction(inputs.instruction)
        for i, (feature, lateral, project) in enumerate(zip(features, self.lateral, self.planes)):
            with full_precision(feature):
                planes = state_planes(inputs, *feature.shape[-2:], *self.heights, self.offsets, self.displacement)
            x = lateral(feature) + project(planes)
            maps.append(F.relu(x if told is None else self.modulate[i](x, told)))
        return self.merge(maps)


class _Residual(nn.Module):
    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=dilation, dilation=dilation)
        self.second = nn.Conv2d(width, width, 3, padding=1)
        nn.init.zeros_(self.second.weight)
        nn.init.zeros_(self.second.bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.second(F.relu(self.first(x)))
