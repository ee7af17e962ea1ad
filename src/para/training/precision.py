"""How a processor takes numbers: whether it multiplies bfloat16 itself, and what becomes of the smallest."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import torch


def resolved(precision: Literal["auto", "bf16", "no"], device: torch.device) -> Literal["bf16", "no"]:
    """`precision`, with `auto` decided for this device."""
    if precision != "auto":
        return precision
    return "bf16" if has_bf16(device) else "no"


def has_bf16(device: torch.device) -> bool:
    """Whether bfloat16 is computed in hardware here, so that it gains time.

    Of x86 processors it is those with AMX. With the bfloat16 instructions of AVX-512 alone a step takes 1.04 to 1.5 times as
    long as in float32; older ones convert back and forth, and it takes up to 30 times as long.
    """
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type != "cpu" or not torch.backends.mkldnn.is_available():
        return False
    if platform.machine().lower() in ("x86_64", "amd64"):
        asked = getattr(torch.cpu, "_is_amx_tile_supported", None)
    else:
        asked = getattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", None)
    return asked is not None and bool(asked())  # neither is public; a torch without them computes in float32


@contextmanager
def denormals_are_zeros() -> Iterator[None]:
    """On this thread and those it starts, numbers below 1e-38 are zeros; afterwards, on this thread, as before.

    A sharp softmax over a volume has such gradients, and a CPU's step with them takes ten times as long.
    """
    before = not (torch.full((1,), 1e-38) * 0.1).any()
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(bool(before))
