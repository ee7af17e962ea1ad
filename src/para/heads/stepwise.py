"""Any head on features that differ from step to step: the steps are folded into the batch.

A video backbone gives features of each future step. For the head inside, every (sample, step) is a sample of its own with a
horizon of one step: volume, labels, loss and decoding are the very same code as on a single picture.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from para.dataset import ModelInput, Targets
from para.geometry import Bins, VolumeGrid
from para.heads.head import ChunkBatch, Loss
from para.heads.instruction import Instruction
from para.heads.paper_volume import PaperVolumeConfig
from para.heads.regression import GlobalRegressionConfig
from para.heads.volume import VolumeHeadConfig
from para.types import Box


@dataclass(frozen=True)
class StepwiseConfig:
    """One head, shared by all steps, on each step's own features."""

    head: VolumeHeadConfig | PaperVolumeConfig | GlobalRegressionConfig = field(default_factory=VolumeHeadConfig)

    def build(self, channels: tuple[int, ...], strides: tuple[int, ...], horizon: int, workspace: Box) -> StepwiseHead:
        """The head for a video backbone with these feature maps. ValueError for one that reads what steps share."""
        if isinstance(self.head, VolumeHeadConfig) and self.head.rotation_at != "step":
            raise ValueError(
                f"steps are taken one by one here, so rotation_at must be 'step', not {self.head.rotation_at!r}"
            )
        return StepwiseHead(self, channels, strides, horizon, workspace)

    @property
    def bins(self) -> Bins:
        """The volume's bins. AttributeError for a head that does not point."""
        return self.head.bins

    @property
    def instruction(self) -> Instruction | None:
        """What reads the sentence; None where nothing does."""
        return getattr(self.head, "instruction", None)


@dataclass(frozen=True)
class StepwiseOutputs:
    """What the head inside put out for B x T samples."""

    inner: Any
    inputs: ModelInput
    """The inputs, each T times."""
    steps: int

    @property
    def logits(self) -> torch.Tensor:
        """(B, T, D, v, u) scores. AttributeError for a head that does not point."""
        return self.inner.logits[:, 0].unflatten(0, (-1, self.steps))


class StepwiseHead(nn.Module):
    """See `StepwiseConfig`."""

    def __init__(
        self,
        config: StepwiseConfig,
        channels: tuple[int, ...],
        strides: tuple[int, ...],
        horizon: int,
        workspace: Box,
    ) -> None:
        super().__init__()
        self.config, self.horizon = config, horizon
        self.inner = config.head.build(channels, strides, 1, workspace)
        # The head inside must know how far ahead it looks; at 0 it says nothing at first.
        self.step = nn.ParameterList(nn.Parameter(torch.zeros(horizon, c, 1, 1)) for c in channels)

    @property
    def volume(self) -> Callable[[int, int], VolumeGrid]:
        """(width, height) [px] -> the volume over such an image. AttributeError for a head that does not point."""
        return self.inner.volume

    def forward(self, features: list[torch.Tensor], inputs: ModelInput) -> StepwiseOutputs:
        """[(B, T, C_i, rows_i, columns_i)] and B inputs -> outputs of B x T samples."""
        steps = features[0].shape[1]
        if steps != self.horizon:
            raise ValueError(f"the backbone gives features of {steps} steps, the policy's horizon is {self.horizon}")
        folded = [(map + step).flatten(0, 1) for map, step in zip(features, self.step)]
        repeated = map_tensors(inputs, lambda x: x.repeat_interleave(steps, 0))
        told = tuple(sentence for sentence in inputs.instruction for _ in range(steps))
        repeated = dataclasses.replace(repeated, instruction=told)
        return StepwiseOutputs(self.inner(folded, repeated), repeated, steps)

    def loss(self, outputs: StepwiseOutputs, inputs: ModelInput, targets: Targets) -> Loss:
        """The inner head's loss over all steps as one batch."""
        folded = map_tensors(dataclasses.replace(targets, next_grip=None), lambda x: x.flatten(0, 1)[:, None])
        return self.inner.loss(outputs.inner, outputs.inputs, folded)

    def decode(self, outputs: StepwiseOutputs, inputs: ModelInput) -> ChunkBatch:
        """The inner head's one-step chunks, put together again."""
        chunk = self.inner.decode(outputs.inner, outputs.inputs)
        return map_tensors(chunk, lambda x: x[:, 0].unflatten(0, (-1, outputs.steps)))


def map_tensors(value: Any, change: Callable[[torch.Tensor], torch.Tensor]) -> Any:
    """A dataclass, nested or not, with every tensor in it changed."""
    if isinstance(value, torch.Tensor):
        return change(value)
    if dataclasses.is_dataclass(value):
        fields = [f.name for f in dataclasses.fields(value) if f.init]
        return dataclasses.replace(value, **{name: map_tensors(getattr(value, name), change) for name in fields})
    return value
