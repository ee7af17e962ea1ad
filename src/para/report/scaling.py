"""Success over the number of demonstrations, with the draws of the training set shown one by one."""

from __future__ import annotations

from collections.abc import Sequence

from para.evaluation.rates import training_key
from para.report.cells import AxisTable
from para.report.figure_data import Point, RateChart, Series
from para.report.names import demonstrations
from para.report.video_table import has_own_table


def scaling_chart(tables: Sequence[AxisTable], styles: dict[str, str]) -> RateChart | None:
    """PLACE on test conditions over N, a point for all draws together and a dot for each; None without such records."""
    points: dict[str, list[Point]] = {}
    dots: dict[str, list[tuple[float, float]]] = {}
    for n, table in _sizes(tables):
        for row in table.rows:
            if not row.main.publishable or has_own_table(row.policy):
                continue
            rate = row.main.place
            points.setdefault(row.policy, []).append(Point(float(n), rate.value, rate.low, rate.high, rate.n))
            draws: dict[tuple[str, int], list[bool]] = {}
            for r in row.main.episodes:
                draws.setdefault(training_key(r), []).append(r.placed)
            if len(draws) > 1:
                dots.setdefault(row.policy, []).extend((float(n), sum(d) / len(d)) for d in draws.values())
    if not points:
        return None
    series = tuple(
        Series(policy, styles[policy], tuple(found), scatter=tuple(dots.get(policy, ())))
        for policy, found in points.items()
    )
    ticks = tuple(sorted({p.x for found in points.values() for p in found}))
    return RateChart("Success by number of demonstrations", "demonstrations", series, log_x=True, ticks=ticks)


def _sizes(tables: Sequence[AxisTable]) -> list[tuple[int, AxisTable]]:
    sized = [(demonstrations(table.axis), table) for table in tables if table.split == "test"]
    return sorted(((n, table) for n, table in sized if n is not None), key=lambda pair: pair[0])
