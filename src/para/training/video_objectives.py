"""The stages of a video policy: autoencoder, video, and actions together with video.

Stage one and two see no actions; any demonstration set serves them as videos. Noise and parametrisation are those that
Stable Video Diffusion was trained with (`para.backbones.edm`).
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import nn

from para.backbones import Svd, SvdConfig
from para.backbones.edm import spread, training_sigmas, wanted_output
from para.backbones.memory import advice, check_memory
from para.dataset import Batch
from para.heads import Loss, masked_mean
from para.heads.head import full_precision
from para.policy import PolicyConfig, PolicyNetwork
from para.training.objectives import LossBalance


@dataclass(frozen=True)
class VaeObjective:
    """Stage one, only for models from scratch: the autoencoder learns to draw pictures (L1 distance and KL divergence).

    Single ones: of a clip's frames, which are all but alike, it would learn less, and see colours where something moves.
    """

    kl_weight: float = 1e-4
    """Of the divergence from a unit Gaussian, in nats per picture value."""

    teaches_actions: ClassVar[bool] = False

    def clip_frames(self, policy: PolicyConfig) -> int:
        """Pictures of a sample."""
        _video(policy)
        return 1

    def build(self, network: PolicyNetwork) -> nn.Module:
        """Batch -> Loss."""
        return _Vae(self, network)


@dataclass(frozen=True)
class VideoObjective:
    """Stage two: the U-Net learns to tell the future from noise."""

    log_sigma_mean: float = 1.0
    """Mean of the logarithm of the noise level; 0.7 and 1.0 are the published models'."""
    log_sigma_std: float = 1.6

    teaches_actions: ClassVar[bool] = False

    def clip_frames(self, policy: PolicyConfig) -> int:
        """Pictures of a sample."""
        return _video(policy).frames

    def build(self, network: PolicyNetwork) -> nn.Module:
        """Batch -> Loss."""
        return _Video(self, network)


@dataclass(frozen=True)
class JointObjective:
    """Stage three: head and U-Net learn actions while the U-Net goes on learning video, in one pass of the U-Net.

    The batch goes in with noise alone in place of the future, for the features; `video_clips` of it go in once more at
    random noise levels, and are asked for the future both times. Both losses are divided by their running means, so that
    neither drowns the other.
    """

    video_weight: float = 1.0
    """Of the normalised video loss against the normalised action loss."""
    video_clips: int = 2
    """Clips of a batch (of each process) that teach video, too: only their futures are encoded."""
    balance_decay: float = 0.99
    """Of the running means."""
    noise: VideoObjective = VideoObjective()

    teaches_actions: ClassVar[bool] = True

    def clip_frames(self, policy: PolicyConfig) -> int:
        """Pictures of a sample."""
        return _video(policy).frames

    def build(self, network: PolicyNetwork) -> nn.Module:
        """Batch -> Loss."""
        return _Joint(self, network)


class _Stage(nn.Module):
    def __init__(self, network: PolicyNetwork) -> None:
        super().__init__()
        self.network = network
        self.choose()
        check_memory(network)

    def choose(self) -> None:
        """Which weights move: those of the network as it was built, unless a stage says otherwise."""

    def guard(self) -> AbstractContextManager[None]:
        """Says what helps when memory runs out in a step."""
        return advice()

    @property
    def svd(self) -> Svd:
        return self.network.backbone


class _Vae(_Stage):
    def __init__(self, config: VaeObjective, network: PolicyNetwork) -> None:
        if network.backbone.config.model is not None:
            raise ValueError("published video models bring their autoencoder; leave this stage out")
        self.config = config
        super().__init__(network)

    def choose(self) -> None:
        self.network.requires_grad_(False)
        self.svd.vae.requires_grad_(True)

    def forward(self, batch: Batch) -> Loss:
        svd, pictures = self.svd, batch.inputs.image.float() / 255.0
        distribution = svd.vae_latents(pictures)
        latents = distribution.sample()
        if self.training:
            _track_scale(svd, distribution.mode().detach())  # what `encode` gives
        drawn = svd.vae.decode(latents, num_frames=1).sample
        with full_precision(batch.inputs.gripper):
            distance = (drawn.float() / 2 + 0.5 - pictures).abs().mean()
            kl = distribution.kl().mean() / pictures[0].numel()
            parts = {"l1": distance.detach(), "kl": kl.detach(), "latent_scale": svd.latent_scale.clone()}
            return Loss(distance + self.config.kl_weight * kl, parts)


