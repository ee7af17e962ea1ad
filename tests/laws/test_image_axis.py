"""An axis and its picture determine each other, and the picture of an axis turns with the camera."""

from dataclasses import replace

import numpy as np
from hypothesis import given

from laws.strategies import arrays, assert_same, cameras, numbers, pixels, to_torch
from para.geometry import axis_across, axis_in_image, rotation_from_vector


def unit(v):
    return v / np.linalg.norm(v, axis=-1, keepdims=True)


def perpendicular(axes, normals):
    n = unit(normals)
    return unit(axes - n * (axes * n).sum(-1, keepdims=True))


def steep(camera, pixel, normals):
    """(2, 5) rays that are not nearly perpendicular to the normal."""
    return np.abs((unit(camera.rays(pixel)) * unit(normals)).sum(-1)) > 0.05


UPRIGHT = arrays((2, 5, 3), -0.2, 0.2).map(lambda tilt: tilt + [0.0, 0.0, -1.0])
"""Normals within some 15 deg of the vertical: hands that point down."""


@given(cameras(), pixels(), arrays((2, 5), 0.5, 2), arrays((2, 5, 3), -1, 1))
def test_the_picture_of_an_axis_is_where_its_points_move_at_any_depth(camera, pixel, depth, axes):
    points, _ = camera.unproject_depth(pixel, depth)
    ahead, _ = camera.project(points + 1e-6 * axes)
    behind, _ = camera.project(points - 1e-6 * axes)
    np.testing.assert_allclose(axis_in_image(camera, pixel, axes), unit(ahead - behind), atol=1e-4)


@given(cameras(), pixels(), arrays((2, 5, 3), -1, 1), UPRIGHT)
def test_with_a_normal_the_axis_comes_back_from_its_picture(camera, pixel, axes, normals):
    wanted, sure = perpendicular(axes, normals), steep(camera, pixel, normals)
    seen = axis_in_image(camera, pixel, wanted)
    np.testing.assert_allclose(axis_across(camera, pixel, seen, normals)[sure], wanted[sure], atol=1e-6)
    np.testing.assert_allclose(axis_across(camera, pixel, -seen, normals)[sure], -wanted[sure], atol=1e-6)


@given(cameras(), pixels(), arrays((2, 5, 3), -1, 1), UPRIGHT, arrays((3,), -0.4, 0.4))
def test_a_turn_of_the_camera_about_its_centre_changes_no_axis(camera, pixel, axes, normals, vector):
    wanted = perpendicular(axes, normals)
    turned = camera.rotate(vector)
    points, _ = camera.unproject_depth(pixel, np.ones((2, 5)))
    moved, depth = turned.project(points)
    sure = steep(camera, pixel, normals) & (depth > 0.1)
    back = axis_across(turned, moved, axis_in_image(turned, moved, wanted), normals)
    np.testing.assert_allclose(back[sure], wanted[sure], atol=1e-6)


@given(cameras(), pixels(), arrays((2, 5, 3), -1, 1), numbers(-3, 3))
def test_rolling_the_camera_rolls_the_picture_of_an_axis(camera, pixel, axes, angle):
    square = replace(camera, intrinsics=camera.intrinsics[:, [0, 0, 2, 3]])
    rolled = square.rotate(np.array([0.0, 0.0, angle]))
    moved, _ = rolled.project(square.unproject_depth(pixel, np.ones((2, 5)))[0])
    back = rotation_from_vector(np.array([0.0, 0.0, -angle]))[:2, :2]
    expected = axis_in_image(square, pixel, axes) @ back.T
    np.testing.assert_allclose(axis_in_image(rolled, moved, axes), expected, atol=1e-9)


@given(cameras(), pixels(), arrays((2, 5, 3), -1, 1), UPRIGHT)
def test_numpy_and_torch_agree(camera, pixel, axes, normals):
    twin, seen = to_torch(camera), axis_in_image(camera, pixel, axes)
    assert_same(seen, axis_in_image(twin, to_torch(pixel), to_torch(axes)))
    across = axis_across(camera, pixel, seen, normals)
    assert_same(across, axis_across(twin, to_torch(pixel), to_torch(seen), to_torch(normals)), 1e-6)


def test_an_axis_along_the_ray_has_no_picture_and_a_level_ray_gives_no_infinity():
    from toy import toy_camera

    camera, pixel = toy_camera(), np.array([[30.0, 20.0]])
    ray = unit(camera.rays(pixel))
    np.testing.assert_allclose(axis_in_image(camera, pixel, ray), 0, atol=1e-3)
    across = axis_across(camera, pixel, np.array([[1.0, 0.0]]), unit(np.cross(ray, [0.0, 0.0, 1.0])))
    assert np.isfinite(across).all()
