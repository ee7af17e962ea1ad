"""Records -> the numbers of the page: one cell for each axis and policy, and the differences between them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from para.evaluation.records import EpisodeError, EpisodeRecord, Records, sort_records
from para.evaluation.statistics import PairedDifference, Rate, holm, not_behind, paired_difference, wilson
from para.report.published import Published, published
from para.worlds.world import Stage

REFERENCES = ("expert", "oracle")
"""Rows that are no policies: they show what the task and the grid allow."""

COMPETENT = 0.80
"""A rival must reach this rate in distribution for an out-of-distribution comparison to count."""


@dataclass(frozen=True)
class Cell:
    """One policy on one axis and split, in one control mode."""

    axis: str
    policy: str
    checkpoint: str
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

    def share(self, stage: Stage) -> float:
        """Part of the episodes that ended in `stage`."""
        return sum(r.stage == stage for r in self.episodes) / max(1, len(self.episodes))

    def endings(self) -> list[tuple[str, int]]:
        """How the episodes without success ended, most frequent first."""
        return Counter(r.ended_by for r in self.episodes if not r.placed).most_common()


@dataclass(frozen=True)
class Row:
    """A line of the headline table."""

    policy: str
    checkpoint: str
    main: Cell
    """Servo mode where it was run."""
    realtime: Cell | None
    in_distribution: Cell | None
    paper: Published | None
    test_evaluations: int
    """Entries of the ledger for this policy and axis."""

    @property
    def is_reference(self) -> bool:
        """Expert or oracle."""
        return self.policy in REFERENCES


@dataclass(frozen=True)
class Comparison:
    """Our policy against a rival on the same conditions."""

    policy: str
    rival: str
    difference: PairedDifference
    adjusted_p: float
    """Holm over the axis's table."""
    counts: bool
    """The rival is competent where it was trained, so the comparison settles something."""
    rival_in_distribution: Rate | None

    @property
    def verdict(self) -> str:
        """In a few words."""
        if self.difference.low > 0:
            return "ahead"
        if self.difference.high < 0:
            return "behind"
        return "not behind" if not_behind(self.difference) else "undecided"


@dataclass(frozen=True)
class AxisTable:
    """All of one axis."""

    axis: str
    split: str
    """``test``, or ``validation`` where nothing was tested."""
    rows: tuple[Row, ...]
    comparisons: tuple[Comparison, ...]
    left_out: tuple[str, ...]
    """Checkpoints of the same policies that are on record but older, as ``policy hash``."""

    @property
    def policies(self) -> tuple[Row, ...]:
        """Rows that are policies."""
        return tuple(row for row in self.rows if not row.is_reference)


def axis_tables(records: Records, evaluations: Counter[tuple[str, str]]) -> list[AxisTable]:
    """One table for each axis on record, in the benchmark's order; `evaluations` counts (policy, axis) in the ledger."""
    from para.evaluation.axes import AXES

    present = {r.condition.axis for r in records.episodes} | {e.condition.axis for e in records.errors}
    order = [axis for axis in AXES if axis in present] + sorted(present - set(AXES))
    return [_table(axis, records, evaluations) for axis in order]


def _table(axis: str, records: Records, evaluations: Counter[tuple[str, str]]) -> AxisTable:
    episodes = [r for r in records.episodes if r.condition.axis == axis]
    errors = [e for e in records.errors if e.condition.axis == axis]
    newest = {r.subject.policy: r.subject.checkpoint for r in [*errors, *episodes]}
    left_out = sorted(
        {
            f"{r.subject.policy} {r.subject.checkpoint}"
            for r in episodes
            if r.subject.checkpoint != newest[r.subject.policy]
        }
    )
    split = "test" if any(r.condition.split == "test" for r in [*episodes, *errors]) else "validation"

    def cell(policy: str, split: str, mode: str) -> Cell | None:
        mine, failed = (
            [
                r
                for r in some
                if (r.subject.policy, r.subject.checkpoint) == (policy, newest[policy])
                and (r.condition.split, r.settings.mode) == (split, mode)
            ]
            for some in (episodes, errors)
        )
        if not mine and not failed:
            return None
        return Cell(axis, policy, newest[policy], mode, split, tuple(sort_records(mine)), tuple(failed))

    rows = []
    for policy in sorted(newest, key=_rank):
        servo, realtime = cell(policy, split, "servo"), cell(policy, split, "realtime")
        main = servo or realtime
        if main is None:
            continue
        seen = cell(policy, "in_distribution", main.mode)
        realtime = realtime if servo else None
        looks = evaluations[policy, axis]
        rows.append(Row(policy, newest[policy], main, realtime, seen, published(axis, policy), looks))
    return AxisTable(axis, split, tuple(rows), tuple(_comparisons(rows)), tuple(left_out))


def _comparisons(rows: Sequence[Row]) -> list[Comparison]:
    policies = [row for row in rows if not row.is_reference]
    if not policies or not policies[0].policy.startswith("para"):
        return []
    ours, found = policies[0], []
    for rival in policies[1:]:
        if ours.main.publishable and rival.main.publishable:
            a, b = paired_outcomes(ours.main, rival.main)
            found.append((rival, paired_difference(a, b)))
    adjusted = holm([difference.p_value for _, difference in found])
    result = []
    for (rival, difference), p_value in zip(found, adjusted):
        seen = rival.in_distribution.place if rival.in_distribution else None
        counts = seen is not None and seen.value >= COMPETENT
        result.append(Comparison(ours.policy, rival.policy, difference, p_value, counts, seen))
    return result


def paired_outcomes(a: Cell, b: Cell) -> tuple[np.ndarray, np.ndarray]:
    """PLACE of both on the conditions that both have run."""
    first, second = ({(r.condition.index, r.condition.layout): r.placed for r in c.episodes} for c in (a, b))
    shared = sorted(set(first) & set(second), key=lambda key: key[0])
    return np.array([first[k] for k in shared], float), np.array([second[k] for k in shared], float)


def _rank(policy: str) -> tuple[int, str]:
    """Ours first, its variants, then rivals, references last."""
    if policy in REFERENCES:
        return 3 + REFERENCES.index(policy), policy
    return (0 if policy == "para" else 1 if policy.startswith("para") else 2), policy