class _Video(_Stage):
    def __init__(self, config: VideoObjective, network: PolicyNetwork) -> None:
        self.config = config
        super().__init__(network)

    def choose(self) -> None:
        self.network.head.requires_grad_(False)

    def forward(self, batch: Batch) -> Loss:
        svd, clips = self.svd, _pictures(batch)
        condition = svd.condition(clips[:, 0])
        clean = svd.to_diffused(svd.encode(clips), condition)
        sigma = training_sigmas(len(clean), self.config.log_sigma_mean, self.config.log_sigma_std, clean.device)
        z = clean + spread(sigma, clean) * torch.randn_like(clean)
        output, _ = svd.predict(z, sigma, condition)
        with full_precision(batch.inputs.gripper):
            loss = _video_loss(output, z, sigma, clean, batch.clip.valid)
            return Loss(loss, {"video": loss.detach()})


class _Joint(_Stage):
    def __init__(self, config: JointObjective, network: PolicyNetwork) -> None:
        super().__init__(network)
        self.config = config
        self.balance = LossBalance(("action", "video"), config.balance_decay)

    def forward(self, batch: Batch) -> Loss:
        svd, clips, count = self.svd, _pictures(batch), len(batch.inputs.image)
        again, noise = min(self.config.video_clips, count), self.config.noise
        condition = svd.condition(clips[:, 0])
        clean = svd.to_diffused(svd.encode(clips[:again]), condition.first(again))
        unseen = svd.config.sigma * torch.randn(count, *clean.shape[1:], device=clean.device)
        sigma = training_sigmas(again, noise.log_sigma_mean, noise.log_sigma_std, clean.device)
        z = torch.cat([unseen, clean + spread(sigma, clean) * torch.randn_like(clean)])
        sigma = torch.cat([sigma.new_full((count,), svd.config.sigma), sigma])
        output, maps = svd.predict(z, sigma, condition.then(condition.first(again)))
        outputs = self.network.head([m[:count] for m in maps], batch.inputs)
        with full_precision(batch.inputs.gripper):
            actions = self.network.head.loss(outputs, batch.inputs, batch.targets)
            told = [*range(again), *range(count, count + again)]
            valid = batch.clip.valid[:again].repeat(2, 1)
            video = _video_loss(output[told], z[told], sigma[told], clean.repeat(2, 1, 1, 1, 1), valid)
            even_action, even_video = self.balance((actions.total, video))
            parts = {**actions.parts, "actions": actions.total.detach(), "video": video.detach()}
            return Loss(even_action + self.config.video_weight * even_video, parts)


def _video(policy: PolicyConfig) -> SvdConfig:
    if not isinstance(policy.backbone, SvdConfig):
        raise ValueError(f"this stage trains a video backbone; the policy has a {type(policy.backbone).__name__}")
    return policy.backbone


def _pictures(batch: Batch) -> torch.Tensor:
    """(B, F, 3, H, W) in [0, 1]."""
    return batch.clip.frames.float() / 255.0


def _track_scale(svd: Svd, latents: torch.Tensor) -> None:
    """Keep the scale that brings the latents to unit variance, as a running mean."""
    scale = 1 / latents.float().std().clamp(min=1e-6)
    svd.latent_scale.lerp_(scale, 0.02)
    svd.condition_scale.copy_(svd.latent_scale)


def _video_loss(output, z, sigma, clean, valid) -> torch.Tensor:
    """Mean square of the network's error over the frames that exist."""
    error = (output - wanted_output(z, sigma, clean)) ** 2
    return masked_mean(error.mean((2, 3, 4)), valid)
