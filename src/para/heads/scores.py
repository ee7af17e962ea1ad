"""Normaliser and single scores of a large volume of logits, in one pass forward and one back."""

from __future__ import annotations

import torch


class _ReadScores(torch.autograd.Function):
    """d logsumexp / dx is the softmax; keeping exp(x - max) spares the backward pass two passes over the volume, and the
    gathered scores' gradient goes into the same buffer instead of a zero-filled one of its own."""

    @staticmethod
    def forward(ctx, flat: torch.Tensor, index: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        largest = flat.amax(-1, keepdim=True)
        largest = torch.where(torch.isfinite(largest), largest, torch.zeros_like(largest))
        share = (flat - largest).exp_()
        total = share.sum(-1, keepdim=True)
        ctx.save_for_backward(share, total, index)
        return (largest + total.log()).squeeze(-1), flat.gather(-1, index)

    @staticmethod
    def backward(ctx, to_normaliser: torch.Tensor, to_scores: torch.Tensor) -> tuple[torch.Tensor, None]:
        share, total, index = ctx.saved_tensors
        # The largest score adds 1 to its row's total; a row without any has no shares, and no gradient.
        gradient = share * (to_normaliser[..., None] / total.clamp(min=1))
        return gradient.scatter_add_(-1, index, to_scores), None


def read_scores(flat: torch.Tensor, index: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """(..., N) logits and (..., K) indices -> logsumexp (...) and the logits there (..., K).

    The same values and gradients as `flat.logsumexp(-1)` and `flat.gather(-1, index)`; -inf logits are allowed, also as
    all of a row (whose normaliser is then -inf).
    """
    return _ReadScores.apply(flat, index)
