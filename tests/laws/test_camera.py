"""Projecting and unprojecting undo one another, agree with OpenCV, and follow every change of the image."""

import cv2
import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from laws.strategies import HEIGHT, WIDTH, arrays, assert_same, cameras, numbers, pixels, poses, to_torch
from para.geometry import Camera, Pose, homography, ray_rotation, rotation_from_vector

CHANGES = ("crop", "resize", "zoom", "flip", "rotate")


def changed(camera: Camera, change: str, x: float, y: float) -> Camera:
    """`camera` after one change of the image, by amounts x, y in [-1, 1]."""
    if change == "crop":
        return camera.crop(15 + 12 * x, 10 + 8 * y, 60, 44)
    if change == "resize":
        return camera.resize(int(WIDTH * (1.1 + x)) + 5, int(HEIGHT * (1.1 + y)) + 5)
    if change == "zoom":
        return camera.zoom(1.2 + 0.5 * x)
    if change == "flip":
        return camera.flip_horizontal()
    return camera.rotate(np.array([0.2 * x, 0.15 * y, x - y]))


@given(cameras(), pixels(), arrays((2, 5), 0.2, 3))
def test_depth_round_trip(camera, pixel, depth):
    points, valid = camera.unproject_depth(pixel, depth)
    assert valid.shape == depth.shape and valid.all()
    back, back_depth = camera.project(points)
    np.testing.assert_allclose(back, pixel, atol=1e-8)
    np.testing.assert_allclose(back_depth, depth, atol=1e-9)
    assert camera.sees(back, back_depth).all()


@given(cameras(), pixels(), arrays((2, 5), 0.85, 1.1))
def test_height_round_trip(camera, pixel, height):
    points, valid = camera.unproject_height(pixel, height)
    assume(valid.any())
    np.testing.assert_allclose(points[..., 2][valid], height[valid], atol=1e-9)
    back, depth = camera.project(points)
    np.testing.assert_allclose(back[valid], pixel[valid], atol=1e-6)
    assert (depth[valid] > 0).all()


@given(cameras(), pixels())
def test_height_is_invalid_exactly_where_the_ray_turns_away(camera, pixel):
    """Planes above the camera are met only by rays that rise, planes below it only by rays that fall."""
    dz = camera.rays(pixel)[..., 2]
    assume(np.abs(dz).min() > 1e-3)
    above = camera.T_world_camera.translation[:, None, 2] + 0.5
    np.testing.assert_array_equal(camera.unproject_height(pixel, np.broadcast_to(above, dz.shape))[1], dz > 0)
    np.testing.assert_array_equal(camera.unproject_height(pixel, np.broadcast_to(above - 1, dz.shape))[1], dz < 0)


def test_a_level_ray_meets_no_plane():
    level = np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])  # looks along world y, image down = world -z
    camera = Camera(np.array([90.0, 110, 48, 32]), Pose(level, np.zeros(3)), WIDTH, HEIGHT)
    points, valid = camera.unproject_height(np.array([[10.0, 32], [10, 50]]), np.array([-0.5, -0.5]))
    assert valid.tolist() == [False, True]
    assert np.isfinite(points).all()


@given(cameras(), pixels(), arrays((2, 5), 0.2, 3))
def test_depth_is_camera_z_not_distance(camera, pixel, depth):
    points, _ = camera.unproject_depth(pixel, depth)
    forward = camera.T_world_camera.rotation[..., 2]
    offset = points - camera.T_world_camera.translation[:, None]
    np.testing.assert_allclose(np.sum(offset * forward[:, None], axis=-1), depth, atol=1e-9)


@given(cameras(), pixels(), arrays((2, 5), 0.2, 3))
def test_a_batch_is_its_members(camera, pixel, value):
    for method in ("unproject_depth", "unproject_height"):
        points, valid = getattr(camera, method)(pixel, value)
        for i in range(2):
            one, one_valid = getattr(camera[i], method)(pixel[i], value[i])
            np.testing.assert_allclose(points[i], one, atol=1e-12)
            np.testing.assert_array_equal(valid[i], one_valid)
            np.testing.assert_allclose(camera.project(points)[0][i], camera[i].project(one)[0], atol=1e-9)


@given(cameras(), pixels(), arrays((5,), 0.2, 3))
def test_one_set_of_values_serves_all_cameras(camera, pixel, value):
    """Unbatched pixels and values broadcast against the batch, validity included."""
    for method in ("unproject_depth", "unproject_height"):
        points, valid = getattr(camera, method)(pixel[0], value)
        assert points.shape == (2, 5, 3) and valid.shape == (2, 5)


