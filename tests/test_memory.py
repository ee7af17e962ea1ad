"""The peak over the process tree: what children hold counts, what they share counts once, what is over still counts."""

import subprocess
import sys
import time

import numpy as np

from para.memory import PeakMemory, tree_bytes

MIB = 2**20
HOLD = "import sys, time; x = bytearray(b'x') * (150 * 2**20); print('ready', flush=True); sys.stdin.read()"


def test_children_count_also_when_they_are_gone():
    before = tree_bytes()
    with PeakMemory(period=0.05) as memory:
        child = subprocess.Popen([sys.executable, "-c", HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert child.stdout.readline() == "ready\n"
        deadline = time.monotonic() + 60
        while memory.peak - before <= 150 * MIB and time.monotonic() < deadline:  # until it was looked at
            time.sleep(0.05)
        child.communicate("")
    assert memory.peak - before > 150 * MIB
    assert tree_bytes() - before < 100 * MIB
    assert memory.gigabytes == memory.peak / 2**30


def test_shared_pages_count_once(tmp_path):
    """Workers map the same pictures; the machine holds them once."""
    np.memmap(tmp_path / "pictures", np.uint8, "w+", shape=200 * MIB)[:] = 1
    code = (
        f"import numpy as np, sys; x = np.memmap({str(tmp_path / 'pictures')!r}, np.uint8, 'r'); x.sum(); "
        "print('ready', flush=True); sys.stdin.read()"
    )
    before = tree_bytes()
    children = [
        subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    assert all(child.stdout.readline() == "ready\n" for child in children)
    held = tree_bytes() - before
    for child in children:
        child.communicate("")
    assert 180 * MIB < held < 380 * MIB, "200 MiB of pictures and two small processes"
