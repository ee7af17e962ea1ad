"""What fixes a training run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from para.dataset import Augmentation
from para.policy import PolicyConfig
from para.training.objectives import ActionObjective, LocatorObjective
from para.training.video_objectives import JointObjective, VaeObjective, VideoObjective

Objective = ActionObjective | LocatorObjective | VaeObjective | VideoObjective | JointObjective


@dataclass(frozen=True)
class TrainConfig:
    """One policy's training, bounded by steps."""

    policy: PolicyConfig = field(default_factory=PolicyConfig)
    augmentation: Augmentation = field(default_factory=Augmentation)
    objective: Objective = ActionObjective()
    """What is learned; all but actions are stages of a video policy."""
    steps: int = 2000
    """Optimiser steps."""
    batch_size: int = 16
    """Samples of a step, over all processes: each takes an equal share."""
    learning_rate: float = 1e-3
    """Peak rate of the head."""
    backbone_learning_rate: float = 3e-4
    """Peak rate of the backbone."""
    weight_decay: float = 0.02
    warmup_steps: int = 50
    """Linear warm-up; a cosine to zero follows."""
    gradient_clip: float = 5.0
    """Largest gradient norm."""
    ema_decay: float = 0.995
    """Decay of the moving average of the weights, which is what is saved and used."""
    stride: int = 4
    """Twentieths of a second between the moments that training takes from a demonstration, whatever its frame rate."""
    seed: int = 0
    holdout_every: int = 16
    """One in so many demonstrations (at least 2 of a set of 16 or more, none of a smaller one) is not trained on: confidence
    is calibrated on it. 0 trains on all, and leaves confidence as the head says it."""
    precision: Literal["auto", "bf16", "no"] = "auto"
    """Autocast of the forward pass: `bf16`, `no`, or `auto`: bf16 where that is faster, which on x86 processors takes AMX;
    on others a step can take many times longer with it."""
    log_every: int = 20
    """Steps between lines of the log; the last step has one, too."""
    save_every: int = 250
    """Steps between checkpoints to resume from."""
    loader_workers: int = 1
    """Processes that prepare batches ahead."""

    def __post_init__(self) -> None:
        for name in ("steps", "batch_size"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}: training needs at least 1")
        if self.holdout_every == 1:
            raise ValueError("holdout_every is 1, which leaves no demonstration to learn from; 0 holds none out")
