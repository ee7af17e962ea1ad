"""Transformer layers that add positions to queries and keys at every layer, as DETR and ACT do; norms come first.

(Carion et al., "End-to-end object detection with transformers", 2020; Zhao et al., "Learning fine-grained bimanual
manipulation with low-cost hardware", 2023.)
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn


@dataclass(frozen=True)
class TransformerConfig:
    """Size of every transformer in ACT."""

    width: int = 192
    """Channels of a token."""
    attention_heads: int = 4
    feedforward: int = 512
    """Hidden units of each layer's perceptron."""
    dropout: float = 0.1


class EncoderLayer(nn.Module):
    """Self-attention and a perceptron."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.attention = _attention(config)
        self.feedforward = _feedforward(config)
        self.norms = nn.ModuleList(nn.LayerNorm(config.width) for _ in range(2))
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x: torch.Tensor, positions: torch.Tensor, absent: torch.Tensor | None = None) -> torch.Tensor:
        """(B, N, C) tokens, (1 or B, N, C) positions, (B, N) bool tokens to look away from -> (B, N, C)."""
        y = self.norms[0](x)
        q = y + positions
        y, _ = self.attention(q, q, y, key_padding_mask=absent, need_weights=False)
        x = x + self.dropout(y)
        return x + self.dropout(self.feedforward(self.norms[1](x)))


class DecoderLayer(nn.Module):
    """Self-attention among the queries, attention to the memory, and a perceptron."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.among, self.across = _attention(config), _attention(config)
        self.feedforward = _feedforward(config)
        self.norms = nn.ModuleList(nn.LayerNorm(config.width) for _ in range(3))
        self.dropout = nn.Dropout(config.dropout)

    def forward(
        self, x: torch.Tensor, queries: torch.Tensor, memory: torch.Tensor, positions: torch.Tensor
    ) -> torch.Tensor:
        """(B, T, C) tokens, (1, T, C) their learned positions, (B, N, C) memory and its positions -> (B, T, C)."""
        y = self.norms[0](x)
        q = y + queries
        y, _ = self.among(q, q, y, need_weights=False)
        x = x + self.dropout(y)
        y, _ = self.across(self.norms[1](x) + queries, memory + positions, memory, need_weights=False)
        x = x + self.dropout(y)
        return x + self.dropout(self.feedforward(self.norms[2](x)))


def _attention(config: TransformerConfig) -> nn.MultiheadAttention:
    return nn.MultiheadAttention(config.width, config.attention_heads, config.dropout, batch_first=True)


def _feedforward(config: TransformerConfig) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(config.width, config.feedforward),
        nn.ReLU(),
        nn.Dropout(config.dropout),
        nn.Linear(config.feedforward, config.width),
    )
