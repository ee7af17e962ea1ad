"""Every count of placed episodes that the pages for readers print, `a/n`, is one that the committed records give."""

import re
from collections import defaultdict
from pathlib import Path

import pytest

from para.evaluation.records import PACKED, EpisodeRecord, read_records
from para.report.goals import BENCHMARK, goal_results
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
