"""Records -> the numbers of the page: one row for each axis and policy, from the evaluation that counts."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from para.evaluation.axes import AXES
from para.evaluation.records import EpisodeError, EpisodeRecord, Records, sort_records
from para.evaluation.statistics import Rate, wilson
from para.report.published import Published, published
from para.report.styles import REFERENCES
from para.worlds.world import Stage

COMPETENT = 0.80
"""A rival must reach this rate in distribution for an out-of-distribution comparison to count."""


@dataclass(frozen=True)
class RunRecords:
    """What one run has on record."""

    run: str
    """Its folder's name."""
    records: Records


@dataclass(frozen=True)
class Cell:
    """One policy on one axis and split, in one control mode; several training seeds of it together."""

    axis: str
    policy: str
    mode: str
    split: str
    episodes: tuple[EpisodeRecord, ...]
    errors: tuple[EpisodeError, ...]

    @property
    def place(self) -> Rate:
        """The headline figure."""
        return wilson(sum(r.placed for r in self.episodes), len(self.episodes))

    @property
    def official(self) -> Rate:
        """LIBERO's bare predicate, which stands beside published figures."""
        return wilson(sum(r.official for r in self.episodes), len(self.episodes))

    @property
    def publishable(self) -> bool:
        """No unresolved error."""
        return not self.errors

    @property
    def checkpoints(self) -> tuple[str, ...]:
        """Hashes of the weights, one for each training seed."""
        return tuple(dict.fromkeys(r.subject.checkpoint for r in (*self.episodes, *self.errors)))

    @property
    def seeds(self) -> int:
        """Training seeds."""
        return len(self.checkpoints)

    def count(self, stage: Stage) -> int:
        """Episodes that ended in `stage`."""
        return sum(r.stage == stage for r in self.episodes)

    def share(self, stage: Stage) -> float:
        """Part of the episodes that ended in `stage`."""
        return self.count(stage) / max(1, len(self.episodes))

    def endings(self) -> list[tuple[str, int]]:
        """How the episodes without success ended, most frequent first."""
        return Counter(r.ended_by for r in self.episodes if not r.placed).most_common()


@dataclass(frozen=True)
class Row:
    """One policy on one axis."""

    policy: str
    run: str
    main: Cell
    """Servo mode where it was run."""
    realtime: Cell | None
    in_distribution: Cell | None
    """On this axis, or of the same weights on another axis with the same demonstrations."""
    paper: Published | None
    test_evaluations: int
    """Entries of the ledger for this policy and axis."""

    @property
    def is_reference(self) -> bool:
        """Expert or oracle."""
        return self.policy in REFERENCES

    @property
    def competent(self) -> bool | None:
        """Whether it learnt its own training region; None where that was not measured."""
        return None if self.in_distribution is None else self.in_distribution.place.value >= COMPETENT


@dataclass(frozen=True)
class Other:
    """An evaluation that is on record but not in the table: an older checkpoint, or a smaller run of the same row."""

    policy: str
    run: str
    checkpoint: str
    place: Rate


@dataclass(frozen=True)
class AxisTable:
    """All of one axis."""

    axis: str
    split: str
    """``test``, or ``validation`` where nothing was tested."""
    rows: tuple[Row, ...]
    others: tuple[Other, ...]

    @property
    def policies(self) -> tuple[Row, ...]:
        """Rows that are policies."""
        return tuple(row for row in self.rows if not row.is_reference)

    @property
    def title(self) -> str:
        """What changes, for people."""
        return axis_title(self.axis)

    def row(self, policy: str) -> Row | None:
        """The row of a policy."""
        return next((row for row in self.rows if row.policy == policy), None)


def axis_title(name: str) -> str:
    """What changes, for people; the name itself where this version does not know the axis."""
    return AXES[name].title if name in AXES else name


def training_seed(policy: str) -> tuple[str, int]:
    """``para_seed2``, ``para_draw2`` -> ("para", 2): rows that differ in the training seed or draw alone are one row."""
    found = re.fullmatch(r"(.+?)_(?:seed|draw)(\d+)", policy)
    return (found[1], int(found[2])) if found else (policy, 0)


def axis_tables(runs: Sequence[RunRecords], evaluations: Counter[tuple[str, str]]) -> list[AxisTable]:
    """One table for each axis on record, in the benchmark's order; `evaluations` counts (policy, axis) in the ledger.

    Within a run the newest checkpoint of a policy stands in the table; of several runs the one with the most
    episodes, whatever came out, the later one where they are equal. All others are named in `AxisTable.others`.
    """
    present = {r.condition.axis for run in runs for r in (*run.records.episodes, *run.records.errors)}
    order = [axis for axis in AXES if axis in present] + sorted(present - set(AXES))
    return [_table(axis, runs, evaluations) for axis in order]


