"""Success over the number of demonstrations, with the draws of the training set shown one by one."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from para.evaluation.statistics import wilson
from para.report.cells import RunRecords, rank, training_seed
from para.report.figure_data import Point, RateChart, Series


def demonstrations(axis: str, policy: str) -> int | None:
    """How many demonstrations a row of ``scaling`` had: the number in the axis's name (``scaling_8``) or in the policy's
    (``para_n8``); None for other axes."""
    found = re.fullmatch(r"scaling_?n?(\d+)", axis) or (
        re.search(r"_n(\d+)(?:_|$)", policy) if axis.startswith("scaling") else None
    )
    return int(found[1]) if found else None


def scaling_chart(runs: Sequence[RunRecords], styles: dict[str, str]) -> RateChart | None:
    """PLACE on test conditions over N, a point for all draws together and a dot for each; None without such records."""
    outcomes: dict[str, dict[int, dict[tuple[str, str], list[bool]]]] = {}
    for run in runs:
        for r in run.records.episodes:
            n = demonstrations(r.condition.axis, r.subject.policy)
            if n is not None and r.condition.split == "test" and r.settings.mode == "servo":
                base = re.sub(r"_n\d+(?=_|$)", "", training_seed(r.subject.policy)[0])
                draws = outcomes.setdefault(base, {}).setdefault(n, {})
                draws.setdefault((run.run + r.subject.policy, r.subject.checkpoint), []).append(r.placed)
    series, ticks = [], set()
    for policy in sorted(outcomes, key=rank):
        points, dots = [], []
        for n, draws in sorted(outcomes[policy].items()):
            rate = wilson(sum(sum(d) for d in draws.values()), sum(len(d) for d in draws.values()))
            points.append(Point(float(n), rate.value, rate.low, rate.high, rate.n))
            dots += [(float(n), float(np.mean(d))) for d in draws.values()] if len(draws) > 1 else []
            ticks.add(float(n))
        series.append(Series(policy, styles.get(policy, "reference"), tuple(points), scatter=tuple(dots)))
    if not series:
        return None
    return RateChart(
        "Success by number of demonstrations", "demonstrations", tuple(series), log_x=True, ticks=tuple(sorted(ticks))
    )
