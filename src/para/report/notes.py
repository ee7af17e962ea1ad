"""What people wrote down about a run: ablations, and why episodes failed. Two small JSON files beside the records.

RUN/ablations.json  {"format": 1, "rows": [{"change": "...", "axis": "lr", "split": "validation",
                     "with": {"placed": 30, "n": 40}, "without": {"placed": 25, "n": 40},
                     "verdict": "kept" | "dropped" | "open", "note": "...", "commit": "...", "command": "..."}]}
RUN/failures.json   {"format": 1, "rows": [{"policy": "para", "axis": "lr", "split": "test", "cause": "...",
                     "count": 12, "of": 59, "example": 17, "note": "...", "episodes": 200,
                     "commit": "...", "command": "..."}]}

``with`` and ``without`` are counts of PLACE; rates and intervals are computed from them, never written. ``note``,
``commit``, ``command``, ``episodes`` and ``example`` (a condition's index) may be left out. A failure's ``of`` is the number
of failed episodes that were looked at.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from para.evaluation.statistics import Rate, wilson

FORMAT = 1
"""Version of both files."""
VERDICTS = ("kept", "dropped", "open")

T = TypeVar("T")


class NotesError(ValueError):
    """A file of notes is damaged."""


@dataclass(frozen=True)
class Ablation:
    """One change to the policy, measured with and without."""

    change: str
    axis: str
    split: str
    """``validation`` as a rule: choosing on test conditions spends them."""
    changed: Rate
    base: Rate
    verdict: str
    """``kept`` | ``dropped`` | ``open``"""
    note: str = ""
    commit: str = ""
    command: str = ""


@dataclass(frozen=True)
class Failure:
    """One cause of failure, seen in films or told by `para.evaluation.causes`, with its count."""

    policy: str
    axis: str
    split: str
    cause: str
    count: int
    of: int
    """Failed episodes that were looked at."""
    example: int | None = None
    """Index of a condition that shows it."""
    note: str = ""
    episodes: int | None = None
    """Episodes among which they failed."""
    commit: str = ""
    command: str = ""


def read_ablations(folder: Path) -> list[Ablation]:
    """From `folder`/ablations.json; empty where there is none. NotesError names file, row and remedy."""
    return _read(folder / "ablations.json", _ablation)


def read_failures(folder: Path) -> list[Failure]:
    """From `folder`/failures.json; empty where there is none. NotesError names file, row and remedy."""
    return _read(folder / "failures.json", _failure)


def _ablation(row: dict[str, Any]) -> Ablation:
    changed, base = (
        wilson(int(counts["placed"]), int(counts["n"])) for counts in (row.pop("with"), row.pop("without"))
    )
    if row["verdict"] not in VERDICTS:
        raise ValueError(f"verdict {row['verdict']!r} is none of {', '.join(VERDICTS)}")
    return Ablation(changed=changed, base=base, **row)


def _failure(row: dict[str, Any]) -> Failure:
    failure = Failure(**row)
    if not 0 <= failure.count <= failure.of:
        raise ValueError(f"count {failure.count} is not between 0 and of = {failure.of}")
    return failure


def _read(path: Path, make: Callable[[dict[str, Any]], T]) -> list[T]:
    if not path.exists():
        return []
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        version, rows = data["format"], data["rows"]
    except (ValueError, KeyError, TypeError) as cause:
        raise NotesError(
            f'{path}: needs {{"format": {FORMAT}, "rows": [...]}} ({type(cause).__name__}: {cause})'
        ) from cause
    if version != FORMAT:
        raise NotesError(f"{path}: format {version}, this program reads {FORMAT}; update para.")
    made = []
    for number, row in enumerate(rows, start=1):
        try:
            made.append(make(dict(row)))
        except (ValueError, KeyError, TypeError) as cause:
            raise NotesError(
                f"{path}: row {number}: {type(cause).__name__}: {cause}. See the top of para/report/notes.py for the form."
            ) from cause
    return made
