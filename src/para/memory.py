"""The most memory that this process and all its children held at one time."""

from __future__ import annotations

import threading
from types import TracebackType

import psutil

PERIOD = 1.0
"""Seconds between two looks; a peak that is shorter can be missed."""


class PeakMemory:
    """While the context is open a thread adds up the process tree every `PERIOD` seconds and keeps the largest sum.

    A page that several processes share counts once (Linux's proportional set size), so that the sum is what the machine
    needs; where the system does not tell, resident sizes are added, which counts shared pages several times.
    """

    def __init__(self, period: float = PERIOD) -> None:
        self.period, self.peak = period, 0
        """`peak` in bytes."""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="peak-memory", daemon=True)

    @property
    def gigabytes(self) -> float:
        """The peak so far [GB, 2^30 bytes]."""
        return self.peak / 2**30

    def __enter__(self) -> PeakMemory:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stop.set()
        self._thread.join()
        self.peak = max(self.peak, tree_bytes())

    def _watch(self) -> None:
        while True:
            self.peak = max(self.peak, tree_bytes())
            if self._stop.wait(self.period):
                return


def tree_bytes() -> int:
    """Memory of this process and all its descendants now [bytes]."""
    here = psutil.Process()
    return sum(_bytes(process) for process in (here, *here.children(recursive=True)))


def _bytes(process: psutil.Process) -> int:
    try:
        info = process.memory_full_info()
        return getattr(info, "pss", 0) or info.rss
    except psutil.NoSuchProcess:  # ended between listing and asking
        return 0
    except psutil.AccessDenied:
        return process.memory_info().rss
