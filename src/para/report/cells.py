"""Records -> the numbers of the page: one row for each axis and policy, from the evaluation that counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from para.evaluation.agents import is_reference
from para.evaluation.axes import AXES
from para.evaluation.ledger import LedgerEntry
from para.evaluation.rates import rate_of, training_key, training_seed
from para.evaluation.records import EpisodeError, EpisodeRecord, Records, RecordsError, sort_records
from para.evaluation.statistics import Rate
from para.report.names import axis_title, group_of, members, rank
from para.report.published import Published, published
from para.worlds.world import Stage

COMPETENT = 0.80
"""A rival must reach this rate in distribution for an out-of-distribution comparison to count."""


LEAST_EPISODES = 20
"""A row with fewer is not finished: its interval may be wider than 40 points. It is shown as a count, compared with nothing."""


@dataclass(frozen=True)
class RunRecords:
    """What one run has on record."""

    run: str
    """Its folder's name."""
    records: Records


@dataclass(frozen=True)
class Cell:
    """One policy on one axis and split, in one control mode; training seeds and draws of it together."""

    axis: str
    policy: str
    mode: str
    split: str
    episodes: tuple[EpisodeRecord, ...]
    errors: tuple[EpisodeError, ...]

    @property
    def place(self) -> Rate:
        """The headline figure."""
        return rate_of(self.episodes, lambda r: r.placed)

    @property
    def official(self) -> Rate:
        """LIBERO's bare predicate, which stands beside published figures."""
        return rate_of(self.episodes, lambda r: r.official)

    @property
    def publishable(self) -> bool:
        """No unresolved error, and enough episodes."""
        return not self.unpublished

    @property
    def unpublished(self) -> str:
        """Why no rate of this cell is shown; empty where it is."""
        if self.errors:
            return f"not published: {len(self.errors)} unresolved errors"
        if len(self.episodes) < LEAST_EPISODES:
            return f"unfinished: {self.place.successes} of {len(self.episodes)} episodes so far"
        return ""

    @property
    def checkpoints(self) -> tuple[str, ...]:
        """Hashes of the weights, one for each training."""
        return tuple(dict.fromkeys(r.subject.checkpoint for r in (*self.episodes, *self.errors)))

    @property
    def trainings(self) -> int:
        """How many trainings the episodes are of: seeds, or draws of the training set."""
        return len({training_key(r) for r in (*self.episodes, *self.errors)})

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
    """Entries of the ledger for this axis, under this policy's name or of this row's weights under any other."""

    @property
    def is_reference(self) -> bool:
        """Expert or oracle."""
        return is_reference(self.policy)

    @property
    def competent(self) -> bool | None:
        """Whether it learnt its own training region; None where that was not measured, or not yet to the end."""
        seen = self.in_distribution
        return seen.place.value >= COMPETENT if seen is not None and seen.publishable else None


@dataclass(frozen=True)
class Other:
    """An evaluation that is on record but not in the table: an older checkpoint, or a smaller run of the same row."""

    policy: str
    run: str
    checkpoint: str
    place: Rate


@dataclass(frozen=True)
class AxisTable:
    """All of one axis, or of the draws of one."""

    axis: str
    """Its name, without the draw."""
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


def axis_tables(runs: Sequence[RunRecords], ledger: Sequence[LedgerEntry]) -> list[AxisTable]:
    """One table for each axis on record, in the benchmark's order; `ledger` has the looks that each row is charged with.

    Draws of one training set stand in one table. Within a run the newest checkpoint of a policy counts; of several runs
    the one with the most episodes of the mode that is shown, whatever came out, the later one where they are equal. All
    others are named in `AxisTable.others`.
    """
    present = {group_of(r.condition.axis) for run in runs for r in (*run.records.episodes, *run.records.errors)}
    known = list(dict.fromkeys(group_of(axis) for axis in AXES))
    order = [axis for axis in known if axis in present] + sorted(present - set(known))
    return [_table(axis, runs, ledger) for axis in order]


@dataclass(frozen=True)
class _Candidate:
    """One policy's newest checkpoints in one run."""

    run: RunRecords
    policy: str
    subjects: frozenset[tuple[str, str, str]]
    """(axis, policy with its seed, checkpoint)"""


def _table(group: str, runs: Sequence[RunRecords], ledger: Sequence[LedgerEntry]) -> AxisTable:
    lines = [
        r for run in runs for r in (*run.records.episodes, *run.records.errors) if group_of(r.condition.axis) == group
    ]
    split = "test" if any(r.condition.split == "test" for r in lines) else "validation"
    best: dict[str, tuple[tuple[int, int], _Candidate]] = {}
    for candidate in (c for run in runs for c in _candidates(run, group)):
        size = _size(candidate, split)
        if candidate.policy not in best or size >= best[candidate.policy][0]:
            best[candidate.policy] = (size, candidate)
    asked = [entry for entry in ledger if group_of(entry.axis) == group]
    rows = []
    for policy in sorted(best, key=rank):
        chosen = best[policy][1]
        servo, realtime = (_cell(chosen, group, split, mode) for mode in ("servo", "realtime"))
        if main := servo or realtime:
            seen = _in_distribution(chosen, group, main.mode, runs)
            paper = published(group, policy)
            looks = _looks(policy, [cell for cell in (servo, realtime, seen) if cell], asked)
            rows.append(Row(policy, chosen.run.run, main, realtime if servo else None, seen, paper, looks))
    used = {(candidate.run.run, subject) for _, candidate in best.values() for subject in candidate.subjects}
    return AxisTable(group, split, tuple(rows), _others(group, split, runs, used))


