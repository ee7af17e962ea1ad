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
    """Whether bfloat16 is computed in hardware here. Other processors (x86 with AVX2 alone, or with AVX-512 but without its
    bfloat16 instructions) convert back and forth, and a step takes 1.5 to 30 times as long as in float32."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type != "cpu" or not torch.backends.mkldnn.is_available():
        return False
    capabilities = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    if "avx512_bf16" in capabilities:  # x86
        return bool(capabilities["avx512_bf16"] or capabilities.get("amx_bf16"))
    supported = getattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", None)  # true of all AVX-512
    return supported is not None and bool(supported())
