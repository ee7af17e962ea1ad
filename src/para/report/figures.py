"""Which figures an axis gets, and in which colours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from para.evaluation.axes import AXES
from para.evaluation.statistics import graded_area, success_by_distance, wilson
from para.report.cells import AxisTable, Cell
from para.report.charts import Point, Series, loss_chart, rate_chart, smooth
from para.report.maps import table_map, view_map
from para.report.published import VIEW_CURVES, counterpart
from para.report.run_folder import ExperimentNote, RunFolder, read_log


@dataclass(frozen=True)
class AxisFigures:
    """The figures of one axis."""

    maps: tuple[tuple[str, Markup], ...]
    """(policy, map), references last."""
    curve: Markup | None
    """Success over distance from what was trained."""
    curve_names: tuple[tuple[str, str], ...]
    """(name, style) of the curve's lines."""
    areas: tuple[tuple[str, float], ...]
    """(policy, area under its graded curve), for axes that are graded by design."""


def policy_styles(policies: Sequence[str]) -> dict[str, str]:
    """A CSS class for each policy: ours, rivals by turns, references."""
    styles, rivals = {}, 0
    for name in policies:
        if name in ("expert", "oracle"):
            styles[name] = "reference"
        elif name == "para":
            styles[name] = "p0"
        else:
            rivals += 1
            styles[name] = f"p{1 + (rivals - 1) % 5}"
    return styles


def axis_figures(table: AxisTable, styles: dict[str, str], note: ExperimentNote | None) -> AxisFigures:
    """Maps and curve of one axis."""
    axis = AXES.get(table.axis)
    by_view = table.axis == "view"
    training: list[tuple[float, float]] = []
    if axis is not None:
        demos = note.demos if note is not None and note.axis == table.axis else None
        split = "test" if table.split == "test" else "validation"
        training = [layout.bowl_xy for layout in axis.training_layouts(split, demos)]
    maps = tuple(
        (row.policy, view_map(row.main.episodes) if by_view else table_map(training, row.main.episodes))
        for row in table.rows
    )
    if axis is None:
        return AxisFigures(maps, None, (), ())
    series, areas = [], []
    for row in table.rows:
        points = _rings(row.main) if by_view else _distances(row.main)
        if len(points) > 1:
            series.append(Series(row.policy, styles[row.policy], tuple(points)))
            if by_view:
                areas.append((row.policy, graded_area([p.x for p in points], [p.y for p in points])))
            paper = VIEW_CURVES.get(counterpart(row.policy)) if by_view else None
            if paper and row.policy == counterpart(row.policy):
                values = tuple(Point(x, y / 100, y / 100, y / 100) for x, y in paper)
                series.append(Series(f"{row.policy} as published", styles[row.policy], values, dashed=True))
    curve = rate_chart(series, axis.grade_title, f"Success by {axis.grade_title}") if series else None
    return AxisFigures(maps, curve, tuple((s.name, s.style) for s in series), tuple(areas))


def training_figure(run: RunFolder, policies: Sequence[str], styles: dict[str, str]) -> Markup | None:
    """Each policy's loss relative to its first logged one, over minutes: losses of different heads have no common unit."""
    series = []
    for name in policies:
        lines = [line for line in read_log(run.log(name)) if np.isfinite(line.loss) and line.loss > 0]
        if len(lines) > 1:
            first = lines[0].loss
            points = smooth([(float(line.step), line.loss / first) for line in lines])
            series.append(Series(name, styles[name], tuple(Point(x, y, y, y) for x, y in points)))
    return loss_chart(series, "optimiser steps", "Training loss relative to its beginning") if series else None


def _distances(cell: Cell) -> list[Point]:
    split = "validation" if cell.split == "validation" else "test"
    distance = np.array([AXES[cell.axis].grade(r.condition.layout, split) for r in cell.episodes])
    bins = success_by_distance(distance, np.array([r.placed for r in cell.episodes], bool))
    return [Point(b.mean_m, b.rate.value, b.rate.low, b.rate.high) for b in bins]


def _rings(cell: Cell) -> list[Point]:
    points = []
    for ring in sorted({r.condition.layout.view[0] for r in cell.episodes}):
        placed = [r.placed for r in cell.episodes if r.condition.layout.view[0] == ring]
        rate = wilson(sum(placed), len(placed))
        points.append(Point(ring, rate.value, rate.low, rate.high))
    return points