def _size(of: _Candidate, split: str) -> tuple[int, int]:
    """Episodes in servo mode, which is shown where there is any, and in realtime."""
    modes = [r.settings.mode for r in of.run.records.episodes if _of(r, of.subjects) and r.condition.split == split]
    return modes.count("servo"), modes.count("realtime")


def _looks(policy: str, cells: Sequence[Cell], asked: Sequence[LedgerEntry]) -> int:
    """How often the policy was looked at: weights that were renamed since are found by their hash. A reference has none of its
    own, the oracle only borrows the grid of a policy."""
    weights = {hash for cell in cells for hash in cell.checkpoints} if not is_reference(policy) else set()
    return sum(training_seed(entry.policy)[0] == policy or entry.checkpoint in weights for entry in asked)


def _candidates(run: RunRecords, group: str) -> list[_Candidate]:
    newest = {
        (r.condition.axis, r.subject.policy): r.subject.checkpoint
        for r in (*run.records.errors, *run.records.episodes)
        if group_of(r.condition.axis) == group
    }
    policies: dict[str, set[tuple[str, str, str]]] = {}
    for (axis, name), checkpoint in newest.items():
        policies.setdefault(training_seed(name)[0], set()).add((axis, name, checkpoint))
    _one_name_for_each_training(run, newest)
    return [_Candidate(run, policy, frozenset(subjects)) for policy, subjects in policies.items()]


def _one_name_for_each_training(run: RunRecords, names: Iterable[tuple[str, str]]) -> None:
    """RecordsError where two (axis, policy) `names` stand for one training seed: ``para`` is that of ``para_seed0``. Their
    episodes would be taken for one training's, and the interval of their rate be too narrow."""
    found: dict[tuple[str, str, int], str] = {}
    for axis, name in sorted(names):
        policy, seed = training_seed(name)
        other = found.setdefault((axis, policy, seed), name)
        if other != name:
            raise RecordsError(
                f"run {run.run}, {axis}: {other!r} and {name!r} would both be the training of {policy!r} with seed {seed}, and "
                "their episodes pooled as one training's. Write another _seedN behind one of the names in the records, or move "
                "its records to a folder of their own."
            )


def _of(record: EpisodeRecord | EpisodeError, subjects: frozenset[tuple[str, str, str]]) -> bool:
    return (record.condition.axis, record.subject.policy, record.subject.checkpoint) in subjects


def _cell(of: _Candidate, group: str, split: str, mode: str) -> Cell | None:
    episodes, errors = (
        [r for r in lines if _of(r, of.subjects) and (r.condition.split, r.settings.mode) == (split, mode)]
        for lines in (of.run.records.episodes, of.run.records.errors)
    )
    asked = {(r.condition.axis, r.subject) for r in of.run.records.episodes}
    names = {(axis, name) for axis, name, _ in of.subjects}
    errors += [  # of weights that have nothing but errors: what is on record of earlier ones is not what they do
        r
        for r in of.run.records.errors
        if (r.condition.axis, r.subject.policy) in names
        and (r.condition.axis, r.subject) not in asked
        and not _of(r, of.subjects)
        and (r.condition.split, r.settings.mode) == (split, mode)
    ]
    if not episodes and not errors:
        return None
    _one_table(episodes, of)
    return Cell(group, of.policy, mode, split, tuple(sort_records(episodes)), tuple(errors))


def _one_table(episodes: Sequence[EpisodeRecord], of: _Candidate) -> None:
    """RecordsError where episodes may not stand in one rate."""
    settings = {r.settings for r in episodes}
    if len(settings) > 1:
        raise RecordsError(
            f"run {of.run.run}, {of.policy}: episodes under different settings cannot be one rate: "
            f"{' | '.join(sorted(map(str, settings)))}. Move one kind to a folder of its own."
        )
    seeds: dict[tuple[str, str, int], int] = {}
    for r in episodes:
        c = r.condition
        if seeds.setdefault((c.axis, c.split, c.index), c.seed) != c.seed:
            raise RecordsError(f"run {of.run.run}: {c.axis}/{c.split}/{c.index} was asked with different seeds")


def _in_distribution(of: _Candidate, group: str, mode: str, runs: Sequence[RunRecords]) -> Cell | None:
    """Of the same weights: on this axis, or on another one that is trained on the same demonstrations."""
    plans = {AXES[axis].plan().name for axis, _, _ in of.subjects if axis in AXES}
    same = [group, *(group_of(axis) for axis in AXES if AXES[axis].plan().name in plans)]
    weights = {(name, checkpoint) for _, name, checkpoint in of.subjects}
    for other in dict.fromkeys(same):
        subjects = of.subjects if other == group else frozenset((a, *w) for a in members(other) for w in weights)
        for run in (of.run, *(run for run in runs if run is not of.run)):
            if cell := _cell(_Candidate(run, of.policy, subjects), other, "in_distribution", mode):
                return cell
    return None


def _others(
    group: str, split: str, runs: Sequence[RunRecords], used: set[tuple[str, tuple[str, str, str]]]
) -> tuple[Other, ...]:
    found: dict[tuple[str, str, str], list[EpisodeRecord]] = {}
    for run in runs:
        for r in run.records.episodes:
            subject = (r.condition.axis, r.subject.policy, r.subject.checkpoint)
            if (group_of(r.condition.axis), r.condition.split) == (group, split) and (run.run, subject) not in used:
                found.setdefault((run.run, r.subject.policy, r.subject.checkpoint), []).append(r)
    return tuple(
        Other(policy, run, checkpoint, rate_of(episodes, lambda r: r.placed))
        for (run, policy, checkpoint), episodes in sorted(found.items(), key=lambda g: (rank(g[0][1]), g[0]))
    )
