"""Noise levels of a video diffusion model: preconditioning, training noise, and the short sampling loop.

The parametrisation is that of Karras et al. 2022 (EDM) with sigma_data = 1 and a velocity-predicting network, which is what
Stable Video Diffusion was trained with and what diffusers' `EulerDiscreteScheduler` calls ``v_prediction``:
z = x + sigma eps; the network sees c_in z at time c_noise and its output F gives the denoised x = c_skip z + c_out F.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch


def spread(sigma: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """(B,) -> (B, 1, ...) with as many dimensions as `like`."""
    return sigma.reshape(-1, *[1] * (like.dim() - 1))


def network_input(z: torch.Tensor, sigma: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """c_in z and c_noise for noisy latents (B, ...) at levels (B,): c_in = 1 / sqrt(sigma^2 + 1), c_noise = ln(sigma) / 4."""
    return z / (spread(sigma, z) ** 2 + 1).sqrt(), 0.25 * sigma.log()


def denoised(z: torch.Tensor, sigma: torch.Tensor, output: torch.Tensor) -> torch.Tensor:
    """The clean latents that a network output F stands for: z / (sigma^2 + 1) - F sigma / sqrt(sigma^2 + 1)."""
    s = spread(sigma, z)
    return z / (s**2 + 1) - output * s / (s**2 + 1).sqrt()


def wanted_output(z: torch.Tensor, sigma: torch.Tensor, clean: torch.Tensor) -> torch.Tensor:
    """The F for which `denoised` is `clean`. Mean squares of F's error are EDM's loss with its own weighting
    (sigma^2 + 1) / sigma^2, which has the same size at every level."""
    s = spread(sigma, z)
    return (z / (s**2 + 1) - clean) * (s**2 + 1).sqrt() / s


def training_sigmas(count: int, mean: float, std: float, device: torch.device | str = "cpu") -> torch.Tensor:
    """(count,) noise levels whose logarithm is normal with this mean and standard deviation."""
    return (mean + std * torch.randn(count, device=device)).exp()


def sampling_sigmas(steps: int, low: float, high: float) -> list[float]:
    """`steps` levels from `high` to `low` and a final 0, evenly spaced in sigma^(1/7) (Karras et al. 2022, eq. 5)."""
    if steps < 1:
        raise ValueError(f"a sampling loop needs at least one step, got {steps}")
    ends = high ** (1 / 7), low ** (1 / 7)
    return [(ends[0] + (ends[1] - ends[0]) * i / max(1, steps - 1)) ** 7 for i in range(steps)] + [0.0]


def sample(
    predict: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
    noise: torch.Tensor,
    steps: int,
    low: float = 0.002,
    high: float = 700.0,
) -> torch.Tensor:
    """Euler steps from unit `noise` (B, ...) to clean latents; `predict(z, sigma)` is the network's F."""
    sigmas = sampling_sigmas(steps, low, high)
    z = noise * math.sqrt(high**2 + 1)  # as diffusers scales it; the 1 is the data's own variance
    for now, after in zip(sigmas, sigmas[1:]):
        sigma = torch.full((len(z),), now, device=z.device)
        clean = denoised(z, sigma, predict(z, sigma))
        z = z + (z - clean) / now * (after - now)
    return z
