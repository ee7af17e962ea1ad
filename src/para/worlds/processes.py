"""Worker processes that share a machine: one core each."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

_WANTED = {
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "LP_NUM_THREADS": "0",  # Mesa's software renderer: 0 draws in the calling thread
}


@contextmanager
def single_threaded_children() -> Iterator[None]:
    """Processes spawned inside use one thread for linear algebra and one for the software renderer.

    The libraries read these variables when they are loaded, so they must be in the environment before a process starts.
    """
    before = {name: os.environ.get(name) for name in _WANTED}
    os.environ.update(_WANTED)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
