"""Where is the end effector in the picture? Found in the picture alone, to be held against forward kinematics.

No policy: its chunk stays where the hand is seen. What it is for stands in `control.camera_correction`.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from para.dataset import ModelInput, Targets
from para.heads.cells import cell_centres
from para.heads.head import ChunkBatch, Loss, masked_mean
from para.heads.neck import Pyramid
from para.types import Box


@dataclass(frozen=True)
class LocatorConfig:
    """One heatmap over the picture. It is told neither the robot's state nor the camera: either would give the answer away."""

    widths: tuple[int, ...] = (32, 64, 96)
    """Channels of the pyramid's maps, finest first, one for each backbone map."""
    smoothing: float = 0.75
    """Standard deviation of the soft target around the true place [cells]."""

    def build(self, channels: tuple[int, ...], strides: tuple[int, ...], horizon: int, workspace: Box) -> LocatorHead:
        """The head for a backbone with these feature maps. ValueError for a horizon other than 1: there is one moment."""
        if horizon != 1:
            raise ValueError(f"a locator looks at the present alone, so its horizon is 1, not {horizon}")
        return LocatorHead(self, channels)


@dataclass(frozen=True)
class LocatorOutputs:
    """What the head computes before decoding."""

    logits: torch.Tensor
    """(B, v, u)"""
    outside: torch.Tensor
    """(B,) logit of 'not in this picture', in the same softmax."""


class LocatorHead(nn.Module):
    """See `LocatorConfig`."""

    def __init__(self, config: LocatorConfig, channels: tuple[int, ...]) -> None:
        super().__init__()
        self.config = config
        self.pyramid = Pyramid(channels, config.widths)
        self.score = nn.Conv2d(config.widths[0], 1, 1)
        self.outside = nn.Linear(config.widths[-1], 1)
        for layer in (self.score, self.outside):
            nn.init.normal_(layer.weight, std=0.01)
            nn.init.zeros_(layer.bias)

    def forward(self, features: list[torch.Tensor], inputs: ModelInput) -> LocatorOutputs:
        """See `LocatorOutputs`; of `inputs` nothing is used."""
        maps = self.pyramid(features)
        return LocatorOutputs(self.score(maps[0])[:, 0].float(), self.outside(maps[-1].mean((2, 3)))[:, 0].float())

    def loss(self, outputs: LocatorOutputs, inputs: ModelInput, targets: Targets) -> Loss:
        """Cross-entropy against a Gaussian about the measured end effector's pixel; `targets` are not used."""
        point = inputs.T_world_ee.translation[:, None]
        pixel, depth = inputs.camera.project(point)
        inside = inputs.camera.sees(pixel, depth)[:, 0]
        place = pixel[:, 0] * self._cells_per_pixel(outputs, inputs)  # (B, 2) [cells]
        log_p = torch.cat([outputs.logits.flatten(1), outputs.outside[:, None]], 1).log_softmax(1)
        squared = (_centres(outputs.logits) - place[:, None]).square().sum(-1)  # (B, cells)
        wanted = (-squared / (2 * self.config.smoothing**2)).softmax(1)
        nll = torch.where(inside, -(wanted * log_p[:, :-1]).sum(1), -log_p[:, -1])
        with torch.no_grad():
            seen, _ = self.locate(outputs, inputs)
            off = masked_mean((seen - pixel[:, 0]).norm(dim=-1), inside)
        return Loss(nll.mean(), {"locate": nll.mean().detach(), "off_px": off})

    def locate(self, outputs: LocatorOutputs, inputs: ModelInput) -> tuple[torch.Tensor, torch.Tensor]:
        """(B, 2) pixel of the input picture, and (B,) the probability in the cells that it is read from.

        The pixel is the mean of the 5 x 5 cells about the best one (a local soft-argmax).
        """
        flat = outputs.logits.flatten(1)
        best = _centres(outputs.logits)[flat.argmax(1)]  # (B, 2)
        near = ((_centres(outputs.logits) - best[:, None]).abs() < 2.75).all(-1)  # (B, cells)
        kept = flat.masked_fill(~near, -torch.inf)
        place = kept.softmax(1) @ _centres(outputs.logits)
        total = torch.logaddexp(flat.logsumexp(1), outputs.outside)
        return place / self._cells_per_pixel(outputs, inputs), (kept.logsumexp(1) - total).exp()

    def decode(self, outputs: LocatorOutputs, inputs: ModelInput) -> ChunkBatch:
        """Stay: the measured pose, moved to where the picture shows the hand at its measured height."""
        pixel, confidence = self.locate(outputs, inputs)
        ee = inputs.T_world_ee
        positions, _ = inputs.camera.unproject_height(pixel[:, None], ee.translation[:, None, 2])
        total = torch.logaddexp(outputs.logits.flatten(1).logsumexp(1), outputs.outside)
        outside = (outputs.outside - total).exp()
        return ChunkBatch(
            positions, ee.rotation[:, None], inputs.gripper[:, None], confidence[:, None], outside[:, None]
        )

    @staticmethod
    def _cells_per_pixel(outputs: LocatorOutputs, inputs: ModelInput) -> torch.Tensor:
        rows, columns = outputs.logits.shape[-2:]
        return outputs.logits.new_tensor([columns / inputs.camera.width, rows / inputs.camera.height])


def _centres(logits: torch.Tensor) -> torch.Tensor:
    """(cells, 2) the cells' middles as (column, row), row by row."""
    rows, columns = logits.shape[-2:]
    return cell_centres(rows, columns, columns, rows, logits)
