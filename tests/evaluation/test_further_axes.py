"""Axes that disturb another's layouts, turn the camera away, or have few demonstrations: what each of them promises."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from para.evaluation import AXES, axis_named, plans
from para.evaluation.disturbances import TEXTURES
from para.evaluation.plans import in_scene
from para.evaluation.sampling import distance_outside
from para.evaluation.test_conditions import VIEW_AZIMUTHS
from para.evaluation.view_axes import excluded_views
from para.geometry import relative_angle
from para.worlds.libero.camera import LOWEST_ELEVATION, elevation, is_scored, reported_pose, view_pose
from para.worlds.libero.clutter import (
    BASE_XY,
    BOWL_RADIUS,
    CAMERA_XY,
    DISTRACTORS,
    FINGERS,
    FULL_PLACES,
    HOME_XY,
    MOUNT_X,
    PLATE_RADIUS,
    RAMEKIN_DISTANCE,
    VALIDATION_DISTRACTORS,
    footprint,
    scatter,
)
from para.worlds.libero.layout import TABLE


def kinds(layouts) -> set[str]:
    return {o.name.rsplit("_", 1)[0] for layout in layouts for o in layout.objects}


def gap(placement, start, end) -> float:
    """Distance of an object's edge from a way, on a raster of its own."""
    way = np.linspace(start, end, 400)
    return float(footprint(placement.name).distance(np.array([placement.xy]), way).min())


# ---- one training for many axes ----------------------------------------------------------------------------------------


def test_axes_say_which_training_they_share():
    by_plan: dict[str, set[str]] = {}
    for name, axis in AXES.items():
        by_plan.setdefault(axis.plan().name, set()).add(name)
    assert by_plan["default64"] == {"dense", "view", "view_far", "distractors", "calibration", "appearance"}
    assert by_plan["spatial200"] == {"suite", "suite_other_bowl", "external_swap", "external_views"}
    assert all(len(axes) == 1 for plan, axes in by_plan.items() if plan not in ("default64", "spatial200"))
    demonstrations = {name: tuple(AXES[name].training_layouts()) for name in by_plan["default64"]}
    assert len(set(demonstrations.values())) == 1


# ---- few demonstrations ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("draw", range(5))
def test_scaling_sets_are_nested_and_the_draws_differ(draw):
    sizes = (1, 2, 4, 8, 16, 32, 64, 128) if draw < 3 else (1, 2, 4, 8, 16)
    sets = [AXES[f"scaling_n{n}_d{draw}"].training_layouts() for n in sizes]
    assert [len(s) for s in sets] == list(sizes)
    assert all(set(a) < set(b) for a, b in zip(sets, sets[1:]))
    assert sets[4] != AXES[f"scaling_n16_d{(draw + 1) % 5}"].training_layouts()
    assert set(sets[-1]) <= set(plans.GRID255.layouts())
    with pytest.raises(ValueError, match=r"scaling_n<1\|2\|4\|8\|16\|32\|64\|128>_d<draw>, random10_d<draw>"):
        axis_named("scaling_n64_d3" if draw < 3 else "scaling_n3_d0")


@pytest.mark.parametrize("family", ["scaling", "random10"])
def test_all_sets_of_a_family_are_asked_the_same(family):
    members = [axis for axis in AXES.values() if axis.family == family]
    assert len(members) == (34 if family == "scaling" else 5)
    for make in ("test_conditions", "validation_conditions"):
        asked = {tuple(c.layout for c in getattr(axis, make)(20)) for axis in members}
        assert len(asked) == 1
    test = np.array([c.layout.bowl_xy for c in members[0].test_conditions(100)])
    every = np.array([layout.bowl_xy for axis in members for layout in axis.training_layouts()])
    assert np.linalg.norm(test[:, None] - every[None], axis=-1).min() >= 0.01


def test_random_sets_are_off_the_grid_and_the_inner_set_is_asked_outside():
    drawn = [AXES[f"random10_d{d}"].training_layouts() for d in range(5)]
    assert all(len(set(s)) == 10 and all(TABLE.contains(x.bowl_xy) for x in s) for s in drawn)
    assert len({x.bowl_xy for s in drawn for x in s} - set(plans.GRID255.positions())) == 50
    inner = AXES["inner"]
    region = inner.plan().region
    assert len(inner.training_layouts()) == 16 and np.ptp(region.y) == pytest.approx(0.12)
    for c in inner.test_conditions(100) + inner.validation_conditions(40):
        assert distance_outside(c.layout.bowl_xy, region) == inner.grade(c.layout) >= 0.02


