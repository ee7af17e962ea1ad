"""The public count of looks at the test conditions: one committed line for each test evaluation."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

from para.evaluation.provenance import commit
from para.evaluation.records import Subject


@dataclass(frozen=True)
class LedgerEntry:
    """One evaluation on test conditions."""

    date: str
    """ISO date."""
    commit: str
    policy: str
    checkpoint: str
    axis: str
    n: int
    """Test episodes that this evaluation set out to run. One that was stopped has a line more where it goes on, of what was
    left: looks are never undercounted."""


def append_ledger(path: Path, subject: Subject, axis: str, n: int) -> LedgerEntry:
    """Add a line for `n` test episodes of `subject` on `axis`, dated today."""
    entry = LedgerEntry(date.today().isoformat(), commit(), subject.policy, subject.checkpoint, axis, n)
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "a", encoding="utf-8") as file:
        file.write(json.dumps(asdict(entry)) + "\n")
    return entry


def read_ledger(path: Path) -> list[LedgerEntry]:
    """All entries; a missing file is empty."""
    if not path.exists():
        return []
    entries = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if line.strip():
            try:
                entries.append(LedgerEntry(**json.loads(line)))
            except (ValueError, TypeError) as cause:
                raise ValueError(f"{path}:{number}: not a ledger entry ({cause}); restore it from git.") from cause
    return entries


def evaluations(entries: list[LedgerEntry]) -> Counter[tuple[str, str]]:
    """How often each (policy, axis) was evaluated on test conditions."""
    return Counter((entry.policy, entry.axis) for entry in entries)
