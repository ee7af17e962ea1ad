"""Whether a processor multiplies bfloat16 numbers itself."""

from __future__ import annotations

from typing import Literal

import torch


def resolved(precision: Literal["auto", "bf16", "no"], device: torch.device) -> Literal["bf16", "no"]:
    """`precision`, with `auto` decided for this device."""
    if precision != "auto":
        return precision
    return "bf16" if has_bf16(device) else "no"


def has_bf16(device: torch.device) -> bool:
    """Whether bfloat16 is computed in hardware here. On other processors (x86 without AVX-512) PyTorch falls back to loops
    that are many times slower than float32."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type != "cpu":
        return False
    supported = getattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", None)  # what PyTorch's own compiler asks
    return torch.backends.mkldnn.is_available() and supported is not None and bool(supported())
