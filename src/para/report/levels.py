"""How success falls with the grade of an axis: by levels where the axis has some, otherwise by distance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from para.evaluation.axes import AXES
from para.evaluation.statistics import graded_area, success_by_distance, wilson
from para.report.cells import AxisTable, Cell
from para.report.figure_data import Point

MOST_LEVELS = 16
"""An axis with more different grades than this is not graded by design but by where its positions happen to lie."""


@dataclass(frozen=True)
class Area:
    """Area under a graded curve, as a part of the whole, with its interval."""

    policy: str
    value: float
    low: float
    high: float


def grades(cell: Cell) -> np.ndarray:
    """(n,) `Axis.grade` of each episode; zeros for an axis that this version does not know."""
    split = "validation" if cell.split == "validation" else "test"
    axes = [AXES.get(r.condition.axis) for r in cell.episodes]
    return np.array(
        [axis.grade(r.condition.layout, split) if axis else 0.0 for axis, r in zip(axes, cell.episodes)], float
    )


def has_levels(table: AxisTable) -> bool:
    """Whether the axis asks the same few grades again and again: rings, numbers of objects, sizes of an error."""
    every = np.concatenate([grades(row.main) for row in table.rows if row.main.episodes] or [np.zeros(0)])
    different = len(np.unique(np.round(every, 9)))
    return 2 <= different <= MOST_LEVELS and len(every) >= 2 * different


def curve_points(cell: Cell, by_level: bool) -> list[Point]:
    """Rate over grade: one point for each level, or for each sixth of the episodes in the order of their grade."""
    values, placed = grades(cell), np.array([r.placed for r in cell.episodes], bool)
    if not by_level:
        if len(values) == 0 or np.ptp(values) == 0:
            return []
        return [
            Point(b.mean_m, b.rate.value, b.rate.low, b.rate.high, b.rate.n)
            for b in success_by_distance(values, placed)
        ]
    points = []
    for level in np.unique(np.round(values, 9)):
        here = placed[np.abs(values - level) < 1e-6]
        rate = wilson(int(here.sum()), len(here))
        points.append(Point(float(level), rate.value, rate.low, rate.high, rate.n))
    return points


def area(policy: str, points: list[Point], draws: int = 4000, seed: int = 0) -> Area:
    """Area under a graded curve. Its interval: 95 % of the areas whose levels are drawn from the posterior of a rate with
    Jeffreys' prior, Beta(placed + 1/2, missed + 1/2) (H. Jeffreys, Proc. R. Soc. A 186, 1946)."""
    x = [p.x for p in points]
    n, placed = np.array([p.n for p in points]), np.array([round(p.y * p.n) for p in points])
    rates = np.random.default_rng(seed).beta(placed + 0.5, n - placed + 0.5, (draws, len(points)))
    low, high = np.quantile([graded_area(x, drawn) for drawn in rates], [0.025, 0.975])
    return Area(policy, graded_area(x, [p.y for p in points]), float(low), float(high))
