"""The axis `yaw`: what it demonstrates and what it asks."""

from __future__ import annotations

import numpy as np
import pytest

from para.evaluation import AXES
from para.evaluation.yaws import TRAINED, TRAINED_OUTER, YawSector

AXIS = AXES["yaw"]


def yaws(layouts) -> np.ndarray:
    """[deg], within the half turn after which a box looks the same."""
    return np.degrees([layout.bowl_yaw for layout in layouts]) % 180


def difference(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(M, N) least angle between directions without a sign [deg]."""
    apart = np.abs(a[:, None] - b[None]) % 180
    return np.minimum(apart, 180 - apart)


def test_one_quarter_turn_is_demonstrated_and_the_other_asked():
    train = yaws(AXIS.training_layouts())
    test = [c.layout for c in AXIS.test_conditions(100)]
    assert len(train) == 64 and train.min() >= 0 and train.max() <= 90
    assert (yaws(test) >= 92).all() and (yaws(test) <= 178).all()
    assert difference(yaws(test), train).min() >= 2 - 1e-9
    grades = np.array([AXIS.grade(layout) for layout in test])
    np.testing.assert_allclose(grades, np.minimum(yaws(test) - 90, 180 - yaws(test)), atol=1e-9)
    assert grades.max() > 40 and grades.min() >= 2 - 1e-9
    assert {layout.scene for layout in test + AXIS.training_layouts()} == {"box"}


def test_validation_asks_as_far_as_the_test_does_inside_the_demonstrated_quarter():
    train = yaws(AXIS.training_layouts("validation"))
    found = [c.layout for c in AXIS.validation_conditions(60)]
    assert train.max() <= 45 and (yaws(found) >= 47).all() and (yaws(found) <= 88).all()
    grades = [AXIS.grade(layout, "validation") for layout in found]
    assert min(grades) >= 2 - 1e-9 and max(grades) > 40
    assert all(AXIS.grade(layout) == 0 for layout in found)
    test = yaws([c.layout for c in AXIS.test_conditions(100)])
    assert difference(yaws(found), test).min() >= 1.5


@pytest.mark.parametrize("split", ["test", "validation"])
def test_both_halves_of_the_turn_and_the_whole_sector_are_drawn(split):
    sector = TRAINED if split == "test" else TRAINED_OUTER
    for layouts in (AXIS.training_layouts(split), [c.layout for c in AXIS.in_distribution_conditions(64, split)]):
        drawn = np.degrees([layout.bowl_yaw for layout in layouts])
        assert 16 < (drawn > 180).sum() < 48
        counts, _ = np.histogram(drawn % 180, 4, (sector.low, sector.high))
        assert counts.sum() == 64 and counts.min() >= 8


def test_small_sets_are_spread_over_the_sector_too():
    for n in (4, 8, 16):
        counts, _ = np.histogram(yaws(AXIS.training_layouts(n=n)), 4, (0, 90))
        assert counts.min() >= n // 8 and counts.max() - counts.min() <= 2


def test_the_distance_from_a_sector_goes_both_ways_round():
    sector = YawSector(0.0, 90.0)
    for yaw, distance in (
        (0, 0),
        (90, 0),
        (225, 0),
        (-1, 1),
        (91, 1),
        (135, 45),
        (-45, 45),
        (100 + 360, 10),
        (170, 10),
    ):
        assert sector.distance(yaw) == pytest.approx(distance)
