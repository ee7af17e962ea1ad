"""Waiting for another process, on machines that are busy: the limits say that something hangs, not that it is slow."""

import subprocess
import time
from collections.abc import Callable

PATIENCE = 900
"""Until a process counts as hanging [s]; a busy machine takes minutes to start one."""


def wait_for(condition: Callable[[], object], process: subprocess.Popen) -> None:
    """Until it holds. AssertionError where the process ends before, with what it said, or seems to hang."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert process.poll() is None, process.communicate(timeout=PATIENCE)
        assert time.monotonic() < deadline, f"it runs, but nothing came of it in {PATIENCE} s"
        time.sleep(0.05)
