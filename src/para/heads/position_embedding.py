"""Sinusoids that tell a token where in the image, or when in the chunk, it stands."""

from __future__ import annotations

import torch
from torch.nn import functional as F


def image_positions(x: torch.Tensor) -> torch.Tensor:
    """(B, C, rows, columns) -> (1, C, rows, columns): sinusoids of row and column (Vaswani et al. 2017, for each axis)."""
    channels, rows, columns = x.shape[1:]
    quarter = channels // 4
    rate = 1.0 / 100 ** (torch.arange(quarter, device=x.device, dtype=x.dtype) / quarter)
    row = torch.arange(rows, device=x.device, dtype=x.dtype)[:, None] * rate
    column = torch.arange(columns, device=x.device, dtype=x.dtype)[:, None] * rate
    row = torch.cat([row.sin(), row.cos()], 1).t()[:, :, None].expand(-1, -1, columns)
    column = torch.cat([column.sin(), column.cos()], 1).t()[:, None].expand(-1, rows, -1)
    return F.pad(torch.cat([row, column]), (0, 0, 0, 0, 0, channels - 4 * quarter))[None]


def time_positions(times: torch.Tensor, width: int) -> torch.Tensor:
    """(...) times -> (..., width): sinusoids with wavelengths from 2 pi to 10,000 x 2 pi (Vaswani et al. 2017)."""
    half = width // 2
    rate = 1.0 / 10_000 ** (torch.arange(half, device=times.device, dtype=torch.float32) / half)
    angle = times[..., None].float() * rate
    return F.pad(torch.cat([angle.sin(), angle.cos()], -1), (0, width - 2 * half))