@given(cameras(count=1), pixels(count=1), arrays((1, 5), 0.2, 3))
def test_opencv_agrees(camera, pixel, depth):
    """OpenCV's pixels lie half a pixel beside ours, in its K as in its results."""
    camera = camera[0]
    points, _ = camera.unproject_depth(pixel[0], depth[0])
    T_camera_world = camera.T_world_camera.inverse()
    rotation_vector = cv2.Rodrigues(T_camera_world.rotation)[0]
    theirs, _ = cv2.projectPoints(points, rotation_vector, T_camera_world.translation, camera.opencv_matrix(), None)
    np.testing.assert_allclose(theirs[:, 0] + 0.5, camera.project(points)[0], atol=1e-5)
    back = Camera.from_opencv(camera.opencv_matrix(), camera.T_world_camera, WIDTH, HEIGHT)
    np.testing.assert_allclose(back.intrinsics, camera.intrinsics)


@pytest.mark.parametrize("change", CHANGES)
@given(camera=cameras(), pixel=pixels(), depth=arrays((2, 5), 0.2, 3), x=numbers(-1, 1), y=numbers(-1, 1))
def test_the_new_camera_is_the_warp_of_the_old(change, camera, pixel, depth, x, y):
    """Projecting with the new camera = warping the old pixel by the homography, for points at any depth."""
    new = changed(camera, change, x, y)
    points, _ = camera.unproject_depth(pixel, depth)
    new_pixel, new_depth = new.project(points)
    old = np.concatenate([new_pixel, np.ones((2, 5, 1))], axis=-1) @ np.swapaxes(homography(camera, new), -1, -2)
    seen = new_depth > 1e-3
    np.testing.assert_allclose((old[..., :2] / old[..., 2:])[seen], pixel[seen], atol=1e-6)
    there_and_back = homography(camera, new) @ homography(new, camera)
    np.testing.assert_allclose(there_and_back, np.broadcast_to(np.eye(3), (2, 3, 3)), atol=1e-9)


@given(cameras(), pixels(), arrays((2, 5), 0.2, 3))
def test_what_each_change_does_to_a_pixel(camera, pixel, depth):
    """Written out by hand: the pixel of the same point after each change."""
    points, _ = camera.unproject_depth(pixel, depth)
    u, v = pixel[..., 0], pixel[..., 1]

    def expect(new: Camera, new_u, new_v) -> None:
        np.testing.assert_allclose(new.project(points)[0], np.stack([new_u, new_v], axis=-1), atol=1e-7)

    expect(camera.crop(7, -3, 40, 30), u - 7, v + 3)
    expect(camera.resize(2 * WIDTH, 3 * HEIGHT), 2 * u, 3 * v)
    expect(camera.zoom(2), 2 * u - WIDTH / 2, 2 * v - HEIGHT / 2)
    expect(camera.flip_horizontal(), WIDTH - u, v)


@given(cameras(), pixels(), arrays((2, 5), 0.2, 3), arrays((2, 2), 0.5, 2))
def test_each_camera_of_a_batch_may_change_by_its_own_amount(camera, pixel, depth, amount):
    points, _ = camera.unproject_depth(pixel, depth)
    crop, zoom = camera.crop(amount[:, 0], amount[:, 1], 40, 30), camera.zoom(amount[:, 0])
    turn = camera.rotate(np.concatenate([amount, amount[:, :1]], axis=-1) * 0.1)
    for i in range(2):
        alone = camera[i]
        expected = alone.crop(amount[i, 0], amount[i, 1], 40, 30).project(points[i])[0]
        np.testing.assert_allclose(crop.project(points)[0][i], expected, atol=1e-9)
        np.testing.assert_allclose(
            zoom.project(points)[0][i], alone.zoom(amount[i, 0]).project(points[i])[0], atol=1e-9
        )
        expected = alone.rotate(np.array([*amount[i], amount[i, 0]]) * 0.1).T_world_camera.rotation
        np.testing.assert_allclose(turn.T_world_camera.rotation[i], expected, atol=1e-12)


@given(cameras(), pixels(), arrays((2, 5), 0.2, 3), numbers(-3, 3), poses())
def test_rolling_the_camera_rolls_what_it_sees(camera, pixel, depth, angle, T_world_ee):
    """A roll turns pixels (in units of focal length) and the end effector's camera-frame rotation by minus the angle."""
    rolled = camera.rotate(np.array([0.0, 0.0, angle]))
    points, _ = camera.unproject_depth(pixel, depth)
    focal, centre = camera.intrinsics[:, None, :2], camera.intrinsics[:, None, 2:]
    before = (pixel - centre) / focal
    after = (rolled.project(points)[0] - centre) / focal
    cos, sin = np.cos(-angle), np.sin(-angle)
    np.testing.assert_allclose(after, before @ np.array([[cos, -sin], [sin, cos]]).T, atol=1e-9)
    roll = rotation_from_vector(np.array([0.0, 0.0, -angle]))
    R_camera_ee = (camera.T_world_camera.inverse() @ T_world_ee).rotation
    np.testing.assert_allclose((rolled.T_world_camera.inverse() @ T_world_ee).rotation, roll @ R_camera_ee, atol=1e-9)


