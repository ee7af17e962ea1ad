"""Large tensors without page faults."""

from __future__ import annotations

import ctypes
import sys

_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_MAX = -1, -2, -4  # malloc.h


def keep_freed_memory() -> bool:
    """Tell glibc to keep freed memory instead of handing each large block back to the kernel.

    A training step on a CPU allocates and frees some gigabytes of activations; by default each block is mapped anew and
    its pages are zeroed again. Keeping them makes a step about 1.4 times as fast. Returns whether it was possible.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        libc = ctypes.CDLL("libc.so.6")
    except OSError:
        return False
    return all(
        libc.mallopt(name, value) == 1
        for name, value in ((_M_MMAP_MAX, 0), (_M_TRIM_THRESHOLD, 2**31 - 1), (_M_TOP_PAD, 64 * 2**20))
    )
