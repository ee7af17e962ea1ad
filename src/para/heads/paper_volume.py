"""The published system's head, as far as it is known (second generation, joint softmax).

Features are upsampled to a 64 x 64 map and refined by three 3x3 convolutions; a 1x1 convolution scores 64 x 64 cells times
32 height bins per step; gripper and three Euler angles are classified into 32 bins each, from the feature at one pixel,
the true one in training and the argmax at test time. One-hot cross-entropy, plain argmax, a learned embedding at the end
effector's cell, no other proprioception. Bin ranges come from the demonstrations, as there.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import nn
from torch.nn import functional as F

from para.dataset import ModelInput, SampleTable, Targets, volume_labels
from para.geometry import HeightBins, VolumeGrid
from para.heads.head import ChunkBatch, Loss, full_precision, masked_mean
from para.heads.scores import read_scores
from para.types import Box


@dataclass(frozen=True)
class PaperVolumeConfig:
    """See the module; ranges are overwritten by `fitted`."""

    bins: HeightBins = HeightBins(0.90, 1.25, 32)
    grid: int = 64
    """Rows and columns of the map."""
    classes: int = 32
    """Bins of the gripper and of each Euler angle."""
    euler_middle: tuple[float, float, float] = (3.14159265, 0.0, 0.0)
    """Angles (about x, y, z) at the middle of the rotation bins [rad]."""
    euler_range: float = 0.2
    """Width of the rotation bins' range [rad]."""

    def fitted(self, samples: SampleTable) -> PaperVolumeConfig:
        """Ranges from the demonstrations' statistics."""
        z = samples.target_positions[..., 2][samples.target_valid]
        margin = 0.02 * float(z.max() - z.min()) + 1e-3
        rotations = torch.from_numpy(samples.target_rotations[samples.target_valid])
        angles = _euler(rotations)
        middle = torch.atan2(angles.sin().mean(0), angles.cos().mean(0))
        width = 2.1 * float(_wrap(angles - middle).abs().max())
        return replace(
            self,
            bins=HeightBins(float(z.min()) - margin, float(z.max()) + margin, self.bins.count),
            euler_middle=tuple(round(float(x), 5) for x in middle),
            euler_range=max(width, 0.1),
        )

    def build(
        self, channels: tuple[int, ...], strides: tuple[int, ...], horizon: int, workspace: Box
    ) -> PaperVolumeHead:
        """The head for a backbone with these feature maps (it reads the coarsest)."""
        return PaperVolumeHead(self, channels[-1], horizon)


@dataclass(frozen=True)
class PaperVolumeOutputs:
    """What the head computes before decoding."""

    logits: torch.Tensor
    """(B, T, D, v, u)."""
    refined: torch.Tensor
    """(B, C, v, u) features to index."""


