"""The page's first paragraph: what came out, in words made from the numbers."""

from __future__ import annotations

from collections.abc import Sequence

from para.evaluation.statistics import Rate
from para.report.factorial import Factorial
from para.report.formats import interval, percent, points
from para.report.goals import BENCHMARK
from para.report.headline import Headline, HeadlineRow


def summary(head: Headline, factorials: Sequence[Factorial]) -> list[str]:
    """Sentences, in the order in which they are to be read; never empty."""
    tested = [row for row in head.run if row.table.split == "test" and _ours(row) is not None]
    if not tested:
        return _without_ours(head)
    parts = [_rates(tested), *_rivals(tested), *_factorial(factorials), *_goals(tested)]
    return [sentence for sentence in parts if sentence]


def coverage(head: Headline) -> str:
    """How much of the benchmark is on record."""
    run, known = len(head.run), {entry.axis for entry in BENCHMARK}
    count = sum(row.entry.axis in known for row in head.run)
    extra = run - count
    words = f"{count} of the benchmark's {len(known)} axes {_be(count)} on record"
    return words + (f", and {extra} more" if extra else "") + "."


def _ours(row: HeadlineRow) -> Rate | None:
    ours = row.ours
    return ours.main.place if ours is not None and ours.main.publishable and ours.main.episodes else None


def _rates(rows: Sequence[HeadlineRow]) -> str:
    """The policy's rate, axis by axis; of many axes the range."""
    if len(rows) <= 3:
        told = []
        for row in rows:
            rate, seen = _ours(row), row.ours.in_distribution
            known = f"; where it was trained, {percent(seen.place.value)} %" if seen else ""
            told.append(
                f"in {rate.successes} of {rate.n} episodes ({percent(rate.value)} %, interval {interval(rate)}{known}) on "
                f"“{row.table.title}”"
            )
        return f"Our policy, para, placed the bowl {_list(told)}."
    order = sorted(rows, key=lambda row: _ours(row).value)
    low, high = _ours(order[0]), _ours(order[-1])
    return (
        f"Our policy, para, was tested on {len(rows)} axes and placed the bowl in {percent(low.value)} % of the episodes "
        f"(“{order[0].table.title}”) to {percent(high.value)} % (“{order[-1].table.title}”)."
    )


def _rivals(rows: Sequence[HeadlineRow]) -> list[str]:
    """How it stands against rivals that learnt their own training region."""
    settled = [(row, [c for c in row.comparisons if c.counts]) for row in rows]
    settled = [(row, found) for row, found in settled if found]
    if not settled:
        return [
            "No rival that learnt its own training region was run on the same conditions, so nothing is compared yet."
        ]
    verdicts: dict[str, list[str]] = {}
    for row, found in settled:
        closest = min(found, key=lambda c: c.difference.value)
        d = closest.difference
        words = (
            f"“{row.table.title}” ({points(d.value)} points on {closest.rival}, {points(d.low)} to {points(d.high)})"
        )
        verdicts.setdefault(closest.verdict, []).append(words)
    said = [f"{verdict} on {_list(where[:3])}{_more(where)}" for verdict, where in verdicts.items()]
    count = len(settled)
    axes = "the one axis" if count == 1 else f"the {count} axes"
    return [
        f"Against the strongest rival outside the factorial on {axes} where one learnt its own training region, it is "
        f"{'; it is '.join(said)}."
    ]


def _factorial(tables: Sequence[Factorial]) -> list[str]:
    """The spread along both factors."""
    sentences = []
    for table in tables:
        rates = {
            (reading, i): cell.row.main.place.value
            for reading, cells in table.grid
            for i, cell in enumerate(cells)
            if cell is not None and cell.row.competent and cell.row.main.publishable
        }
        means = [
            (words, sum(v for (r, _), v in rates.items() if r == words) / n)
            for words, cells in table.grid
            if (n := sum(r == words for r, _ in rates)) > 1  # the others answer in one space alone
        ]
        if len(means) < 2:
            continue
        told = ", ".join(f"{words} {percent(mean)} %" for words, mean in means)
        sentences.append(f"In the factorial on “{table.title}” the mean over output spaces is: {told}.")
    return sentences


def _goals(rows: Sequence[HeadlineRow]) -> list[str]:
    """How many are met by the default policy, and how many more by a variant, which is named."""
    results = [(row, result) for row in rows for result in row.goals]
    unknown = sum(result.met is None for _, result in results)
    if unknown == len(results):
        return []
    met = sum(result.by_default is True for _, result in results)
    helped = [(row, result.goal.variant) for row, result in results if result.met and not result.by_default]
    more = _list([f"“{row.table.title}” ({variant})" for row, variant in helped])
    if len(results) == 1:
        words = f"It {'meets' if met else 'misses'} the goal stated for this axis"
        return [words + (f", which a variant meets: {helped[0][1]}." if helped else ".")]
    which = "this axis" if len(rows) == 1 else "these axes"
    words = f"Of the {len(results)} goals stated for {which} the default policy meets {met or 'none'}"
    if helped:
        words += f"; with a variant of it {met + len(helped)} are met: {more} besides"
    return [words + (f"; {unknown} {_be(unknown)} not measured" if unknown else "") + "."]


def _without_ours(head: Headline) -> list[str]:
    if any(row.table.split == "test" for row in head.run):
        return [
            "No result of para itself on test conditions is published here; the rows below are references or rivals."
        ]
    return ["Validation only: no test condition was run, and no figure below is a result."]


def _be(count: int) -> str:
    return "is" if count == 1 else "are"


def _more(words: Sequence[str]) -> str:
    return f" and {len(words) - 3} more" if len(words) > 3 else ""


def _list(words: Sequence[str]) -> str:
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} and {words[-1]}"
