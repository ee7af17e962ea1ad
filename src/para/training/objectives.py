"""What a training step minimises, and which weights it may move.

An objective is built around a network as a module from a `Batch` to a `Loss`; the loop knows no more of it. It runs under the
loop's autocast; losses themselves are computed in full precision.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import nn

from para.backbones import Svd
from para.backbones.memory import advice
from para.dataset import Batch
from para.heads import Loss, mean_over_processes
from para.heads.head import full_precision
from para.policy import PolicyConfig, PolicyNetwork


@dataclass(frozen=True)
class ActionObjective:
    """Actions from one picture: the head's own loss."""

    teaches_actions: ClassVar[bool] = True
    """Whether the head is trained, so that its confidence can be calibrated."""

    def clip_frames(self, policy: PolicyConfig) -> int:
        """Pictures of a sample; 1 is the observation alone."""
        return 1

    def build(self, network: PolicyNetwork) -> nn.Module:
        """Batch -> Loss."""
        return _Actions(network)


@dataclass(frozen=True)
class LocatorObjective(ActionObjective):
    """Where the hand is in one picture: as before, but there are no probabilities of actions to calibrate."""

    teaches_actions: ClassVar[bool] = False


class _Actions(nn.Module):
    def __init__(self, network: PolicyNetwork) -> None:
        super().__init__()
        self.network = network

    def guard(self) -> AbstractContextManager[None]:
        """Around each step."""
        return advice() if isinstance(self.network.backbone, Svd) else nullcontext()

    def forward(self, batch: Batch) -> Loss:
        outputs = self.network(batch.inputs)
        with full_precision(batch.inputs.gripper):
            return self.network.head.loss(outputs, batch.inputs, batch.targets)


class LossBalance(nn.Module):
    """Brings losses to one size: each is divided by the running mean of its own magnitude.

    The means are part of what a run resumes from. The first value counts as its own mean, so every loss starts at 1.
    """

    def __init__(self, names: tuple[str, ...], decay: float) -> None:
        super().__init__()
        self.names, self.decay = names, decay
        self.register_buffer("means", torch.zeros(len(names)))

    def forward(self, losses: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
        """() losses in the order of the names -> the same, normalised."""
        now = mean_over_processes(torch.stack([x.detach().abs().float() for x in losses]))
        if self.training:
            decay = torch.where(self.means > 0, self.decay, 0.0)
            self.means.copy_(decay * self.means + (1 - decay) * now)
        scale = torch.where(self.means > 0, self.means, now).clamp(min=1e-12)
        return tuple(loss / size for loss, size in zip(losses, scale))
