"""The coordinate-regressing rival: one pooled token -> absolute coordinates of every step.

This is what the published project calls "ACT". A vision transformer's class token sees position embeddings; a
convolutional backbone has neither, so here one learned query attends over the coarsest map with sinusoidal position
embeddings. Without them the pooled features would hardly know where things are, and the comparison would be unfair.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F

from para.dataset import ModelInput, Targets
from para.geometry import rotation_from_6d, rotation_to_6d
from para.heads.head import ChunkBatch, Loss, gripper_loss, masked_mean
from para.types import Box


@dataclass(frozen=True)
class GlobalRegressionConfig:
    """Pooled token and state -> absolute world coordinates, through a sigmoid over the workspace."""

    width: int = 192
    """Channels of the pooled token."""
    attention_heads: int = 4
    camera_input: bool = False
    """Also give it K and T_world_camera; needed when the camera changes or images are warped."""
    gripper_weight: float = 0.1
    rotation_weight: float = 0.1

    def build(
        self, channels: tuple[int, ...], strides: tuple[int, ...], horizon: int, workspace: Box
    ) -> GlobalRegressionHead:
        """The head for a backbone with these feature maps."""
        return GlobalRegressionHead(self, channels, horizon, workspace)


@dataclass(frozen=True)
class RegressionOutputs:
    """What the head computes before decoding."""

    unit: torch.Tensor
    """(B, T, 3) positions in workspace units, 0 to 1."""
    gripper: torch.Tensor
    """(B, T) logits."""
    six: torch.Tensor
    """(B, T, 6) R_world_ee."""


class GlobalRegressionHead(nn.Module):
    """See `GlobalRegressionConfig`."""

    def __init__(self, config: GlobalRegressionConfig, channels: tuple[int, ...], horizon: int, workspace: Box) -> None:
        super().__init__()
        self.config, self.horizon, self.workspace = config, horizon, workspace
        width = config.width
        self.project = nn.Sequential(nn.Conv2d(channels[-1], width, 1), nn.GroupNorm(1, width))
        self.query = nn.Parameter(torch.randn(1, 1, width) * 0.02)
        self.attention = nn.MultiheadAttention(width, config.attention_heads, batch_first=True)
        state = 4 + (16 if config.camera_input else 0)
        self.mlp = nn.Sequential(
            nn.Linear(width + state, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, horizon * 10)
        )

    def forward(self, features: list[torch.Tensor], inputs: ModelInput) -> RegressionOutputs:
        """See `RegressionOutputs`."""
        x = self.project(features[-1])
        x = x + _position_embedding(x)
        tokens = x.flatten(2).transpose(1, 2)
        pooled, _ = self.attention(self.query.expand(len(x), -1, -1), tokens, tokens, need_weights=False)
        out = self.mlp(torch.cat([pooled[:, 0], self._state(inputs)], -1)).float().unflatten(1, (self.horizon, 10))
        identity = out.new_tensor([1.0, 0, 0, 0, 1.0, 0])
        return RegressionOutputs(out[..., :3].sigmoid(), out[..., 3], out[..., 4:] + identity)

    def loss(self, outputs: RegressionOutputs, inputs: ModelInput, targets: Targets) -> Loss:
        """L1 distance in metres (x 10), gripper cross-entropy, rotation."""
        error = (self._metres(outputs.unit) - targets.positions).abs().mean(-1)
        parts = {
            "position": 10 * masked_mean(error, targets.valid),
            "gripper": gripper_loss(outputs.gripper, targets, targets.valid),
            "rotation": masked_mean(((outputs.six - rotation_to_6d(targets.rotations)) ** 2).mean(-1), targets.valid),
        }
        total = (
            parts["position"]
            + self.config.gripper_weight * parts["gripper"]
            + self.config.rotation_weight * parts["rotation"]
        )
        return Loss(total, {name: value.detach() for name, value in parts.items()})

    def decode(self, outputs: RegressionOutputs, inputs: ModelInput) -> ChunkBatch:
        """The regressed chunk; it knows neither confidence nor view."""
        gripper = outputs.gripper.sigmoid()
        return ChunkBatch(
            self._metres(outputs.unit),
            rotation_from_6d(outputs.six),
            gripper,
            torch.ones_like(gripper),
            torch.zeros_like(gripper),
        )

    def _metres(self, unit: torch.Tensor) -> torch.Tensor:
        low, high = unit.new_tensor(self.workspace.low), unit.new_tensor(self.workspace.high)
        return low + unit * (high - low)

    def _state(self, inputs: ModelInput) -> torch.Tensor:
        """(B, 4) end-effector pixel, height and opening: what the volume head is told; (B, 20) with the camera."""
        camera = inputs.camera
        pixel, _ = camera.project(inputs.T_world_ee.translation[:, None])
        size = pixel.new_tensor([camera.width, camera.height])
        low, high = self.workspace.low[2], self.workspace.high[2]
        height = (inputs.T_world_ee.translation[:, 2:] - low) / (high - low)
        state = [(pixel[:, 0] / size * 2 - 1).clamp(-2, 2), height, inputs.gripper[:, None]]
        if self.config.camera_input:
            state += [camera.intrinsics / size.repeat(2), camera.T_world_camera.matrix().flatten(1)]
        return torch.cat(state, -1)


def _position_embedding(x: torch.Tensor) -> torch.Tensor:
    """(1, C, rows, columns) sinusoids of row and column (Vaswani et al. 2017, once for each axis)."""
    channels, rows, columns = x.shape[1:]
    quarter = channels // 4
    rate = 1.0 / 100 ** (torch.arange(quarter, device=x.device, dtype=x.dtype) / quarter)
    row = torch.arange(rows, device=x.device, dtype=x.dtype)[:, None] * rate
    column = torch.arange(columns, device=x.device, dtype=x.dtype)[:, None] * rate
    row = torch.cat([row.sin(), row.cos()], 1).t()[:, :, None].expand(-1, -1, columns)
    column = torch.cat([column.sin(), column.cos()], 1).t()[:, None].expand(-1, rows, -1)
    return F.pad(torch.cat([row, column]), (0, 0, 0, 0, 0, channels - 4 * quarter))[None]
