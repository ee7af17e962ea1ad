"""A video diffusion model (Stable Video Diffusion's kind) as a backbone: features of every future step in one pass.

The model sees one picture and, in place of the future, noise. One pass of its U-Net at one noise level starts to say what
comes next; the outputs of its up-blocks, read by forward hooks, are the features. Frame k of the clip is step k of a chunk.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

from para.backbones import edm
from para.backbones.svd_parts import (
    DTYPES,
    SvdParts,
    SvdSize,
    TimeConv,
    VideoBackboneError,
    add_lora,
    load_parts,
    small_parts,
)

_CLIP_MEAN, _CLIP_STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)


@dataclass(frozen=True)
class SvdConfig:
    """An image-to-video latent diffusion model."""

    model: str | None = None
    """Hub repository or local folder of a `StableVideoDiffusionPipeline`; None is a small model from scratch."""
    variant: str | None = None
    """Name part of the weight files, e.g. `fp16`."""
    weights: bool = True
    """Load the weights; otherwise only the architecture."""
    size: SvdSize = field(default_factory=SvdSize)
    """Of the model from scratch."""
    frames: int = 7
    """Frames of a clip, 0.2 s apart; the first is the observation, the others are a chunk's steps."""
    blocks: tuple[int, ...] = (2, 1, 0)
    """Up-blocks of the U-Net to read, finest (last) first."""
    sigma: float = 40.0
    """Noise level of the pass that features are read from. The future is replaced by noise alone, so below 5, where the
    network expects to see something of it, this makes no sense."""
    sigma_max: float = 80.0
    """Where the sampling loop starts; 700 for the published weights."""
    fps: int = 5
    """Frames per second that the model is told [Hz]."""
    motion_bucket: int = 127
    """How much motion the model is told to expect."""
    noise_augmentation: float = 0.02
    """Noise on the conditioning picture in training, in units of a picture in [-1, 1]; the model is told."""
    frozen: bool = False
    """Keep the U-Net's weights."""
    lora_rank: int = 0
    """Train low-rank corrections of this rank instead of the U-Net's weights; 0 trains the weights."""
    precision: str = "fp32"
    """`fp32`, `fp16` or `bf16`: of the weights that are not trained."""
    gradient_checkpointing: bool = False
    """Compute activations twice instead of keeping them."""

    def __post_init__(self) -> None:
        if self.sigma < 5:
            raise ValueError(f"features are read at a noise level of at least 5, got sigma = {self.sigma}")
        if list(self.blocks) != sorted(self.blocks, reverse=True) or not self.blocks:
            raise ValueError(f"blocks are read finest (last) first, got {self.blocks}")
        if self.precision not in DTYPES:
            raise ValueError(f"no precision {self.precision!r}; there are {sorted(DTYPES)}")

    def build(self) -> Svd:
        """The network."""
        return Svd(self)


@dataclass(frozen=True)
class Conditioning:
    """What the model knows of B first pictures."""

    latent: torch.Tensor
    """(B, L, h, w)."""
    context: torch.Tensor
    """(B, 1, C) vector to attend to."""
    ids: torch.Tensor
    """(B, 3) frames per second - 1, motion bucket, noise augmentation."""

    def first(self, count: int) -> Conditioning:
        """Of the first `count` pictures."""
        return Conditioning(self.latent[:count], self.context[:count], self.ids[:count])

    def then(self, other: Conditioning) -> Conditioning:
        """Both, one after the other."""
        pairs = zip((self.latent, self.context, self.ids), (other.latent, other.context, other.ids))
        return Conditioning(*(torch.cat(pair) for pair in pairs))


