"""The processes of one training, each with its share of the batch: what one of them cannot know alone."""

from __future__ import annotations

import torch
from torch import distributed


def mean_over_processes(value: torch.Tensor) -> torch.Tensor:
    """A tensor of any shape -> its mean over the training's processes, without a gradient; as it is where there is one.

    Every process has to call this at the same place of its programme: it waits for the others.
    """
    if not (distributed.is_available() and distributed.is_initialized()) or distributed.get_world_size() == 1:
        return value.detach()
    total = value.detach().clone() if value.is_floating_point() else value.float()
    distributed.all_reduce(total)
    return total / distributed.get_world_size()
