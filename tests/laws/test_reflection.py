"""A mirrored world, seen by the mirrored camera, is the picture mirrored; and twice mirrored all is as it was."""

import numpy as np
from hypothesis import given

from laws.strategies import HEIGHT, WIDTH, arrays, assert_same, cameras, poses, to_torch
from para.geometry import Reflection


def same(one, other):
    np.testing.assert_allclose(one, other, atol=1e-9)


@given(cameras(2), arrays((6, 3), -0.4, 0.4))
def test_the_mirrored_camera_sees_the_mirrored_world_left_right(camera, away):
    for one in (camera[0], camera[1]):
        points = away + [0.1, -0.2, 0.9]
        mirror = Reflection.through(one)
        (u, v), depth = one.project(points)[0].T, one.project(points)[1]
        mirrored = mirror.camera(one)
        pixels, same_depth = mirrored.project(mirror.points(points))
        np.testing.assert_allclose(pixels, np.stack([WIDTH - u, v], -1), atol=1e-6)
        np.testing.assert_allclose(same_depth, depth, atol=1e-9)
        assert (mirrored.width, mirrored.height) == (WIDTH, HEIGHT)
        assert abs(np.linalg.det(mirrored.T_world_camera.rotation) - 1) < 1e-9  # a real camera, fx > 0
        assert (mirrored.intrinsics[:2] > 0).all()


@given(cameras(2), poses((4,)))
def test_twice_mirrored_is_as_it_was(camera, pose):
    mirror = Reflection.through(camera[0])
    same(mirror.points(mirror.points(pose.translation)), pose.translation)
    same(mirror.rotations(mirror.rotations(pose.rotation)), pose.rotation)
    again = Reflection.through(mirror.camera(camera[0]))
    same(again.points(pose.translation), mirror.points(pose.translation))  # one plane for both
    same(again.camera(mirror.camera(camera[0])).intrinsics, camera[0].intrinsics)


@given(cameras(2), poses((4,)))
def test_rotations_stay_rotations_and_fingers_lie_as_the_mirror_shows_them(camera, pose):
    mirror = Reflection.through(camera[1])
    turned = mirror.rotations(pose.rotation)
    np.testing.assert_allclose(turned @ turned.swapaxes(-1, -2), np.broadcast_to(np.eye(3), turned.shape), atol=1e-9)
    np.testing.assert_allclose(np.linalg.det(turned), 1, atol=1e-9)
    tips = pose.translation + 0.04 * pose.rotation[..., 0], pose.translation - 0.04 * pose.rotation[..., 0]
    here = mirror.points(pose.translation)
    for tip, sign in zip(tips, (-1, 1)):  # each finger is where the other's mirror image is
        np.testing.assert_allclose(here + sign * 0.04 * turned[..., 0], mirror.points(tip), atol=1e-9)


@given(cameras(2), poses((4,)))
def test_numpy_and_torch_agree(camera, pose):
    one, other = Reflection.through(camera[0]), Reflection.through(to_torch(camera[0]))
    assert_same(one.points(pose.translation), other.points(to_torch(pose.translation)))
    assert_same(one.rotations(pose.rotation), other.rotations(to_torch(pose.rotation)))
    assert_same(one.camera(camera[0]).intrinsics, other.camera(to_torch(camera[0])).intrinsics)
