"""Success by level: which axes have levels, the curve over them and the area under it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from para.evaluation import AXES, Records, wilson
from para.report.cells import AxisTable, RunRecords, axis_tables
from para.report.figure_data import Point
from para.report.levels import area, curve_points, grades, has_levels, is_graded, widening_of
from para.worlds.world import Stage
from report.sample_run import LevelAxis, axis_records


def tables(records) -> list[AxisTable]:
    return axis_tables([RunRecords("a", Records(tuple(records), ()))], [])


def test_levels_are_told_from_places(monkeypatch):
    monkeypatch.setitem(AXES, "made_up_boxes", LevelAxis())
    (boxes,) = tables(axis_records("made_up_boxes", ("para",), 30, 4))
    assert has_levels(boxes) and [p.x for p in curve_points(boxes.rows[0].main, True)] == [3, 6, 10]
    assert sum(p.n for p in curve_points(boxes.rows[0].main, True)) == 30
    (places,) = tables(axis_records("lr", ("para",), 30, 4))
    assert not has_levels(places)
    assert not has_levels(tables(axis_records("lr", ("para", "act"), 8, 4))[0])  # both were asked the same eight


def test_the_area_lies_in_its_interval_and_narrows_with_more_episodes():
    def of(n: int, *rates: float):
        levels = [(x, wilson(round(y * n), n)) for x, y in zip((0, 1, 3), rates)]
        return area("para", [Point(x, r.value, r.low, r.high, n) for x, r in levels])

    few, many = of(10, 1.0, 0.5, 0.0), of(1000, 1.0, 0.5, 0.0)
    assert few.value == many.value == pytest.approx((0.75 + 0.5) / 3)
    assert few.low < few.value < few.high and many.high - many.low < 0.2 * (few.high - few.low)
    whole = of(10, 1.0, 1.0, 1.0)
    assert whole.low < whole.value == whole.high == 1.0  # never beyond what a rate can be, and with its estimate


def test_an_area_knows_that_its_levels_ask_the_same_places(monkeypatch):
    monkeypatch.setitem(AXES, "made_up_boxes", LevelAxis())
    (table,) = tables(axis_records("made_up_boxes", ("para",), 30, 4))
    cell = table.rows[0].main
    by_level = [cell.episodes[i] for i in np.argsort(grades(cell), kind="stable")]

    def at(place, placed):
        """30 episodes, ten a level, at these places."""
        return replace(
            cell,
            episodes=tuple(
                replace(
                    r,
                    stage=Stage.PLACE if placed(i) else Stage.MISS,
                    condition=replace(
                        r.condition,
                        layout=replace(r.condition.layout, bowl_xy=(0.01 * place(i), 0.0), plate_xy=(0, 0), bowl_yaw=0),
                    ),
                )
                for i, r in enumerate(by_level)
            ),
        )

    same = at(lambda i: i % 10, lambda i: i % 10 < 5)  # a place is hard at every level
    assert widening_of(same) == pytest.approx(
        np.sqrt(3 * 10 / 9) * stats.t.ppf(0.975, 9) / stats.norm.ppf(0.975), rel=0.2
    )
    assert widening_of(at(lambda i: i, lambda i: i % 10 < 5)) == pytest.approx(1, abs=0.03)
    assert widening_of(at(lambda i: i % 10, lambda i: True)) == 1
    points = curve_points(same, True)
    narrow, wide = area("para", points), area("para", points, 1.5)
    assert narrow.value == wide.value and wide.high - wide.low == pytest.approx(1.5 * (narrow.high - narrow.low))


def test_an_area_knows_that_one_training_is_asked_at_every_level(monkeypatch):
    monkeypatch.setitem(AXES, "made_up_boxes", LevelAxis())

    def of(*failing):
        (table,) = tables(axis_records("made_up_boxes", ("para",), 30, 0))
        cell = table.rows[0].main
        return replace(
            cell,
            episodes=tuple(
                replace(
                    r,
                    subject=replace(r.subject, policy=f"para_seed{seed}"),
                    stage=Stage.MISS if r.condition.index // 3 < bad else Stage.PLACE,
                )
                for seed, bad in enumerate(failing)
                for r in cell.episodes
            ),
        )

    assert widening_of(of(1, 5, 9)) > 2.5 * widening_of(of(5, 5, 5))


def test_the_number_of_a_task_is_no_degree(monkeypatch):
    suite, boxes = tables(axis_records("suite", ("para",), 30, 4) + axis_records("distractors", ("para",), 30, 4))
    found = {t.axis: (has_levels(t), is_graded(t)) for t in (suite, boxes)}
    assert found == {"suite": (True, False), "distractors": (True, True)}
