"""How far an evaluation is, in one line."""

from __future__ import annotations

import sys
from dataclasses import dataclass


@dataclass(frozen=True)
class Progress:
    """State after an episode."""

    name: str
    """The agent's."""
    done: int
    """Episodes on record, those of earlier runs included."""
    total: int
    ran: int
    """Episodes run by this call, errors not counted."""
    placed: int
    """Of these, successes."""
    errors: int
    """Unresolved ones."""
    seconds_per_episode: float
    """Wall time by episode, all workers together [s]."""

    @property
    def seconds_left(self) -> float:
        """Estimate [s]."""
        return (self.total - self.done) * self.seconds_per_episode

    def __str__(self) -> str:
        rate = f"{100 * self.placed / self.ran:3.0f} %" if self.ran else "  - %"
        errors = f"  {self.errors} unresolved errors" if self.errors else ""
        return (
            f"{self.name}  {self.done}/{self.total}  PLACE {rate}  {self.seconds_per_episode:.1f} s an episode  "
            f"{duration(self.seconds_left)} left{errors}"
        )


def print_progress(progress: Progress) -> None:
    """To standard error: one line that changes on a terminal, otherwise about twenty lines in all."""
    last = progress.done >= progress.total
    if sys.stderr.isatty():
        print(f"\r{progress}\x1b[K", end="\n" if last else "", file=sys.stderr, flush=True)
    elif last or progress.done % max(1, progress.total // 20) == 0:
        print(progress, file=sys.stderr, flush=True)


def duration(seconds: float) -> str:
    """``48 s``, ``12 min``, ``1 h 05 min``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02d} min"