def rank(policy: str) -> tuple[int, str]:
    """Ours first, its variants, then rivals, references last."""
    if policy in REFERENCES:
        return 3 + REFERENCES.index(policy), policy
    return (0 if policy == "para" else 1 if policy.startswith("para") else 2), policy


@dataclass(frozen=True)
class _Candidate:
    """One policy's newest checkpoints in one run."""

    run: RunRecords
    policy: str
    subjects: frozenset[tuple[str, str]]
    """(policy with its seed, checkpoint)"""


def _table(axis: str, runs: Sequence[RunRecords], evaluations: Counter[tuple[str, str]]) -> AxisTable:
    lines = [r for run in runs for r in (*run.records.episodes, *run.records.errors) if r.condition.axis == axis]
    split = "test" if any(r.condition.split == "test" for r in lines) else "validation"
    best: dict[str, tuple[int, _Candidate]] = {}
    for candidate in (c for run in runs for c in _candidates(run, axis)):
        size = len(_episodes(candidate, axis, split))
        if candidate.policy not in best or size >= best[candidate.policy][0]:
            best[candidate.policy] = (size, candidate)
    rows = []
    for policy in sorted(best, key=rank):
        chosen = best[policy][1]
        servo, realtime = (_cell(chosen, axis, split, mode) for mode in ("servo", "realtime"))
        if main := servo or realtime:
            seen = _in_distribution(chosen, axis, main.mode, runs)
            looks = sum(
                n for (name, where), n in evaluations.items() if (training_seed(name)[0], where) == (policy, axis)
            )
            rows.append(
                Row(policy, chosen.run.run, main, realtime if servo else None, seen, published(axis, policy), looks)
            )
    chosen = {(c.run.run, *subject) for _, c in best.values() for subject in c.subjects}
    return AxisTable(axis, split, tuple(rows), _others(axis, split, runs, chosen))


def _candidates(run: RunRecords, axis: str) -> list[_Candidate]:
    newest = {
        r.subject.policy: r.subject.checkpoint
        for r in (*run.records.errors, *run.records.episodes)
        if r.condition.axis == axis
    }
    policies = dict.fromkeys(training_seed(name)[0] for name in newest)
    return [
        _Candidate(run, policy, frozenset((n, c) for n, c in newest.items() if training_seed(n)[0] == policy))
        for policy in policies
    ]


def _episodes(of: _Candidate, axis: str, split: str, mode: str | None = None) -> list[EpisodeRecord]:
    return [
        r
        for r in of.run.records.episodes
        if (r.subject.policy, r.subject.checkpoint) in of.subjects
        and (r.condition.axis, r.condition.split) == (axis, split)
        and mode in (None, r.settings.mode)
    ]


def _cell(of: _Candidate, axis: str, split: str, mode: str) -> Cell | None:
    episodes = _episodes(of, axis, split, mode)
    errors = [
        e
        for e in of.run.records.errors
        if (e.subject.policy, e.subject.checkpoint) in of.subjects
        and (e.condition.axis, e.condition.split, e.settings.mode) == (axis, split, mode)
    ]
    if not episodes and not errors:
        return None
    return Cell(axis, of.policy, mode, split, tuple(sort_records(episodes)), tuple(errors))


def _in_distribution(of: _Candidate, axis: str, mode: str, runs: Sequence[RunRecords]) -> Cell | None:
    """Of the same weights: on this axis, or on another one that is trained on the same demonstrations."""
    same = [axis]
    if axis in AXES:
        same += [name for name, other in AXES.items() if name != axis and other.plan() == AXES[axis].plan()]
    for name in same:
        for run in (of.run, *(run for run in runs if run is not of.run)):
            if cell := _cell(_Candidate(run, of.policy, of.subjects), name, "in_distribution", mode):
                return cell
    return None


def _others(axis: str, split: str, runs: Sequence[RunRecords], chosen: set[tuple[str, str, str]]) -> tuple[Other, ...]:
    groups: dict[tuple[str, str, str], list[bool]] = {}
    for run in runs:
        for r in run.records.episodes:
            key = (run.run, r.subject.policy, r.subject.checkpoint)
            if (r.condition.axis, r.condition.split) == (axis, split) and key not in chosen:
                groups.setdefault(key, []).append(r.placed)
    return tuple(
        Other(policy, run, checkpoint, wilson(sum(placed), len(placed)))
        for (run, policy, checkpoint), placed in sorted(groups.items(), key=lambda g: (rank(g[0][1]), g[0]))
    )
