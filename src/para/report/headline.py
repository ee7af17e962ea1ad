"""The headline table: a row for each axis of the benchmark, a column for each policy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from para.evaluation.statistics import Rate
from para.report.cells import AxisTable, Row
from para.report.comparisons import Comparison, adjust, axis_comparisons
from para.report.goals import BENCHMARK, Entry, GoalResult, entry_of, goal_results
from para.report.names import rank
from para.report.published import COUNTERPARTS, PAIRS, PublishedPair
from para.report.video_table import has_own_table

Standing = Literal["", "incompetent", "unmeasured"]


@dataclass(frozen=True)
class HeadlineCell:
    """One policy on one axis."""

    row: Row
    standing: Standing
    """Why the cell is no comparison: the rival did not learn its training region, or nobody measured whether it did."""


@dataclass(frozen=True)
class HeadlineRow:
    """One axis."""

    entry: Entry
    table: AxisTable | None
    """None where nothing was run."""
    cells: tuple[HeadlineCell | None, ...]
    """In the order of `Headline.policies`."""
    comparisons: tuple[Comparison, ...]
    goals: tuple[GoalResult, ...]
    published: PublishedPair | None

    @property
    def ours(self) -> Row | None:
        """Our default policy's row."""
        return self.table.row("para") if self.table else None

    @property
    def bare(self) -> tuple[tuple[str, Rate], ...]:
        """(policy, rate by LIBERO's bare predicate) of the published pair's counterparts here, which that predicate judged;
        empty where nothing is published."""
        rows = [self.table.row(policy) for policy in COUNTERPARTS] if self.table and self.published else []
        return tuple((row.policy, row.main.official) for row in rows if row is not None and row.main.publishable)

    def comparison(self, rival: str) -> Comparison | None:
        """Ours against this rival."""
        return next((c for c in self.comparisons if c.rival == rival), None)


@dataclass(frozen=True)
class Headline:
    """The whole table."""

    policies: tuple[str, ...]
    rows: tuple[HeadlineRow, ...]

    @property
    def run(self) -> tuple[HeadlineRow, ...]:
        """Axes with records."""
        return tuple(row for row in self.rows if row.table is not None)

    @property
    def missing(self) -> tuple[HeadlineRow, ...]:
        """Axes of the benchmark without any."""
        return tuple(row for row in self.rows if row.table is None)


def headline(tables: Sequence[AxisTable]) -> Headline:
    """All axes of the benchmark and all on record. Policies of the factorial and video recipes have tables of their own.
    Comparisons are adjusted over the whole table."""
    by_axis = {table.axis: table for table in tables}
    names = {row.policy for table in tables for row in table.rows if not has_own_table(row.policy)}
    policies = tuple(sorted(names, key=rank))
    entries = [*BENCHMARK, *(entry_of(axis) for axis in by_axis if axis not in {e.axis for e in BENCHMARK})]
    found = [by_axis.get(entry.axis) for entry in entries]
    compared = adjust([_compared(table) for table in found])
    rows = (_row(entry, table, policies, c) for entry, table, c in zip(entries, found, compared))
    return Headline(policies, tuple(rows))


def _compared(table: AxisTable | None) -> list[Comparison]:
    return [] if table is None else axis_comparisons([row for row in table.rows if not has_own_table(row.policy)])


def _row(
    entry: Entry, table: AxisTable | None, policies: Sequence[str], comparisons: Sequence[Comparison]
) -> HeadlineRow:
    published = PAIRS.get(entry.axis)
    if table is None:
        return HeadlineRow(
            entry, None, (None,) * len(policies), (), tuple(goal_results(entry, {}, "test", ())), published
        )
    cells = tuple(_cell(table.row(policy)) for policy in policies)
    servo = [row for row in table.rows if row.main.mode == "servo"]  # what goals are stated for
    episodes = {row.policy: row.main.episodes for row in servo if row.main.publishable}
    goals = goal_results(entry, episodes, table.split, comparisons)
    return HeadlineRow(entry, table, cells, tuple(comparisons), tuple(goals), published)


def _cell(row: Row | None) -> HeadlineCell | None:
    if row is None:
        return None
    if row.is_reference or row.policy == "para" or row.competent is True:
        return HeadlineCell(row, "")
    return HeadlineCell(row, "unmeasured" if row.competent is None else "incompetent")