class Svd(nn.Module):
    """Image (B, 3, H, W) in [0, 1] -> one (B, T, C, rows, columns) map for each of `config.blocks`; T = frames - 1.

    H and W are multiples of the autoencoder's factor; its latents have L channels (4 in published models). In training the
    noise is drawn anew; in evaluation it is always the same, so that a policy's predictions repeat.
    """

    def __init__(self, config: SvdConfig) -> None:
        super().__init__()
        self.config = config
        parts = _parts(config)
        self.vae, self.unet, self.image_encoder = parts.vae, parts.unet, parts.image_encoder
        TimeConv.put_in(self.vae)
        TimeConv.put_in(self.unet)
        self.steps = config.frames - 1
        widths, levels = self.unet.config.block_out_channels, len(self.unet.up_blocks)
        if max(config.blocks) >= levels or min(config.blocks) < 0:
            raise ValueError(f"the U-Net has up-blocks 0 to {levels - 1}, the configuration reads {config.blocks}")
        self.factor = 2 ** (len(self.vae.config.block_out_channels) - 1)
        self.strides = tuple(self.factor * 2 ** max(0, levels - 2 - i) for i in config.blocks)
        self.channels = tuple(widths[levels - 1 - i] for i in config.blocks)
        self._read: dict[int, torch.Tensor] = {}
        for i in config.blocks:
            self.unet.up_blocks[i].register_forward_hook(self._keep(i))
        # Of a model from scratch both become 1 / standard deviation of its latents; published weights scale the video's
        # latents, but not the conditioning one.
        scale = float(self.vae.config.scaling_factor) if config.model else 1.0
        self.register_buffer("latent_scale", torch.tensor(scale))
        self.register_buffer("condition_scale", torch.tensor(1.0))
        self.change_scale = None if config.model else config.size.change_scale
        self._choose_what_is_trained()

    # ---- the backbone --------------------------------------------------------------------------------------------------

    def forward(self, image: torch.Tensor) -> list[torch.Tensor]:
        """Features of each future step, finest map first."""
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.config.frozen):
            return self._single_pass(image)[1]

    def predict(
        self, z: torch.Tensor, sigma: torch.Tensor, condition: Conditioning
    ) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """Noisy `to_diffused` (B, F, L, h, w) at levels (B,) -> the U-Net's output F (same shape) and the feature maps."""
        scaled, time = edm.network_input(z, sigma)
        latent = condition.latent[:, None].expand(-1, z.shape[1], -1, -1, -1)
        dtype = self.unet.dtype
        inputs = torch.cat([scaled, latent], 2).to(dtype)
        ids = condition.ids.to(dtype)
        try:
            with self._attention(z.device):
                output = self.unet(inputs, time, condition.context.to(dtype), added_time_ids=ids).sample
            maps = [self._read[i].float().unflatten(0, z.shape[:2])[:, 1:] for i in self.config.blocks]
        finally:
            self._read.clear()
        return output.float(), maps

    # ---- pictures <-> latents --------------------------------------------------------------------------------------------

    @torch.no_grad()
    def encode(self, images: torch.Tensor) -> torch.Tensor:
        """(..., 3, H, W) in [0, 1] -> scaled latents (..., L, h, w), about unit variance."""
        flat = self.vae_latents(images.flatten(0, -4)).mode()
        return (flat * self.latent_scale).unflatten(0, images.shape[:-3])

    def vae_latents(self, images: torch.Tensor):
        """(N, 3, H, W) in [0, 1] -> the autoencoder's distribution of unscaled latents."""
        height, width = images.shape[-2:]
        if height % self.factor or width % self.factor:
            raise ValueError(
                f"the video model's autoencoder takes pictures whose sides are multiples of {self.factor}, got "
                f"{width} x {height} (W x H); set the policy's image_size to one"
            )
        return _float_distribution(self.vae.encode((images * 2 - 1).to(self.vae.dtype)).latent_dist)

    def to_diffused(self, latents: torch.Tensor, condition: Conditioning) -> torch.Tensor:
        """Scaled latents (B, F, L, h, w) -> what noise is added to, about unit variance (same shape).

        Of a model from scratch that is how they differ from the first picture's; published models diffuse the latents.
        """
        return latents if self.change_scale is None else (latents - condition.latent[:, None]) / self.change_scale

    def from_diffused(self, z: torch.Tensor, condition: Conditioning) -> torch.Tensor:
        """The inverse of `to_diffused`."""
        return z if self.change_scale is None else z * self.change_scale + condition.latent[:, None]

    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        """Scaled latents (B, F, L, h, w) -> pictures (B, F, 3, H, W), about [0, 1]."""
        together = latents.shape[1] if self.config.model else 1  # from scratch, it has learned on single pictures
        scaled = (latents / self.latent_scale).to(self.vae.dtype)
        drawn = self.vae.decode(scaled.flatten(0, 1), num_frames=together).sample.float()
        return (drawn / 2 + 0.5).unflatten(0, latents.shape[:2])

    @torch.no_grad()
    def condition(self, image: torch.Tensor) -> Conditioning:
        """What the model is told about pictures (B, 3, H, W) in [0, 1]; in training with noise on them."""
        noisy = image
        if self.training and self.config.noise_augmentation > 0:  # half of it: here a picture spans [0, 1], not [-1, 1]
            noisy = image + 0.5 * self.config.noise_augmentation * torch.randn_like(image)
        latent = self.vae_latents(noisy).mode() * self.condition_scale
        told = [self.config.fps - 1, self.config.motion_bucket, self.config.noise_augmentation]
        ids = image.new_tensor(told, dtype=torch.float32).expand(len(image), -1)
        return Conditioning(latent, self._context(image), ids)

    @torch.no_grad()
    def first_guess(self, image: torch.Tensor) -> torch.Tensor:
        """First pictures (B, 3, H, W) in [0, 1] -> scaled latents (B, F, L, h, w): what the pass that features are read
        from takes for the clip, the mean of all that may come."""
        return self._single_pass(image)[0]

    @torch.no_grad()
    def generate(self, image: torch.Tensor, steps: int, noise: torch.Tensor | None = None) -> torch.Tensor:
        """First pictures (B, 3, H, W) in [0, 1] -> clips (B, F, 3, H, W) in [0, 1] by `steps` Euler steps.

        `noise` is unit noise (B, F, L, h, w); by default always the same.
        """
        condition = self.condition(image)
        noise = self._noise(condition.latent) if noise is None else noise
        clean = edm.sample(lambda z, s: self.predict(z, s, condition)[0], noise, steps, high=self.config.sigma_max)
        return self.decode(self.from_diffused(clean, condition)).clamp(0, 1)

    # ---- parts -----------------------------------------------------------------------------------------------------------

    def _single_pass(self, image: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """With noise alone in place of the future -> `first_guess` and the feature maps."""
        condition = self.condition(image)
        sigma = torch.full((len(image),), self.config.sigma, device=image.device)
        z = self._noise(condition.latent) * self.config.sigma
        output, maps = self.predict(z, sigma, condition)
        return self.from_diffused(edm.denoised(z, sigma, output), condition), maps

    def _noise(self, latent: torch.Tensor) -> torch.Tensor:
        """(B, F, L, h, w) unit noise: new in training; else one sample, the same for each of the batch."""
        clip = (self.config.frames, *latent.shape[1:])
        if self.training:
            return torch.randn(len(latent), *clip, device=latent.device)
        fixed = torch.randn(clip, generator=torch.Generator().manual_seed(0))
        return fixed.to(latent.device).expand(len(latent), *clip)

    def _context(self, image: torch.Tensor) -> torch.Tensor:
        if self.image_encoder is None:
            return image.new_zeros(len(image), 1, self.unet.config.cross_attention_dim)
        small = F.interpolate(image, (224, 224), mode="bicubic", align_corners=False, antialias=True)
        mean, std = (image.new_tensor(x).view(1, 3, 1, 1) for x in (_CLIP_MEAN, _CLIP_STD))
        return self.image_encoder(((small - mean) / std).to(self.image_encoder.dtype)).image_embeds[:, None].float()

    def _attention(self, device: torch.device) -> AbstractContextManager:
        """On a CPU the fused kernel is slow for matrices as tiny as the small model's: written out, a step takes 0.85 of it."""
        written_out = device.type == "cpu" and self.config.model is None
        return sdpa_kernel(SDPBackend.MATH) if written_out else nullcontext()

    def _keep(self, block: int):
        def hook(module: nn.Module, inputs: object, output: torch.Tensor) -> None:
            self._read[block] = output

        return hook

    def _choose_what_is_trained(self) -> None:
        config = self.config
        self.vae.requires_grad_(False)
        if self.image_encoder is not None:
            self.image_encoder.requires_grad_(False)
        if config.lora_rank > 0:
            add_lora(self.unet, config.lora_rank)
        if config.frozen:
            self.unet.requires_grad_(False)
        elif config.lora_rank == 0:
            self.unet.float()  # weights that are trained keep full precision; autocast makes their arithmetic cheaper
        if config.gradient_checkpointing:
            self.unet.enable_gradient_checkpointing()


def _parts(config: SvdConfig) -> SvdParts:
    if config.model is None:
        return small_parts(config.size, config.frames)
    return load_parts(config.model, config.precision, config.variant, config.weights)


def _float_distribution(distribution):
    """The same Gaussian in float32, whatever the autoencoder computes in."""
    from diffusers.models.autoencoders.vae import DiagonalGaussianDistribution

    return DiagonalGaussianDistribution(distribution.parameters.float())


__all__ = ["Conditioning", "Svd", "SvdConfig", "SvdSize", "VideoBackboneError"]
