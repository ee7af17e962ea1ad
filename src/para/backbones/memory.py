"""Does a video model fit into memory? An estimate before training, and what to do when it does not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import nn

from para.backbones.svd_parts import VideoBackboneError

ADVICE = (
    "What helps, in this order: a smaller `image_size` (activations shrink with its square), `gradient_checkpointing=True`, "
    "`lora_rank=16` with `precision='bf16'` (only the corrections are trained), a smaller `batch_size`."
)


def training_bytes(network: nn.Module) -> int:
    """Bytes that training needs before any activation: weights, and of those that are trained also their moving average,
    gradients and Adam's two moments."""
    return sum(p.numel() * p.element_size() * (5 if p.requires_grad else 1) for p in network.parameters())


def available_bytes(device: torch.device) -> int | None:
    """Free memory of a GPU, or of the machine; None where it cannot be told."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    table = Path("/proc/meminfo")
    if not table.exists():
        return None
    for line in table.read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return None


def check_memory(network: nn.Module) -> None:
    """VideoBackboneError when training could not even begin."""
    first = next(network.parameters())
    there = available_bytes(first.device)
    loaded = sum(p.numel() * p.element_size() for p in network.parameters())
    needed = training_bytes(network) - loaded
    if there is not None and needed > there:
        raise VideoBackboneError(
            f"training this video model needs {needed / 2**30:.1f} GiB beside its weights, before any activation; "
            f"{there / 2**30:.1f} GiB are free on {first.device}. {ADVICE}"
        )


@contextmanager
def advice() -> Iterator[None]:
    """VideoBackboneError that says what helps, in place of an allocator's error."""
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and not isinstance(error, torch.OutOfMemoryError):
            if "can't allocate memory" not in str(error):
                raise
        first_line = (str(error) or type(error).__name__).splitlines()[0]
        raise VideoBackboneError(f"memory ran out in the video model ({first_line}). {ADVICE}") from error
