"""The benchmark's regions and distances, as its definition states them."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest

from para.evaluation import AXES, axis_named, plans
from para.evaluation import test_conditions as benchmark  # renamed: pytest would take it for tests
from para.evaluation.official_axes import OFFICIAL_AXES
from para.evaluation.position_axes import FewAxis
from para.evaluation.sampling import distance_outside, sample_positions
from para.geometry import relative_angle
from para.worlds.libero.camera import elevation, view_pose
from para.worlds.libero.layout import BOWL_X, BOWL_Y, MIN_SEPARATION, RIGID_OFFSET, TABLE, Region

SETS = [name for name, axis in AXES.items() if axis.family in ("scaling", "random10")]
OFFICIAL = [axis.name for axis in OFFICIAL_AXES]  # places of their own: tests/evaluation/test_official_axes.py
NAMES = [name for name in AXES if name not in SETS + OFFICIAL] + ["scaling_n1_d0", "scaling_n32_d2", "random10_d3"]
MOST = {
    "view": 800, "view_far": 200, "view_hemisphere": 400, "distractors": 300, "calibration": 400, "appearance": 100,
    "inner": 100, "yaw": 100, "scaling_n1_d0": 100, "scaling_n32_d2": 100, "random10_d3": 100,
}  # fmt: skip
"""Test conditions there are; 200 where not named."""
PLACES = {name: 200 for name in ("lr", "lr_independent", "nf", "dense", "lr_full")}
"""Different test positions; 100 where not named."""
VIEWS = ("view", "view_far", "view_hemisphere")


def bowls(conditions) -> np.ndarray:
    return np.array([c.layout.bowl_xy for c in conditions])


def least_distance(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.linalg.norm(a[:, None] - b[None], axis=-1).min())


def test_the_workspace_has_not_shrunk():
    assert BOWL_X == (-0.33, 0.06) and BOWL_Y == (-0.30, 0.30)


@pytest.mark.parametrize("name", NAMES)
def test_no_validation_condition_is_near_a_test_condition(name):
    """On one axis; between axes: test_validation.py."""
    axis = AXES[name]
    test, validation = axis.test_conditions(MOST.get(name, 200)), axis.validation_conditions(60)
    assert least_distance(bowls(test), bowls(validation)) >= 0.01
    if name in VIEWS:
        views = [np.array([view_pose(*v).rotation for v in {c.layout.view for c in s}]) for s in (test, validation)]
        angles = relative_angle(views[0][:, None], views[1][None])
        assert np.degrees(angles.min()) >= 1.5


@pytest.mark.parametrize("name", NAMES)
def test_test_positions_are_distinct_and_clear_of_every_demonstration(name):
    axis = AXES[name]
    test = axis.test_conditions(MOST.get(name, 200))
    assert len({(c.axis, c.split, c.index) for c in test}) == len(test) == len({c.layout for c in test})
    xy = np.unique(bowls(test), axis=0)
    assert len(xy) == PLACES.get(name, 100)
    demonstrations = np.array([layout.bowl_xy for layout in axis.training_layouts()])
    assert least_distance(xy, demonstrations) >= 0.01
    assert np.linalg.norm(xy[:, None] - xy[None] + 9 * np.eye(len(xy))[..., None], axis=-1).min() >= 0.005


@pytest.mark.parametrize("name", ["lr", "lr_independent"])
def test_lr_trains_left_and_tests_at_least_2_cm_into_the_right(name):
    axis = AXES[name]
    train, test = axis.training_layouts(), axis.test_conditions(200)
    assert len(train) == 128 and all(layout.bowl_xy[1] < 0 for layout in train)
    assert bowls(test)[:, 1].min() >= 0.02 and bowls(test)[:, 1].max() > 0.29
    if name == "lr_independent":
        assert all(layout.plate_xy[1] < 0 for layout in train)
        assert all(c.layout.plate_xy[1] >= 0.02 for c in test)


def test_nf_trains_near_the_robot_and_tests_at_least_2_cm_into_the_far_half():
    train, test = AXES["nf"].training_layouts(), AXES["nf"].test_conditions(200)
    assert len(train) == 128 and all(layout.bowl_xy[0] < -0.135 for layout in train)
    assert bowls(test)[:, 0].min() >= -0.115 and bowls(test)[:, 0].max() > 0.05


@pytest.mark.parametrize("name", ["lr", "lr_independent", "nf"])
def test_half_tables_validate_on_the_inner_three_columns(name):
    axis = AXES[name]
    train, validation = axis.training_layouts("validation"), axis.validation_conditions(50)
    assert len(train) == 5 * 16
    assert set(train) <= set(axis.training_layouts()) or name == "lr_independent"
    half = axis.plan("test").region
    for c in validation:
        assert distance_outside(c.layout.bowl_xy, axis.plan("validation").region) >= 0.02 - 1e-9
        assert half.contains(c.layout.bowl_xy)
        assert axis.grade(c.layout, "validation") >= 0.02 - 1e-9 and axis.grade(c.layout) == 0


@pytest.mark.parametrize("name", NAMES)
def test_in_distribution_positions_are_fresh_and_inside_the_training_region(name):
    axis = AXES[name]
    for split in ("test", "validation"):
        region, layouts = axis.plan(split).region, axis.training_layouts(split)
        found = axis.in_distribution_conditions(100, split)
        assert len(found) == 100 and not {c.layout.bowl_xy for c in found} & {layout.bowl_xy for layout in layouts}
        # One demonstration spans no region: with few of them, what lies within 1.5 cm of one counts as seen.
        near = 0.015 if isinstance(axis, FewAxis) else 0.0
        assert all(region.contains(c.layout.bowl_xy, -near) for c in found)
        assert all(c.layout.camera_error is None and c.layout.appearance is None for c in found)
        assert all(c.layout.view == (0, 0) for c in found) or name == "view_hemisphere"
        assert all(axis.grade(c.layout, split) <= near for c in found) or name == "dense"


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("make", ["test_conditions", "validation_conditions", "in_distribution_conditions"])
def test_a_smaller_evaluation_is_the_beginning_of_a_larger_one(name, make):
    make = getattr(AXES[name], make)
    assert make(10) == make(40)[:10]
    assert [c.index for c in make(10)] == list(range(10))


@pytest.mark.parametrize("name", NAMES)
def test_layouts_keep_their_arrangement(name):
    axis = AXES[name]
    for layout in [c.layout for c in axis.test_conditions(50)] + axis.training_layouts():
        offset = np.array(layout.plate_xy) - layout.bowl_xy
        if axis.plan().arrangement == "rigid":
            np.testing.assert_allclose(offset, RIGID_OFFSET, atol=1e-12)
        else:
            assert np.linalg.norm(offset) >= MIN_SEPARATION


def test_smaller_training_sets_are_nested_and_spread_out():
    plan = plans.LEFT
    full = plan.layouts()
    assert len(set(full)) == 128
    for n in (1, 4, 16, 64):
        assert plan.layouts(n) == full[:n]
    xy = np.array([layout.bowl_xy for layout in full[:16]])
    whole = np.array([layout.bowl_xy for layout in full])
    assert np.linalg.norm(whole[:, None] - xy[None], axis=-1).min(1).max() < 0.09  # no corner is left out
    assert plan.layouts(16, draw=1) != full[:16]
    with pytest.raises(ValueError, match="'left' has 128 demonstrations; asked for 129"):
        plan.layouts(129)


def test_plans_of_one_arrangement_share_their_demonstrations():
    assert set(plans.LEFT_OUTER.layouts()) < set(plans.LEFT.layouts())
    assert len(plans.DEFAULT64.layouts()) == 64 and plans.DEFAULT64.region == TABLE


def test_the_view_axis_goes_round_its_rings():
    test = AXES["view"].test_conditions(800)
    polar = np.array([c.layout.view[0] for c in test])
    for ring in benchmark.VIEW_RINGS:
        mine = [c for c in test if c.layout.view[0] == ring]
        assert len(mine) == 100
        assert len({c.layout.view[1] for c in mine}) == (1 if ring == 0 else 8)
        np.testing.assert_array_equal(bowls(mine), bowls(test[:: len(benchmark.VIEW_RINGS)]))  # paired over rings
    assert set(polar[:8]) == set(benchmark.VIEW_RINGS)


def test_low_views_are_not_scored():
    assert elevation(view_pose(0, 0)) == pytest.approx(41.2, abs=0.1)
    assert benchmark.is_scored(14.3, 270, (-0.1, 0.0))
    assert not benchmark.is_scored(35, 270, (-0.1, 0.0))


def test_distance_outside_a_rectangle():
    region = Region((0.0, 1.0), (0.0, 2.0))
    assert distance_outside((0.5, 0.5), region) == 0
    assert distance_outside((4.0, 6.0), region) == pytest.approx(5)


def test_positions_that_cannot_fit_are_refused():
    with pytest.raises(ValueError, match="positions fit into"):
        sample_positions(0, Region((0.0, 0.01), (0.0, 0.01)), 50)
    with pytest.raises(ValueError, match="asked for -3 positions"):
        sample_positions(0, Region((0.0, 0.1), (0.0, 0.1)), -3)  # not as many as fit


def test_an_unknown_axis_is_named_with_the_nearest_one():
    with pytest.raises(ValueError, match=r"no axis 'lr_independant'; there are lr, .* Did you mean 'lr_independent'"):
        axis_named("lr_independant")


def test_the_conditions_have_not_changed_by_accident():
    """Published records refer to these numbers; a deliberate change is a new version of the benchmark."""
    first = {name: AXES[name].test_conditions(1)[0].layout for name in ("lr", "view")}
    assert first["lr"].bowl_xy == pytest.approx((-0.13422759293130956, 0.11327668219550661), abs=1e-12)
    assert first["lr"].seed == 1409861971
    assert first["view"].bowl_xy == pytest.approx((-0.15139158893313467, -0.14839789077759516), abs=1e-12)


FIRST_AXES = {  # test, validation and in-distribution conditions (for either training), demonstrations: committed records
    "lr": ("551289309c804d09", "9fcd2bb222155cb9", "4f3b2b1a75442a95", "675144c54d80bf8f", "153cb90b5be85931"),
    "lr_independent": (
        "cd521e6614b36a48",
        "8d3033773d752c88",
        "6a147d54a221e605",
        "f82e4bf6fbd7763e",
        "36e1326480851352",
    ),
    "nf": ("c638332caf7e5821", "ceb3115e7212f1c5", "1784b0750cdeef7b", "7b7f9cc8663387b7", "bf5416ef8fb1748f"),
    "dense": ("710063c1fffa275e", "7f1495640cb1c4f1", "9b9fb94938785893", "12efb16f58fd22de", "5c607d882dd30f2a"),
    "view": ("bd993eafc7c9a536", "b83cf98f656abbbb", "a68b05e5f434e492", "3e49bfc13d834907", "5c607d882dd30f2a"),
}


@pytest.mark.parametrize("name", FIRST_AXES)
def test_the_first_axes_are_what_they_were_to_the_last_bit(name):
    """Layouts as JSON, every digit: records and demonstration sets of earlier versions stay valid."""

    def digest(values) -> str:
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]

    def conditions(found) -> str:
        return digest([[c.axis, c.split, c.index, c.seed, c.layout.to_json()] for c in found])

    axis = AXES[name]
    assert FIRST_AXES[name] == (
        conditions(axis.test_conditions(800 if name == "view" else 200)),
        conditions(axis.validation_conditions(60)),
        conditions(axis.in_distribution_conditions(100)),
        conditions(axis.in_distribution_conditions(60, "validation")),
        digest([[layout.to_json() for layout in axis.training_layouts(s)] for s in ("test", "validation")]),
    )
