"""Targets in the world -> labels in the volume."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from para.dataset.batch import ModelInput, Targets
from para.geometry import CellIndex, VolumeGrid


@dataclass(frozen=True)
class VolumeLabels:
    """Where each step's target falls."""

    index: CellIndex
    """Row, column, bin (B, T) and offset (B, T, 3) of each target."""
    inside: torch.Tensor
    """(B, T) bool: the step exists and its target lies inside image and bins. Only these train the volume."""
    outside: torch.Tensor
    """(B, T) bool: the step exists but its target cannot be pointed at."""


def volume_labels(inputs: ModelInput, targets: Targets, grid: VolumeGrid) -> VolumeLabels:
    """Project each target through the input's own camera."""
    index = grid.locate(targets.positions, inputs.camera)
    return VolumeLabels(index, targets.valid & index.valid, targets.valid & ~index.valid)
