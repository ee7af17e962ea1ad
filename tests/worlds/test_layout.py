"""Layouts: plain numbers, both ways, and samplers that stay in their region."""

import json
from dataclasses import replace

import numpy as np

from para.worlds.libero.layout import (
    BOWL_X,
    BOWL_Y,
    MIN_SEPARATION,
    Appearance,
    CameraError,
    Layout,
    ObjectPlacement,
    Region,
    independent_layout,
    rigid_layout,
    training_grid,
)


def test_json_both_ways():
    layout = Layout((0.1, -0.2), (0.0, 0.1), "distractors", 0.3, (25.0, 270.0), 7, (ObjectPlacement("milk_1", (0, 1)),))
    values = json.loads(json.dumps(layout.to_json()))
    assert Layout.from_json(values) == layout
    assert hash(Layout.from_json(values)) == hash(layout)


def test_what_later_versions_added_is_in_the_json_only_where_it_is_used():
    """Digests of plans and records of the first version are made of this JSON."""
    old = '{"bowl_xy": [0.1, -0.2], "plate_xy": [0.0, 0.1], "scene": "clean", "bowl_yaw": 0.3, "view": [0.0, 0.0],'
    old += ' "seed": 7, "objects": []}'
    plain = Layout.from_json(json.loads(old))
    assert json.dumps(plain.to_json()) == old and plain.camera_error is None is plain.appearance
    look = Appearance("marble_floor", "stucco_wall", "gray_floor", 0.7, -0.1, (0.5, -1.0))
    full = replace(plain, camera_error=CameraError((0.1, 0.2, -0.3), (0.0, 0.01, 0.0)), appearance=look)
    again = Layout.from_json(json.loads(json.dumps(full.to_json())))
    assert again == full != plain and hash(again) == hash(full)


def test_camera_errors_that_differ_in_a_last_bit_are_one_condition():
    one = CameraError((0.1, 0.2, -0.3), (0.001, 0.01, 0.0))
    other = CameraError(*(tuple(np.nextafter(v, 1.0)) for v in (one.rotation, one.translation)))
    assert other == one and hash(other) == hash(one)
    assert CameraError((0.1 + 2e-9, 0.2, -0.3), one.translation) != one


def test_the_grid_covers_the_workspace():
    grid = np.array(training_grid())
    assert grid.shape == (256, 2) and len({tuple(p) for p in grid.round(6)}) == 256
    np.testing.assert_allclose([grid.min(0), grid.max(0)], np.transpose([BOWL_X, BOWL_Y]))


def test_independent_layouts_are_apart_and_inside():
    left = Region(y=(-0.30, 0.0))
    for seed in range(50):
        layout = independent_layout(seed, left)
        assert left.contains(layout.bowl_xy) and left.contains(layout.plate_xy)
        assert np.hypot(*np.subtract(layout.bowl_xy, layout.plate_xy)) >= MIN_SEPARATION
        assert layout == independent_layout(seed, left)


def test_rigid_layouts_keep_the_offset():
    layout = rigid_layout((-0.2, 0.1), seed=3)
    np.testing.assert_allclose(np.subtract(layout.plate_xy, layout.bowl_xy), [0.115, 0.0])
    assert layout.bowl_yaw != rigid_layout((-0.2, 0.1), seed=4).bowl_yaw