class PaperVolumeHead(nn.Module):
    """See `PaperVolumeConfig`."""

    def __init__(self, config: PaperVolumeConfig, channels: int, horizon: int) -> None:
        super().__init__()
        self.config, self.horizon = config, horizon
        self.volume_grid = VolumeGrid(config.bins, config.grid, config.grid)
        self.start = nn.Parameter(torch.randn(channels) * 0.02)
        self.refine = nn.Sequential(
            *(m for _ in range(3) for m in (nn.Conv2d(channels, channels, 3, padding=1), nn.GELU()))
        )
        self.score = nn.Conv2d(channels, horizon * config.bins.count, 1)
        self.gripper = _classifier(channels, horizon * config.classes)
        self.rotation = _classifier(channels, horizon * 3 * config.classes)

    def volume(self, width: int, height: int) -> VolumeGrid:
        """The volume; it has the same cells whatever the image's size [px]."""
        return self.volume_grid

    def forward(self, features: list[torch.Tensor], inputs: ModelInput) -> PaperVolumeOutputs:
        """See `PaperVolumeOutputs`."""
        x = features[-1]
        rows, columns = x.shape[-2:]
        with full_precision(x):
            pixel, _ = inputs.camera.project(inputs.T_world_ee.translation[:, None])
        column = (pixel[:, 0, 0] * columns / inputs.camera.width).long().clamp(0, columns - 1)
        row = (pixel[:, 0, 1] * rows / inputs.camera.height).long().clamp(0, rows - 1)
        at = F.one_hot(row * columns + column, rows * columns).to(x.dtype).unflatten(1, (rows, columns))
        x = x + at[:, None] * self.start[:, None, None]
        size = (self.config.grid, self.config.grid)
        refined = self.refine(F.interpolate(x, size, mode="bilinear", align_corners=False))
        logits = self.score(refined).float().contiguous().unflatten(1, (self.horizon, self.config.bins.count))
        return PaperVolumeOutputs(logits, refined.float())

    def loss(self, outputs: PaperVolumeOutputs, inputs: ModelInput, targets: Targets) -> Loss:
        """Three cross-entropies; steps whose target lies outside image or bins are masked."""
        n, classes = self.config.grid, self.config.classes
        labels = volume_labels(inputs, targets, self.volume_grid)
        row, column, bin = labels.index.row, labels.index.column, labels.index.bin
        normaliser, score = read_scores(outputs.logits.flatten(2), ((bin * n + row) * n + column)[..., None])
        volume = normaliser - score.squeeze(-1)
        gripper, rotation = self._read(outputs, row, column)
        gripper_class = (targets.gripper * classes).long().clamp(0, classes - 1)
        middle = targets.rotations.new_tensor(self.config.euler_middle)
        unit = _wrap(_euler(targets.rotations) - middle) / self.config.euler_range + 0.5
        rotation_class = (unit * classes).long().clamp(0, classes - 1)
        parts = {
            "volume": masked_mean(volume, labels.inside),
            "gripper": masked_mean(
                F.cross_entropy(gripper.transpose(1, 2), gripper_class, reduction="none"), labels.inside
            ),
            "rotation": masked_mean(
                F.cross_entropy(rotation.permute(0, 3, 1, 2), rotation_class, reduction="none").mean(-1), labels.inside
            ),
        }
        total = parts["volume"] + parts["gripper"] + parts["rotation"]
        parts["outside_share"] = masked_mean(labels.outside.float(), targets.valid)
        return Loss(total, {name: value.detach() for name, value in parts.items()})

    def decode(self, outputs: PaperVolumeOutputs, inputs: ModelInput) -> ChunkBatch:
        """Argmax cell and bin, at their centres; argmax classes at that cell."""
        n, classes = self.config.grid, self.config.classes
        flat = outputs.logits.flatten(2)
        best = flat.argmax(-1)
        column, row, bin = best % n, best // n % n, best // (n * n)
        positions, valid = self.volume_grid.unproject(row, column, bin, flat.new_zeros(*best.shape, 3), inputs.camera)
        gripper, rotation = self._read(outputs, row, column)
        angles = (rotation.argmax(-1) + 0.5) / classes - 0.5
        angles = angles * self.config.euler_range + flat.new_tensor(self.config.euler_middle)
        confidence = (flat.gather(2, best[..., None])[..., 0] - flat.logsumexp(-1)).exp()
        return ChunkBatch(
            torch.where(valid[..., None], positions, torch.full_like(positions, torch.nan)),
            _from_euler(angles),
            (gripper.argmax(-1) + 0.5) / classes,
            confidence,
            torch.zeros_like(confidence),
        )

    def _read(
        self, outputs: PaperVolumeOutputs, row: torch.Tensor, column: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Class logits at (B, T) cells: gripper (B, T, classes), rotation (B, T, 3, classes)."""
        steps, classes = torch.arange(self.horizon, device=row.device), self.config.classes
        flat = outputs.refined.flatten(2)
        index = (row * self.config.grid + column)[:, None].expand(-1, flat.shape[1], -1)
        feature = flat.gather(2, index).transpose(1, 2)  # (B, T, C)
        gripper = self.gripper(feature).unflatten(-1, (self.horizon, classes))[:, steps, steps]
        rotation = self.rotation(feature).unflatten(-1, (self.horizon, 3, classes))[:, steps, steps]
        return gripper, rotation


def _classifier(channels: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.LayerNorm(channels), nn.Linear(channels, 128), nn.GELU(), nn.Linear(128, outputs))


def _euler(rotation: torch.Tensor) -> torch.Tensor:
    """(..., 3, 3) -> (..., 3) angles about the fixed x, y, z axes: R = Rz(c) Ry(b) Rx(a) [rad]."""
    a = torch.atan2(rotation[..., 2, 1], rotation[..., 2, 2])
    b = torch.asin((-rotation[..., 2, 0]).clamp(-1, 1))
    c = torch.atan2(rotation[..., 1, 0], rotation[..., 0, 0])
    return torch.stack([a, b, c], -1)


def _from_euler(angles: torch.Tensor) -> torch.Tensor:
    """Inverse of `_euler`."""
    (sa, sb, sc), (ca, cb, cc) = angles.sin().unbind(-1), angles.cos().unbind(-1)
    rows = [
        torch.stack([cc * cb, cc * sb * sa - sc * ca, cc * sb * ca + sc * sa], -1),
        torch.stack([sc * cb, sc * sb * sa + cc * ca, sc * sb * ca - cc * sa], -1),
        torch.stack([-sb, cb * sa, cb * ca], -1),
    ]
    return torch.stack(rows, -2)


def _wrap(angle: torch.Tensor) -> torch.Tensor:
    """Into (-pi, pi]."""
    return torch.atan2(angle.sin(), angle.cos())
