"""How success falls with the grade of an axis: by levels where the axis has some, otherwise by distance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from para.evaluation.axes import AXES
from para.evaluation.official_axes import OfficialAxis
from para.evaluation.statistics import graded_area, success_by_distance
from para.report.cells import AxisTable, Cell, place_of, rate_of
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
        rate = rate_of([r for r, value in zip(cell.episodes, values) if abs(value - level) < 1e-6], lambda r: r.placed)
        points.append(Point(float(level), rate.value, rate.low, rate.high, rate.n))
    return points


def is_graded(table: AxisTable) -> bool:
    """Whether its levels are degrees of something, so that a curve over them has an area; numbers of tasks are not."""
    axes = [AXES.get(r.condition.axis) for row in table.rows for r in row.main.episodes[:1]]
    return not any(isinstance(axis, OfficialAxis) and axis.graded_by == "task" for axis in axes)


def area(policy: str, points: list[Point], widening: float = 1.0) -> Area:
    """Area under a graded curve. Its interval is put together from those of the levels: each level's distance to its bound,
    squared, by the squared weight of the level in the area (MOVER: G. Y. Zou, A. Donner, Statist. Med. 27, 2008), as if
    levels were independent; `widening` says how much wider it is, see `shared_places`."""
    x, y = [p.x for p in points], [p.y for p in points]
    value, weights = graded_area(x, y), np.array([graded_area(x, unit) for unit in np.eye(len(x))])
    bounds = [p.low for p in points], [p.high for p in points]
    below, above = (float(np.sqrt(np.sum((weights * np.subtract(bound, y)) ** 2))) for bound in bounds)
    return Area(policy, value, max(0.0, value - widening * below), min(1.0, value + widening * above))


def shared_places(cell: Cell) -> float:
    """By how much an area's standard error grows, at least 1, as its levels ask the same places: Kish's design effect of the
    places on the weighted sum of the levels' rates."""
    values, placed = np.round(grades(cell), 9), np.array([r.placed for r in cell.episodes], float)
    levels = np.unique(values)
    weights = [graded_area(levels, unit) for unit in np.eye(len(levels))]
    alone, of_place = 0.0, {}
    for level, weight in zip(levels, weights):
        at = np.flatnonzero(values == level)
        rate = placed[at].mean()
        alone += weight**2 * rate * (1 - rate) / len(at)
        for i in at:
            place = place_of(cell.episodes[i])
            of_place[place] = of_place.get(place, 0.0) + weight * (placed[i] - rate) / len(at)
    if alone == 0 or len(of_place) < 2:
        return 1.0
    together = len(of_place) / (len(of_place) - 1) * sum(x * x for x in of_place.values())
    return max(1.0, float(np.sqrt(together / alone)))
