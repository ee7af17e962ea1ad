"""What people wrote down about a run: ablations, and why episodes failed. Two small JSON files beside the records.

RUN/ablations.json  {"format": 1, "rows": [{"change": "...", "axis": "lr", "split": "validation",
                     "with": {"placed": 30, "n": 40}, "without": {"placed": 25, "n": 40},
                     "verdict": "kept" | "dropped" | "open", "note": "...", "commit": "...", "command": "..."}]}
RUN/failures.json   {"format": 1, "rows": [{"policy": "para", "axis": "lr", "split": "test", "cause": "...",
                     "count": 12, "of": 59, "example": 17, "note": "...", "episodes": 200,
                     "commit": "...", "command": "..."}]}

``with`` and ``without`` are counts of PLACE; rates and intervals are computed from them, never written. Either may name a
file of ``runs/ablations.py`` besides, ``"file": "rl/height_bins"`` for RUN/ablations/rl/height_bins.json, whose errors on
demonstrations then stand beside the rate; its counts have to be the same. ``note``, ``commit``, ``command``, ``episodes`` and
``example`` (a condition's index) may be left out. A failure's ``of`` is the number of failed episodes that were looked at.
The axis ``rl`` is ``lr`` the other way round.
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
TWIN = "rl"
"""The mirror image of ``lr``: trained on the right half and tried on the left one, so that ``lr`` itself chooses nothing."""
MOVED_PIXELS = 80

T = TypeVar("T")


class NotesError(ValueError):
    """A file of notes is damaged."""


@dataclass(frozen=True)
class OfflineErrors:
    """How far predicted targets lie from the demonstrated ones [mm], as they are and with picture and camera moved."""

    median: float
    p90: float
    moved_median: float
    """With the picture `MOVED_PIXELS` to the right, of targets that stay in it; an equivariant policy keeps its errors."""
    moved_p90: float


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
    changed_errors: OfflineErrors | None = None
    base_errors: OfflineErrors | None = None
    """None where no file is named."""

    @property
    def where(self) -> str:
        """On what it was tried, for people."""
        return "right half to left half" if self.axis == TWIN else f"{self.axis}, {self.split}"


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
    return _read(folder / "ablations.json", lambda row: _ablation(row, folder / "ablations"))


def read_failures(folder: Path) -> list[Failure]:
    """From `folder`/failures.json; empty where there is none. NotesError names file, row and remedy."""
    return _read(folder / "failures.json", _failure)


def _ablation(row: dict[str, Any], folder: Path) -> Ablation:
    if row["verdict"] not in VERDICTS:
        raise ValueError(f"verdict {row['verdict']!r} is none of {', '.join(VERDICTS)}")
    (changed, changed_errors), (base, base_errors) = (_measured(row.pop(key), folder) for key in ("with", "without"))
    return Ablation(changed=changed, base=base, changed_errors=changed_errors, base_errors=base_errors, **row)


def _measured(counts: dict[str, Any], folder: Path) -> tuple[Rate, OfflineErrors | None]:
    rate = wilson(int(counts["placed"]), int(counts["n"]))
    if "file" not in counts:
        return rate, None
    data = json.loads((folder / f"{counts['file']}.json").read_text(encoding="utf-8"))
    if (data["place"]["successes"], data["place"]["n"]) != (rate.successes, rate.n):
        raise ValueError(f"{counts['file']}.json counts {data['place']['successes']} of {data['place']['n']}")
    still, moved = data["offline"]["du+0_dv+0"], data["offline"][f"du+{MOVED_PIXELS}_dv+0"]
    return rate, OfflineErrors(still["median_mm"], still["p90_mm"], moved["median_mm"], moved["p90_mm"])


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
        except (ValueError, KeyError, TypeError, OSError) as cause:
            raise NotesError(
                f"{path}: row {number}: {type(cause).__name__}: {cause}. See the top of para/report/notes.py for the form."
            ) from cause
    return made
