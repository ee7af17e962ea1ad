"""The latent "style" of a demonstration: ACT's variational encoder, used in training alone."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from para.heads.act.transformer import EncoderLayer, TransformerConfig
from para.heads.normalised_actions import ACTION_VALUES
from para.heads.position_embedding import time_positions


@dataclass(frozen=True)
class Style:
    """A Gaussian over the latent z."""

    mean: torch.Tensor
    """(B, L)."""
    log_variance: torch.Tensor
    """(B, L)."""

    def sample(self) -> torch.Tensor:
        """(B, L) by the reparameterisation trick (Kingma & Welling 2013)."""
        return self.mean + (0.5 * self.log_variance).exp() * torch.randn_like(self.mean)

    def divergence(self) -> torch.Tensor:
        """() KL divergence from the standard normal distribution, summed over z and averaged over B [nats]."""
        each = self.mean**2 + self.log_variance.exp() - 1 - self.log_variance
        return 0.5 * each.sum(-1).mean()


class StyleEncoder(nn.Module):
    """Transformer over [CLS, state, action sequence]; z is read from CLS."""

    def __init__(self, config: TransformerConfig, layers: int, latent: int, state_values: int) -> None:
        super().__init__()
        self.start = nn.Parameter(torch.randn(1, 1, config.width) * 0.02)
        self.state = nn.Linear(state_values, config.width)
        self.actions = nn.Linear(ACTION_VALUES, config.width)
        self.layers = nn.ModuleList(EncoderLayer(config) for _ in range(layers))
        self.norm = nn.LayerNorm(config.width)
        self.latent = nn.Linear(config.width, 2 * latent)
        # Begin near the prior: otherwise the weighted divergence drowns the first steps.
        nn.init.normal_(self.latent.weight, std=0.01)
        nn.init.zeros_(self.latent.bias)

    def forward(self, state: torch.Tensor, actions: torch.Tensor, valid: torch.Tensor) -> Style:
        """(B, S) state, (B, T, 10) normalised actions, (B, T) bool which of them exist -> z's distribution."""
        batch, steps = valid.shape
        # Attention gives absent tokens no weight; zeroing them too keeps even a NaN there from spreading.
        actions = torch.where(valid[..., None], actions, torch.zeros_like(actions))
        tokens = [self.start.expand(batch, -1, -1), self.state(state)[:, None], self.actions(actions)]
        x = torch.cat(tokens, 1)
        positions = time_positions(torch.arange(steps + 2, device=x.device), x.shape[-1])[None]
        absent = torch.cat([torch.zeros_like(valid[:, :1]).expand(-1, 2), ~valid], 1)
        for layer in self.layers:
            x = layer(x, positions, absent)
        mean, log_variance = self.latent(self.norm(x[:, 0])).chunk(2, -1)
        return Style(mean, log_variance)