@given(cameras(), pixels(), arrays((2, 5), 0.2, 3), poses())
def test_moving_camera_and_world_together_changes_nothing(camera, pixel, depth, motion):
    points, _ = camera.unproject_depth(pixel, depth)
    moved, moved_depth = camera.move(motion).project(motion @ points)
    np.testing.assert_allclose(moved, pixel, atol=1e-7)
    np.testing.assert_allclose(moved_depth, depth, atol=1e-9)


@given(cameras(), pixels(), arrays((2, 5), 0.2, 3), st.sampled_from(CHANGES), numbers(-1, 1), numbers(-1, 1))
def test_numpy_equals_torch(camera, pixel, value, change, x, y):
    twin, t_pixel, t_value = to_torch(camera), to_torch(pixel), to_torch(value)
    for method in ("unproject_depth", "unproject_height"):
        points, valid = getattr(camera, method)(pixel, value)
        t_points, t_valid = getattr(twin, method)(t_pixel, t_value)
        assert_same(points, t_points)
        assert valid.tolist() == t_valid.tolist()
        assert_same(camera.project(points)[0], twin.project(t_points)[0], tolerance=1e-6)
    new = changed(camera, change, x, y)
    t_new = changed(twin, change, x, y) if change != "rotate" else to_torch(new)
    assert_same(new.intrinsics, t_new.intrinsics)
    assert_same(homography(camera, new), homography(twin, t_new))
    if change == "rotate":
        turned = twin.rotate(to_torch(np.array([0.2 * x, 0.15 * y, x - y])))
        assert_same(new.T_world_camera.rotation, turned.T_world_camera.rotation)


@given(cameras(), pixels(), arrays((2, 5), 0.2, 3), numbers(-3, 3))
def test_the_ray_frame_looks_along_the_ray_and_rolls_with_the_camera(camera, pixel, depth, angle):
    R_world_ray = ray_rotation(camera, pixel)
    rays = camera.rays(pixel)
    np.testing.assert_allclose(R_world_ray[..., 2], rays / np.linalg.norm(rays, axis=-1, keepdims=True), atol=1e-9)
    identity = np.broadcast_to(np.eye(3), (2, 5, 3, 3))
    np.testing.assert_allclose(R_world_ray @ np.swapaxes(R_world_ray, -1, -2), identity, atol=1e-9)
    np.testing.assert_allclose(np.linalg.det(R_world_ray), 1, atol=1e-9)
    at_centre = ray_rotation(camera, camera.intrinsics[:, None, 2:])
    np.testing.assert_allclose(at_centre[:, 0], camera.T_world_camera.rotation, atol=1e-12)
    rolled = camera.rotate(np.array([0.0, 0.0, angle]))
    same_points, _ = rolled.project(camera.unproject_depth(pixel, depth)[0])
    roll = rotation_from_vector(np.array([0.0, 0.0, angle]))
    np.testing.assert_allclose(ray_rotation(rolled, same_points), R_world_ray @ roll, atol=1e-8)
    assert_same(R_world_ray, ray_rotation(to_torch(camera), to_torch(pixel)))


@pytest.mark.parametrize("as_array", [np.asarray, torch.as_tensor])
def test_a_camera_of_whole_numbers_is_the_one_of_floating_ones(as_array):
    whole = Camera(as_array([100, 120, 50, 30]), Pose(as_array(np.eye(3, dtype=int)), as_array([0, 0, 1])), 96, 64)
    pose = Pose(whole.T_world_camera.rotation, as_array([0.0, 0.0, 1.0]))
    floating = Camera(as_array([100.0, 120.0, 50.0, 30.0]), pose, 96, 64)
    assert whole.intrinsics.dtype == floating.intrinsics.dtype == whole.T_world_camera.translation.dtype
    for camera in (whole, whole.resize(50, 50), whole.zoom(1.5), whole.crop(0.5, 0, 60, 44)):
        assert camera.intrinsics.dtype == floating.intrinsics.dtype
    points = as_array([[0.0, 0.0, 1.0], [1.0, 2.0, 4.0]])
    for found, wanted in zip(whole.project(points), floating.project(points)):
        np.testing.assert_array_equal(np.asarray(found), np.asarray(wanted))
