"""What a page is made of: one run's folder, or a folder of several, with the ledger and the notes that belong to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from para.evaluation.ledger import LedgerEntry, read_ledger
from para.evaluation.records import Records, RecordsError, episode_key, read_records
from para.report.cells import RunRecords
from para.report.notes import Ablation, Failure, read_ablations, read_failures
from para.report.run_folder import RunFolder

TRIALS = "trials"
"""Folder of a collection whose runs are tried changes: listed, but in no table."""


class EmptyRun(ValueError):
    """There is nothing to report."""


@dataclass(frozen=True)
class Source:
    """Everything on the disk that the page shows."""

    root: Path
    runs: tuple[RunFolder, ...]
    records: tuple[RunRecords, ...]
    """One for each run."""
    trials: tuple[RunRecords, ...]
    ledger: tuple[LedgerEntry, ...]
    ablations: tuple[Ablation, ...]
    failures: tuple[Failure, ...]

    @property
    def is_collection(self) -> bool:
        """Several runs in one folder."""
        return not (len(self.runs) == 1 and self.runs[0].root == self.root)

    @property
    def folders(self) -> tuple[RunFolder, ...]:
        """All that may hold pictures: the folder itself and its runs."""
        return tuple(dict.fromkeys((RunFolder(self.root), *self.runs)))


def read_source(folder: Path, ledger: Path | None = None) -> Source:
    """A folder with ``records`` is a run; one without is a collection of the runs below it.

    The ledger is `ledger`, or the folder's own, or the one beside the folder. EmptyRun where no episode is on record.
    """
    folder = Path(folder).resolve()
    own = RunFolder(folder)
    runs = (own,) if own.all_records() else _runs_below(folder)
    records = tuple(_records(run) for run in runs)
    trials = tuple(_records(run) for run in _runs_below(folder / TRIALS)) if runs != (own,) else ()
    if not any(r.records.episodes or r.records.errors for r in records):
        raise EmptyRun(
            f"{folder / 'records'} holds no episodes, nor does a run below {folder}; evaluate a policy into it first "
            "(`para evaluate`, `para reproduce`)"
        )
    found = ledger or next((p for p in (own.ledger, folder.parent / "ledger.jsonl") if p.exists()), own.ledger)
    places = list(dict.fromkeys([folder, *(run.root for run in runs)]))
    return Source(
        folder,
        runs,
        records,
        trials,
        tuple(read_ledger(found)),
        tuple(row for place in places for row in read_ablations(place)),
        tuple(row for place in places for row in read_failures(place)),
    )


def _runs_below(folder: Path) -> tuple[RunFolder, ...]:
    if not folder.is_dir():
        return ()
    below = (RunFolder(path) for path in sorted(folder.iterdir()) if path.is_dir())
    return tuple(run for run in below if run.all_records())


def _records(run: RunFolder) -> RunRecords:
    paths = run.all_records()
    files: Sequence[Records] = [read_records(path) for path in paths]
    found: dict[object, Path] = {}
    for path, file in zip(paths, files):
        for record in file.episodes:
            first = found.setdefault(episode_key(record), path)
            if first != path:
                c = record.condition
                raise RecordsError(
                    f"{path} and {first} both hold the episode {c.axis}/{c.split}/{c.index} of {record.subject.policy} "
                    f"({record.subject.checkpoint}); it would count twice. Take one of the files out of the folder."
                )
    return RunRecords(
        run.root.name,
        Records(
            tuple(record for file in files for record in file.episodes),
            tuple(error for file in files for error in file.errors),
        ),
    )