# ---- disturbances ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["distractors", "calibration", "appearance"])
def test_a_disturbed_condition_is_a_condition_of_dense_and_nothing_else_changes(name):
    axis, dense = AXES[name], AXES["dense"]
    levels = len(axis.disturbance.levels)
    for make in ("test_conditions", "validation_conditions"):
        for i, c in enumerate(getattr(axis, make)(24)):
            plain = getattr(dense, make)(24)[i // levels].layout
            assert (c.layout.bowl_xy, c.layout.plate_xy, c.layout.bowl_yaw) == (
                plain.bowl_xy, plain.plate_xy, plain.bowl_yaw,
            )  # fmt: skip
            assert c.seed == c.layout.seed == plain.seed and c.layout != plain and dense.grade(plain) > 0
            if name != "appearance":
                assert axis.grade(c.layout) == pytest.approx(axis.disturbance.levels[i % levels])
    assert axis.grade(dense.test_conditions(1)[0].layout) == 0


def test_distractors_of_validation_and_test_have_no_kind_in_common():
    test = [c.layout for c in AXES["distractors"].test_conditions(300)]
    validation = [c.layout for c in AXES["distractors"].validation_conditions(60)]
    assert len(kinds(test)) == len(DISTRACTORS) == 14 and not kinds(test) & kinds(validation)
    assert kinds(validation) <= {name.rsplit("_", 1)[0] for name in VALIDATION_DISTRACTORS}
    assert [len(layout.objects) for layout in test[:6]] == [3, 6, 10] * 2
    assert test[0].objects == test[2].objects[:3] and test[1].objects == test[2].objects[:6]  # the same and more


def test_distractors_keep_8_cm_from_bowl_plate_and_path_and_the_hand_passes():
    for c in AXES["distractors"].test_conditions(300)[2::6] + AXES["distractors"].validation_conditions(60)[2::3]:
        bowl, plate = c.layout.bowl_xy, c.layout.plate_xy
        for i, o in enumerate(c.layout.objects):
            assert gap(o, bowl, bowl) >= BOWL_RADIUS + 0.08 - 1e-9
            assert gap(o, plate, plate) >= PLATE_RADIUS + 0.08 - 1e-9
            hand = 0.08 if footprint(o.name).low else 0.13
            assert min(gap(o, HOME_XY, bowl), gap(o, bowl, plate)) >= hand - 0.002
            for other in c.layout.objects[:i]:
                apart = np.hypot(*np.subtract(o.xy, other.xy))
                assert apart >= footprint(o.name).radius + footprint(other.name).radius + 0.02 - 1e-9


def test_a_crowded_table_has_no_room():
    assert scatter(tuple(f"moka_pot_{i}" for i in range(40)), (-0.1, 0.0), (0.0, 0.0), seed=0) == ()
    with pytest.raises(ValueError, match="no footprint is known of 'anvil_1'"):
        scatter(("anvil_1",), (-0.1, 0.0), (0.0, 0.0), seed=0)


def test_a_wrong_camera_is_turned_about_its_centre_and_moved_as_far_as_the_level_says():
    found = AXES["calibration"].test_conditions(400)
    axes = []
    for i, c in enumerate(found):
        level = (0.25, 0.5, 1.0, 2.0)[i % 4]
        true = view_pose(0, 0)
        wrong = reported_pose(true, c.layout.camera_error)
        off = true.inverse() @ wrong
        assert np.degrees(relative_angle(off.rotation, np.eye(3))) == pytest.approx(level)
        assert np.linalg.norm(off.translation) == pytest.approx(0.01 * level)
        axes.append(np.array(c.layout.camera_error.rotation) / level)
    np.testing.assert_allclose(axes[0], axes[3])  # one axis at one place
    assert np.linalg.norm(np.mean(axes[::4], axis=0)) < 0.25  # and every axis over the places
    true = view_pose(10.0, 40.0)
    assert reported_pose(true, None) is true


def test_looks_of_validation_and_test_have_no_texture_in_common():
    test, validation = (set(TEXTURES[s][0]) | set(TEXTURES[s][1]) for s in ("test", "validation"))
    assert not test & validation and "martin_novak_wood_table" not in test | validation
    axis = AXES["appearance"]
    looks = {c.layout.appearance for c in axis.test_conditions(100)}
    assert len(looks) == 100 and {x.table for x in looks} == set(TEXTURES["test"][0])
    assert {c.layout.appearance.table for c in axis.validation_conditions(48)} <= set(TEXTURES["validation"][0])
    assert all(0 < axis.grade(c.layout) < 1 for c in axis.test_conditions(100))


# ---- cameras -----------------------------------------------------------------------------------------------------------


def test_hemisphere_demonstrations_each_have_a_camera_of_their_own_on_the_left():
    for split, edge in (("test", 0.0), ("validation", 10.0)):
        layouts = AXES["view_hemisphere"].training_layouts(split)
        assert len({layout.view for layout in layouts}) == 64 == len({layout.bowl_xy for layout in layouts})
        for layout in layouts:
            polar, azimuth = layout.view
            assert polar <= 25 and polar * np.cos(np.radians(azimuth)) <= -edge + 1e-9
            assert is_scored(*layout.view, layout.bowl_xy)
    assert max(layout.view[0] for layout in AXES["view_hemisphere"].training_layouts()) > 20


def test_hemisphere_is_tested_on_the_right_and_validated_between():
    axis = AXES["view_hemisphere"]
    test, validation = axis.test_conditions(400), axis.validation_conditions(60)
    assert all(axis.grade(c.layout) >= 3.5 and elevation(view_pose(*c.layout.view)) >= 15 for c in test)
    assert {c.layout.view[0] for c in test} == {7.1, 14.3, 21.4, 25.0}
    assert all(axis.grade(c.layout) == 0 and axis.grade(c.layout, "validation") > 2.99 for c in validation)
    assert all(is_scored(*c.layout.view, c.layout.bowl_xy) for c in test + validation)


def test_far_views_are_high_enough_and_stand_where_view_has_its_bowls():
    test = AXES["view_far"].test_conditions(200)
    assert {c.layout.view[0] for c in test} == {35.0, 45.0}
    counts = Counter(c.layout.view for c in test)
    assert len(counts) == 10 and set(counts.values()) == {20}  # no azimuth fills in for another
    assert all(elevation(view_pose(polar, azimuth)) < 15 for polar in (35, 45) for azimuth in (225, 270, 315))
    assert all(is_scored(*c.layout.view, c.layout.bowl_xy) for c in test)
    assert {c.layout.bowl_xy for c in test} == {c.layout.bowl_xy for c in AXES["view"].test_conditions(800)}


# ---- the full scene ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "dropped"), [("view", 0), ("view_far", 6)])
def test_excluded_views_and_those_asked_are_all_views(name, dropped):
    axis = AXES[name]
    asked = {c.layout.view for c in axis.test_conditions(100 * len(axis.test_rings))}
    excluded = excluded_views(axis)
    whole = {(view.polar, view.azimuth) for view in excluded if view.positions == view.of}
    everywhere = {(ring, azimuth if ring else 0.0) for ring in axis.test_rings for azimuth in VIEW_AZIMUTHS}
    assert len(whole) == dropped and asked.isdisjoint(whole) and asked | whole == everywhere
    for view in excluded:
        low = view.elevation < LOWEST_ELEVATION
        assert view.elevation == pytest.approx(elevation(view_pose(view.polar, view.azimuth)))
        assert 0 < view.positions <= view.of == 100 and low == (view.positions == view.of)


def test_the_full_scene_surrounds_the_layouts_of_lr():
    full, lr = AXES["lr_full"], AXES["lr"]
    for c, plain in zip(full.test_conditions(40), lr.test_conditions(40)):
        assert c.layout == in_scene(plain.layout, "full") and c.layout.scene == "full"
    assert [layout.bowl_xy for layout in full.training_layouts()] == [x.bowl_xy for x in lr.training_layouts()]


def test_in_the_full_scene_nothing_overlaps_and_official_places_are_kept_where_they_can_be():
    layouts = [c.layout for c in AXES["lr_full"].test_conditions(200)] + AXES["lr_full"].training_layouts()
    kept = dict.fromkeys(FULL_PLACES, 0)
    for layout in layouts:
        by_name = {o.name: o for o in layout.objects}
        offset = np.subtract(by_name["glazed_rim_porcelain_ramekin_1"].xy, layout.bowl_xy)
        assert np.hypot(*offset) == pytest.approx(RAMEKIN_DISTANCE) and layout.bowl_xy[0] + offset[0] >= MOUNT_X - 1e-9
        if layout.bowl_xy[0] > MOUNT_X + RAMEKIN_DISTANCE:  # the bowl is between the plate and the ramekin
            np.testing.assert_allclose(offset, (-RAMEKIN_DISTANCE, 0.0), atol=1e-9)
        for name, place in FULL_PLACES.items():
            o = by_name[name]
            kept[name] += o.xy == place
            assert gap(o, layout.bowl_xy, layout.bowl_xy) >= FINGERS - 1e-9 > BOWL_RADIUS + 0.03
            assert gap(o, layout.plate_xy, layout.plate_xy) >= FINGERS - 1e-9 > PLATE_RADIUS + 0.03
        tall = by_name["wooden_cabinet_1"]
        for start, end in ((HOME_XY, layout.bowl_xy), (BASE_XY, layout.bowl_xy), (BASE_XY, layout.plate_xy)):
            assert gap(tall, start, end) >= 0.13 - 0.002
        sight = np.subtract(CAMERA_XY, layout.bowl_xy)
        assert gap(tall, layout.bowl_xy, layout.bowl_xy + 0.3 * sight / np.linalg.norm(sight)) >= PLATE_RADIUS - 0.002
    assert all(count >= 0.4 * len(layouts) for count in kept.values()), kept
