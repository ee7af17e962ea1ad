"""What a head is: it turns features into outputs of its own kind, a loss, and a decoded chunk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import torch

from para.dataset import ModelInput, SampleTable, Targets
from para.heads.processes import mean_over_processes


@dataclass(frozen=True)
class Loss:
    """A training loss and the parts to log."""

    total: torch.Tensor
    """() to differentiate."""
    parts: dict[str, torch.Tensor]
    """Named () tensors, detached."""


@dataclass(frozen=True)
class ChunkBatch:
    """B decoded chunks; the tensors of `para.types.ActionChunk`."""

    positions: torch.Tensor
    """(B, T, 3) [m], world."""
    rotations: torch.Tensor
    """(B, T, 3, 3) R_world_ee."""
    gripper: torch.Tensor
    """(B, T) in [0, 1]."""
    confidence: torch.Tensor
    """(B, T) in [0, 1]."""
    out_of_view: torch.Tensor
    """(B, T) in [0, 1]."""


class Head(Protocol):
    """Two methods beside the forward pass."""

    def __call__(self, features: list[torch.Tensor], inputs: ModelInput) -> Any:
        """Backbone features, finest first -> this head's outputs."""

    def loss(self, outputs: Any, inputs: ModelInput, targets: Targets) -> Loss:
        """How wrong the outputs are."""

    def decode(self, outputs: Any, inputs: ModelInput) -> ChunkBatch:
        """What to do."""


@runtime_checkable
class FittedConfig(Protocol):
    """A head's configuration that takes something from the demonstrations' statistics."""

    def fitted(self, samples: SampleTable) -> Any:
        """The same configuration, with what the demonstrations say."""


def full_precision(like: torch.Tensor) -> torch.autocast:
    """Context without autocast on the tensor's device: in bfloat16 a projection is off by about a pixel."""
    return torch.autocast(like.device.type, enabled=False)


def gripper_loss(logits: torch.Tensor, targets: Targets, counted: torch.Tensor) -> torch.Tensor:
    """Binary cross-entropy of the commanded opening over the (B, T) steps that count."""
    loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, targets.gripper, reduction="none")
    return masked_mean(loss, counted)


def masked_mean(values: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Mean of the values where the mask is True; 0 when it is nowhere.

    In a training with several processes it is this one's part of the mean over the whole batch: the parts' mean, which is
    also what becomes of their gradients, is that mean, although the mask may leave one process more values than another.
    """
    count = mask.sum()
    if torch.is_grad_enabled():  # who only looks at a loss may be alone, and would wait for ever
        count = mean_over_processes(count)
    return (values * mask).sum() / torch.where(count > 0, count, torch.ones_like(count))
