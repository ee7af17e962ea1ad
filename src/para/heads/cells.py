"""Where the cells of a feature map lie in the picture that it was made from."""

from __future__ import annotations

import torch


def cell_centres(rows: int, columns: int, width: float, height: float, like: torch.Tensor) -> torch.Tensor:
    """(rows * columns, 2) middles (u, v), row by row, of the cells of a map over a picture of `width` x `height`, in its unit;
    of the type and on the device of `like`."""
    v, u = torch.meshgrid(
        (torch.arange(rows, dtype=like.dtype, device=like.device) + 0.5) * (height / rows),
        (torch.arange(columns, dtype=like.dtype, device=like.device) + 0.5) * (width / columns),
        indexing="ij",
    )
    return torch.stack([u, v], -1).flatten(0, 1)
