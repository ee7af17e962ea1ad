"""The framed camera looks at its centre, level and to scale, whatever the real camera's attitude."""

import numpy as np
from hypothesis import assume, given

from laws.strategies import arrays, assert_same, cameras, numbers, to_torch
from para.geometry import LevelFraming, homography

CENTRE = (-0.1, 0.05, 0.95)
SIZE = (90, 70)  # not square


@given(cameras(), numbers(0.3, 1.5))
def test_it_is_level_aimed_and_to_scale(camera, span):
    assume(np.linalg.norm((np.array(CENTRE) - camera.T_world_camera.translation)[:, :2], axis=1).min() > 0.05)
    framed = LevelFraming(CENTRE, span)(camera, *SIZE)
    right, down, _ = np.moveaxis(framed.T_world_camera.rotation, -1, 0)
    np.testing.assert_allclose(right[:, 2], 0, atol=1e-9)
    assert (down[:, 2] < 0).all() and np.linalg.det(framed.T_world_camera.rotation).min() > 0.999
    ends = np.array(CENTRE) + span / 2 * np.stack([-right, 0 * right, right], axis=1)
    pixels, _ = framed.project(ends)
    np.testing.assert_allclose(pixels, np.broadcast_to([[0, 35], [45, 35], [90, 35]], (2, 3, 2)), atol=1e-6)
    np.testing.assert_allclose(framed.T_world_camera.translation, camera.T_world_camera.translation)


@given(cameras(), arrays((3,), -0.5, 0.5))
def test_the_attitude_of_the_real_camera_makes_no_difference(camera, vector):
    framing = LevelFraming(CENTRE, 0.8)
    framed = framing(camera, *SIZE)
    for same in (framing(camera.rotate(vector).zoom(1.3), *SIZE), framing(framed, *SIZE)):
        np.testing.assert_allclose(same.intrinsics, framed.intrinsics, rtol=1e-9)
        np.testing.assert_allclose(same.T_world_camera.matrix(), framed.T_world_camera.matrix(), atol=1e-9)
    assert homography(camera, framed).shape == (2, 3, 3)  # one centre: the warp is exact


@given(cameras())
def test_numpy_and_torch_agree(camera):
    framing = LevelFraming(CENTRE, 0.8)
    one, other = framing(camera, *SIZE), framing(to_torch(camera), *SIZE)
    assert_same(one.intrinsics, other.intrinsics)
    assert_same(one.T_world_camera.matrix(), other.T_world_camera.matrix())


def test_straight_above_it_keeps_the_cameras_right():
    from para.geometry import Camera, Pose

    axes = np.array([[0.0, -1, 0], [-1, 0, 0], [0, 0, -1]])  # looks down; its right is world -y
    camera = Camera(np.array([80.0, 80, 40, 30]), Pose(axes, np.array([*CENTRE[:2], 1.9])), 80, 60)
    framed = LevelFraming(CENTRE, 0.8)(camera, *SIZE)
    np.testing.assert_allclose(framed.T_world_camera.rotation, axes, atol=1e-12)
