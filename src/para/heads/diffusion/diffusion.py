"""Diffusion Policy, the convolutional variant (Chi et al. 2023): chunks are denoised, conditioned on the observation.

Training: DDPM with squared-cosine noise, predicting the noise (Ho et al. 2020), or the actions (as 3D Diffusion Policy does, Ze
et al. 2024): then levels with much noise, at which nothing but the observation tells the actions, weigh more. Use: a few
deterministic DDIM steps (Song et al. 2021) from one fixed noise. The noise schedules are those of `diffusers`, the optional
extra `diffusion`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Literal

import torch
from torch import nn
from torch.nn import functional as F

from para.dataset import ModelInput, SampleTable, Targets
from para.heads.action_space import ActionSpace, World
from para.heads.diffusion.observation import ObservationEncoder
from para.heads.diffusion.unet import Unet, UnetConfig
from para.heads.head import ChunkBatch, Loss, masked_mean
from para.heads.instruction import Instruction
from para.heads.normalised_actions import (
    ACTION_VALUES,
    Normalisation,
    decode_actions,
    demonstrated_actions,
    encode_actions,
)
from para.types import Box


@dataclass(frozen=True)
class DiffusionConfig:
    """See the module; `normalisation` is overwritten by `fitted`."""

    unet: UnetConfig = field(default_factory=UnetConfig)
    width: int = 128
    """Channels of the map that keypoints are read from."""
    keypoints: int = 64
    """Mean places of learned heatmaps."""
    train_steps: int = 100
    """Noise levels."""
    sample_steps: int = 16
    """Denoising steps at test time."""
    noises: int = 4
    """Noise levels drawn for each observation of a training step: the picture's features cost far more than they do."""
    predicts: Literal["noise", "actions"] = "noise"
    """What the network says at each noise level."""
    clip: float = 3.0
    """Bound of the denoised action, in half ranges of the demonstrations. Published: 1; but then no position beyond those
    demonstrated could be named at all, and the comparison outside of them would be decided beforehand."""
    seed: int = 0
    """Of the noise that every sampling starts from."""
    space: ActionSpace = field(default_factory=World)
    """In which coordinates actions are."""
    camera_input: bool = False
    """Also tell it the camera, the state planes and where the keypoints' rays meet the workspace's floor. Without, nothing that
    it sees knows the camera."""
    normalisation: Normalisation = Normalisation()
    """Least and largest demonstrated action -> -1 and 1."""
    instruction: Instruction | None = None
    """How the sentence that says what to do is read; None: it is not."""

    def fitted(self, samples: SampleTable) -> DiffusionConfig:
        """Normalisation, and the sentences, from the demonstrations."""
        normalisation = Normalisation.min_max(demonstrated_actions(self.space, samples))
        instruction = self.instruction and self.instruction.fitted(samples.instruction)
        return replace(self, normalisation=normalisation, instruction=instruction)

    def build(self, channels: tuple[int, ...], strides: tuple[int, ...], horizon: int, workspace: Box) -> DiffusionHead:
        """The head for a backbone with these feature maps (it reads the coarsest). ModuleNotFoundError without diffusers."""
        return DiffusionHead(self, channels[-1], horizon, workspace)


@dataclass(frozen=True)
class DiffusionOutputs:
    """What the denoiser is conditioned on."""

    condition: torch.Tensor
    """(B, C)."""


class DiffusionHead(nn.Module):
    """See `DiffusionConfig`."""

    def __init__(self, config: DiffusionConfig, channels: int, horizon: int, workspace: Box) -> None:
        super().__init__()
        self.config, self.horizon = config, horizon
        self.padded = -(-horizon // config.unet.multiple) * config.unet.multiple
        self.observe = ObservationEncoder(
            channels, config.width, config.keypoints, config.camera_input, config.space, workspace, config.instruction
        )
        self.unet = Unet(config.unet, ACTION_VALUES, self.observe.values)
        self.noising, self.denoising = _schedulers(config)

    def forward(self, features: list[torch.Tensor], inputs: ModelInput) -> DiffusionOutputs:
        """See `DiffusionOutputs`."""
        return DiffusionOutputs(self.observe(features[-1], inputs))

    def loss(self, outputs: DiffusionOutputs, inputs: ModelInput, targets: Targets) -> Loss:
        """Mean squared error of the predicted noise or actions. Steps after the end repeat the last one, as published."""
        actions = self.config.normalisation.apply(encode_actions(self.config.space, inputs, targets))
        actions, exists = hold_last(actions, targets.valid)
        actions = F.pad(actions.transpose(1, 2), (0, self.padded - self.horizon), mode="replicate").transpose(1, 2)
        actions, condition = (x.repeat_interleave(self.config.noises, 0) for x in (actions, outputs.condition))
        noise = torch.randn_like(actions)
        level = torch.randint(self.config.train_steps, (len(actions),), device=actions.device)
        predicted = self.unet(self.noising.add_noise(actions, noise, level), level, condition)
        weight = exists.repeat_interleave(self.config.noises)
        wanted = noise if self.config.predicts == "noise" else actions
        error = ((predicted - wanted) ** 2).mean((1, 2))
        loss = masked_mean(error, weight)
        return Loss(loss, {self.config.predicts: loss.detach()})

    def decode(self, outputs: DiffusionOutputs, inputs: ModelInput) -> ChunkBatch:
        """The chunk denoised from the fixed noise: the same observation always gives the same chunk."""
        unit = self.sample(outputs.condition)[:, : self.horizon]
        return decode_actions(self.config.space, inputs, self.config.normalisation.undo(unit))

    def sample(self, condition: torch.Tensor) -> torch.Tensor:
        """(B, C) conditions -> (B, padded T, 10) normalised actions, all from one noise."""
        generator = torch.Generator().manual_seed(self.config.seed)
        noise = torch.randn(1, self.padded, ACTION_VALUES, generator=generator)
        actions = noise.to(condition).expand(len(condition), -1, -1)
        for level in self.denoising.timesteps:
            levels = level.to(condition.device).expand(len(condition))
            actions = self.denoising.step(self.unet(actions, levels, condition), level, actions).prev_sample
        return actions


def hold_last(actions: torch.Tensor, valid: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """(B, T, A) actions with the steps after the end (valid (B, T) is False) replaced by the last one before it, and (B,)
    whether there is any. Whatever stood there does not matter."""
    steps = torch.arange(valid.shape[1], device=valid.device)
    last = torch.where(valid, steps, torch.zeros_like(steps)).amax(1, keepdim=True)
    index = torch.where(valid, steps, last)
    held = actions.gather(1, index[..., None].expand(-1, -1, actions.shape[-1]))
    exists = valid.any(1)
    return torch.where(exists[:, None, None], held, torch.zeros_like(held)), exists


def _schedulers(config: DiffusionConfig) -> tuple[Any, Any]:
    """`diffusers`' schedulers for training and for sampling; it takes seconds to import, and only this head needs it."""
    try:
        from diffusers import DDIMScheduler, DDPMScheduler
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "the diffusion head needs the package 'diffusers', which is not installed; "
            "install it with: pip install 'para-policy[diffusion]'"
        ) from error
    shared = {
        "num_train_timesteps": config.train_steps,
        "beta_schedule": "squaredcos_cap_v2",
        "prediction_type": {"noise": "epsilon", "actions": "sample"}[config.predicts],
        "clip_sample": True,
        "clip_sample_range": config.clip,
    }
    noising, denoising = DDPMScheduler(**shared), DDIMScheduler(**shared)
    denoising.set_timesteps(config.sample_steps)
    return noising, denoising
