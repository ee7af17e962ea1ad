"""Every count of placed episodes that the pages for readers print, `a/n`, is one that the committed records give."""

import re
from collections import defaultdict
from pathlib import Path

import pytest

from para.evaluation.records import PACKED, EpisodeRecord, read_records

RESULTS = Path(__file__).resolve().parents[1] / "results"
PAGES = (RESULTS.parent / "README.md", RESULTS / "README.md")
COUNT = re.compile(r"(?<![\d/])(\d+)/(\d{2,})(?![\d/])")
LEAST = 20  # smaller fractions are no rates


@pytest.fixture(scope="module")
def counts() -> set[tuple[int, int]]:
    """(placed, n) of every row: one training's, all trainings' of a policy, and those of all draws of an axis."""
    groups: dict[tuple, list[EpisodeRecord]] = defaultdict(list)
    files = [f for kind in (".jsonl", f".jsonl{PACKED}") for f in RESULTS.rglob(f"*{kind}")]
    for file in sorted(f for f in files if not f.name.endswith(("ledger.jsonl", "log.jsonl"))):
        for r in read_records(file).episodes:
            axis, split, mode = r.condition.axis, r.condition.split, r.settings.mode
            policy = re.sub(r"_seed\d+$", "", r.subject.policy)
            groups[file, axis, split, mode, r.subject].append(r)
            groups[file, axis, split, mode, policy].append(r)
            groups[file.parent, re.sub(r"_d\d+$", "", axis), split, mode, policy].append(r)
    return {(sum(r.placed for r in rows), len(rows)) for rows in groups.values()}


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.relative_to(RESULTS.parent).as_posix())
def test_counts_in_the_text_are_those_of_the_records(page, counts):
    found = [(int(a), int(n)) for a, n in COUNT.findall(page.read_text()) if int(n) >= LEAST]
    assert page.parent != RESULTS or len(found) > 30, "the counts of the tables are not found any more"
    wrong = sorted({f"{a}/{n}" for a, n in found} - {f"{a}/{n}" for a, n in counts})
    assert not wrong, f"{page} prints {', '.join(wrong)}: no row of the records has that"
