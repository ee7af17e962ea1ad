"""Which figures an axis gets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from para.evaluation.axes import AXES
from para.report.cells import AxisTable, Row
from para.report.charts import smooth
from para.report.figure_data import LossChart, Map, Point, RateChart, Series, ViewMap, table_map_of, view_map_of
from para.report.levels import Area, area, curve_points, has_levels, is_graded, widening_of
from para.report.names import CAMERA_FREE
from para.report.published import published_curve
from para.report.run_folder import ExperimentNote, RunFolder, read_log
from para.report.video_table import has_own_table


@dataclass(frozen=True)
class AxisFigures:
    """The figures of one axis."""

    maps: tuple[tuple[str, Map], ...]
    """(policy, map), references last."""
    curve: RateChart | None
    """Success over the axis's grade."""
    areas: tuple[Area, ...]
    """Areas under graded curves, for axes that are graded by design."""

    @property
    def of_views(self) -> bool:
        """The maps show directions of the camera instead of positions on the table."""
        return any(isinstance(shown, ViewMap) for _, shown in self.maps)


BASE = "dense"
"""The axis whose conditions ``calibration`` asks with a wrong camera."""


def axis_figures(
    table: AxisTable, styles: dict[str, str], note: ExperimentNote | None, dense: AxisTable | None = None
) -> AxisFigures:
    """Maps and curve of one axis; `dense`: the table of `BASE`, where it was run."""
    rows = [row for row in table.rows if not has_own_table(row.policy) and not row.main.errors]
    moved = any(r.condition.layout.view != (0.0, 0.0) for row in rows for r in row.main.episodes)
    training = _training(table, note)
    maps = tuple(
        (row.policy, view_map_of(row.main.episodes) if moved else table_map_of(training, row.main.episodes))
        for row in rows
    )
    known = next((AXES[r.condition.axis] for row in rows for r in row.main.episodes if r.condition.axis in AXES), None)
    if known is None:
        return AxisFigures(maps, None, ())
    by_level, graded = has_levels(table), is_graded(table)
    series, areas, ticks = [], [], set()
    for row in rows:
        points = curve_points(row.main, by_level)
        if len(points) < 2:
            continue
        series.append(Series(row.policy, styles[row.policy], tuple(points)))
        ticks |= {p.x for p in points} if by_level else set()
        if by_level and graded:
            areas.append(area(row.policy, points, widening_of(row.main)))
        if paper := published_curve(table.axis, row.policy):
            values = tuple(Point(x, y / 100, y / 100, y / 100) for x, y in paper)
            series.append(Series(f"{row.policy}, as published", styles[row.policy], values, dashed=True))
    if table.axis == "calibration" and dense is not None and ticks:
        series += _untouched(table, dense, styles, (min(ticks), max(ticks)))
    title = known.grade_title
    curve = RateChart(f"Success by {title}", title, tuple(series), ticks=tuple(sorted(ticks))) if series else None
    return AxisFigures(maps, curve, tuple(areas))


def _untouched(table: AxisTable, dense: AxisTable, styles: dict[str, str], ends: tuple[float, float]) -> list[Series]:
    """Policies that are not told the camera, by definition the same whatever camera is reported: flat lines."""
    found = []
    for row in dense.rows:
        main = row.main
        if row.policy in CAMERA_FREE and main.publishable and main.split == "test" and not table.row(row.policy):
            rate = main.place
            points = tuple(Point(x, rate.value, rate.low, rate.high, rate.n) for x in ends)
            found.append(
                Series(f"{row.policy}, not told the camera: its rate on {BASE}", styles[row.policy], points, True)
            )
    return found


def training_figure(runs: Sequence[RunFolder], rows: Sequence[Row], styles: dict[str, str]) -> LossChart | None:
    """Each policy's loss relative to its first logged one: losses of different heads have no common unit."""
    series = []
    for run in runs:
        for policy in dict.fromkeys(row.policy for row in rows if row.run == run.root.name):
            lines = [line for line in read_log(run.log(policy)) if np.isfinite(line.loss) and line.loss > 0]
            if len(lines) > 1:
                points = smooth([(float(line.step), line.loss / lines[0].loss) for line in lines])
                name = policy if len(runs) == 1 else f"{policy} in {run.root.name}"
                series.append(Series(name, styles[policy], tuple(Point(x, y, y, y) for x, y in points)))
    return LossChart("Training loss relative to its beginning", "optimiser steps", tuple(series)) if series else None


def _training(table: AxisTable, note: ExperimentNote | None) -> tuple[tuple[float, float], ...]:
    """Bowl positions of the demonstrations [m], of all draws together."""
    split = "test" if table.split == "test" else "validation"
    found: list[tuple[float, float]] = []
    for axis in dict.fromkeys(r.condition.axis for row in table.rows for r in row.main.episodes):
        if axis in AXES:
            demos = note.demos if note is not None and note.axis == axis else None
            found += [layout.bowl_xy for layout in AXES[axis].training_layouts(split, demos)]
    return tuple(dict.fromkeys(found))
