"""How success falls with the grade of an axis: by levels where the axis has some, otherwise by distance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from para.evaluation.axes import AXES
from para.evaluation.official_axes import OfficialAxis
from para.evaluation.rates import clusterings, rate_of
from para.evaluation.statistics import Z_95, design_effect, graded_area, success_by_distance, wilson
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
    """Whether the axis asks every policy the same few grades again and again: rings, numbers of objects, sizes of an error."""
    asked = [grades(row.main) for row in table.rows if row.main.episodes]
    different = len(np.unique(np.round(np.concatenate(asked or [np.zeros(0)]), 9)))
    return 2 <= different <= MOST_LEVELS and max(map(len, asked)) >= 2 * different


def curve_points(cell: Cell, by_level: bool) -> list[Point]:
    """Rate over grade: one point for each level, or for each sixth of the episodes in the order of their grade."""
    values, placed = grades(cell), np.array([r.placed for r in cell.episodes], bool)
    if not by_level:
        if len(values) == 0 or np.ptp(values) == 0:
            return []
        return [
            Point(b.mean_m, b.rate.value, b.rate.low, b.rate.high, b.rate.n)
            for b in success_by_distance(values, placed, clusterings=clusterings(cell.episodes))
        ]
    points = []
    for level in np.unique(np.round(values, 9)):
        rate = rate_of([r for r, value in zip(cell.episodes, values) if abs(value - level) < 1e-6], lambda r: r.placed)
        points.append(Point(float(level), rate.value, rate.low, rate.high, rate.n))
    return points


def is_graded(table: AxisTable) -> bool:
    """Whether its levels are degrees of something, so that a curve over them has an area; numbers of tasks are not."""
    axes = [AXES.get(r.condition.axis) for row in table.rows for r in row.main.episodes[:1]]
    return not any(isinstance(axis, OfficialAxis) and axis.graded_by == "task" for axis in axes)


def area(policy: str, points: list[Point], widening: float = 1.0) -> Area:
    """Area under a graded curve. Its interval is put together from Wilson's of the levels: each level's distance to its bound,
    squared, by the squared weight of the level in the area (MOVER: G. Y. Zou, A. Donner, Statist. Med. 27, 2008), as if
    all episodes were independent; `widening` says how much wider it is."""
    x, y = [p.x for p in points], [p.y for p in points]
    value, weights = graded_area(x, y), np.array([graded_area(x, unit) for unit in np.eye(len(x))])
    rates = [wilson(round(p.y * p.n), p.n) for p in points]
    bounds = [r.low for r in rates], [r.high for r in rates]
    below, above = (float(np.sqrt(np.sum((weights * np.subtract(bound, y)) ** 2))) for bound in bounds)
    return Area(policy, value, max(0.0, value - widening * below), min(1.0, value + widening * above))


def widening_of(cell: Cell) -> float:
    """By how much an area's interval grows, at least 1, as its levels ask the same places and are asked by the same trainings:
    as `wilson_clustered` does it for a rate, for the weighted sum of the levels' rates."""
    values, placed = np.round(grades(cell), 9), np.array([r.placed for r in cell.episodes], float)
    levels = np.unique(values)
    part, alone = np.zeros(len(placed)), 0.0
    for level, weight in zip(levels, (graded_area(levels, unit) for unit in np.eye(len(levels)))):
        at = values == level
        rate, n = placed[at].mean(), at.sum()
        part[at] = weight * (placed[at] - rate) / n
        alone += weight**2 * rate * (1 - rate) / n
    if alone == 0:
        return 1.0
    effect, quantile = design_effect(part, alone, clusterings(cell.episodes))
    return float(np.sqrt(effect)) * quantile / Z_95
