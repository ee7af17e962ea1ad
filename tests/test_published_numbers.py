"""Every count of placed episodes that the pages for readers print, `a/n`, and every interval, `[low, high]`, is one that the
committed records give."""

import re
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from para.evaluation.rates import rate_of
from para.evaluation.records import PACKED, EpisodeRecord, Records, read_records
from para.evaluation.statistics import paired_difference
from para.report.cells import LEAST_EPISODES, AxisTable, RunRecords, axis_tables
from para.report.comparisons import paired_outcomes
from para.report.formats import percent
from para.report.goals import BENCHMARK, goal_results
from para.report.levels import MOST_LEVELS, grades
from para.report.names import group_of

RESULTS = Path(__file__).resolve().parents[1] / "results"
PAGES = (RESULTS.parent / "README.md", RESULTS / "README.md")
COUNT = re.compile(r"(?<![\d/])(\d+)/(\d{2,})(?![\d/])")
LEAST = 20  # smaller fractions are no rates
TRIALS = RESULTS / "trials"  # rows that were replaced: they may be told of, and stand in no table


@pytest.fixture(scope="module")
def records() -> dict[Path, tuple[EpisodeRecord, ...]]:
    """All of them, by file."""
    files = [f for kind in (".jsonl", f".jsonl{PACKED}") for f in RESULTS.rglob(f"*{kind}")]
    chosen = sorted(f for f in files if not f.name.endswith(("ledger.jsonl", "log.jsonl")))
    return {file: read_records(file).episodes for file in chosen}


def counts(records: dict[Path, tuple[EpisodeRecord, ...]]) -> set[str]:
    """placed/n of every row: one training's, all trainings' of a policy, and those of all draws of an axis."""
    groups: dict[tuple, list[EpisodeRecord]] = defaultdict(list)
    for file, episodes in records.items():
        for r in episodes:
            axis, split, mode = r.condition.axis, r.condition.split, r.settings.mode
            policy = re.sub(r"_seed\d+$", "", r.subject.policy)
            groups[file, axis, split, mode, r.subject].append(r)
            groups[file, axis, split, mode, policy].append(r)
            groups[file.parent, re.sub(r"_d\d+$", "", axis), split, mode, policy].append(r)
    return {f"{sum(r.placed for r in rows)}/{len(rows)}" for rows in groups.values()}


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.relative_to(RESULTS.parent).as_posix())
def test_counts_in_the_text_are_those_of_the_records(page, records):
    every, current = counts(records), counts({f: r for f, r in records.items() if TRIALS not in f.parents})
    found, wrong = 0, set()
    for line in page.read_text().splitlines():
        printed = [f"{int(a)}/{int(n)}" for a, n in COUNT.findall(line) if int(n) >= LEAST]
        found += len(printed)
        wrong |= set(printed) - (current if line.startswith("|") else every)
    assert page.parent != RESULTS or found > 30, "the counts of the tables are not found any more"
    assert not wrong, f"{page} prints {', '.join(sorted(wrong))}: no row of the records has that"


def test_every_goal_is_measured_and_the_front_page_knows_how_many_there_are(records):
    episodes: dict[str, dict[str, list[EpisodeRecord]]] = defaultdict(lambda: defaultdict(list))
    for file, found in records.items():
        for r in found if TRIALS not in file.parents else ():
            if (r.condition.split, r.settings.mode) == ("test", "servo"):
                episodes[group_of(r.condition.axis)][re.sub(r"_seed\d+$", "", r.subject.policy)].append(r)
    results = [result for entry in BENCHMARK for result in goal_results(entry, episodes[entry.axis], "test", ())]
    assert [result.goal for result in results if result.measured is None] == []
    assert f"Of the {len(results)} goals" in (RESULTS.parent / "README.md").read_text()


INTERVAL = re.compile(r"\[(-?\d+), (-?\d+)\]")
NAME = re.compile(r"`([^`]*)`")


@dataclass(frozen=True)
class Printed:
    """An interval on a page."""

    where: str
    axes: tuple[str, ...]
    """What it is of: the axis named last before it, else all that its paragraph, bullet or row names."""
    value: tuple[int, ...]
    """(placed, n), or a percentage or a number of points."""
    ends: tuple[int, int]


def printed_intervals(page: Path, known: Collection[str]) -> list[Printed]:
    found = []
    for block in re.split(r"\n(?=\||- |\n)", page.read_text()):
        text, begin = " ".join(block.split()), 0
        named = [name for name in NAME.findall(text) if name in known]
        for match in INTERVAL.finditer(text):
            before = text[begin : match.start()]
            words = NAME.sub("", before)
            count = re.search(r"(\d+)/(\d+) $", words)
            numbers = count.groups() if count else re.findall(r"\d+", words)[-1:]
            last = [name for name in NAME.findall(text[: match.start()]) if name in known][-1:]
            value, ends = tuple(map(int, numbers)), tuple(map(int, match.groups()))
            found.append(Printed(f"{before[-50:]}{match[0]}", tuple(last or named or known), value, ends))
            begin = match.end()
    return found


def rounded(*values: float) -> tuple[int, ...]:
    """As the report rounds the ends of intervals and differences."""
    return tuple(round(100 * x) for x in values)


class Intervals:
    """Those of a table's rows, in any mode and split, of their episodes out of distribution, of the levels of their curves, and
    of the differences of two rows."""

    def __init__(self, table: AxisTable):
        self.rates: set[tuple[tuple[int, ...], tuple[int, ...]]] = set()
        self.pairs: dict[tuple[int, ...], list[tuple]] = defaultdict(list)
        for cell in (c for row in table.rows for c in (row.main, row.in_distribution, row.realtime) if c):
            levels = np.round(grades(cell), 9)
            parts = [levels >= 0, levels > 0, *(levels == level for level in np.unique(levels)[:MOST_LEVELS])]
            for part in parts:
                rate = rate_of([r for r, there in zip(cell.episodes, part) if there], lambda r: r.placed)
                if rate.n:
                    ends = rounded(rate.low, rate.high)
                    self.rates |= {((rate.successes, rate.n), ends), ((int(percent(rate.value)),), ends)}
        for first, second in combinations(table.rows, 2):
            a, b, places = paired_outcomes(first.main, second.main)
            if a.shape[1] >= LEAST_EPISODES:
                self.pairs[rounded(a.mean() - b.mean())].append((a, b, places))
                self.pairs[rounded(b.mean() - a.mean())].append((b, a, places))

    def hold(self, printed: Printed) -> bool:
        if (printed.value, printed.ends) in self.rates:
            return True
        differences = (paired_difference(*pair) for pair in self.pairs[printed.value])
        return any(rounded(d.low, d.high) == printed.ends for d in differences)


@pytest.fixture(scope="module")
def intervals(records) -> dict[str, Intervals]:
    """By axis."""
    runs: dict[str, list[EpisodeRecord]] = defaultdict(list)
    for file, episodes in records.items():
        if file.parent.name == "records" and TRIALS not in file.parents:
            runs[file.parents[1].name] += episodes
    tables = axis_tables([RunRecords(run, Records(tuple(e), ())) for run, e in runs.items()], ())
    return {table.axis: Intervals(table) for table in tables}


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.relative_to(RESULTS.parent).as_posix())
def test_intervals_in_the_text_are_those_of_the_report(page, intervals):
    every = printed_intervals(page, intervals)
    assert len(every) > 15, "the intervals are not found any more"
    wrong = [p for p in every if not any(intervals[axis].hold(p) for axis in p.axes)]
    assert not wrong, "\n".join(f"{page}: {p.where} is no interval of {', '.join(p.axes)}" for p in wrong)
