"""Random poses, cameras and pixels for the law tests, chosen so that a wrong formula gives a wrong answer:

images are not square, fx != fy, the principal point is off the middle, pixels are off-axis, and every batch holds two
different cameras. All arrays are NumPy float64; `to_torch` turns cameras and poses into their torch twins.
"""

import numpy as np
import torch
from hypothesis import strategies as st

from para.geometry import Camera, Pose, rotation_from_vector

WIDTH, HEIGHT = 96, 64


def seeds():
    """A random generator for each example: much faster than drawing every number by itself."""
    return st.integers(0, 2**32 - 1).map(np.random.default_rng)


def numbers(low, high):
    """One ordinary float: edge cases have tests of their own."""
    return seeds().map(lambda rng: float(rng.uniform(low, high)))


def arrays(shape, low, high):
    """float64 arrays with entries in [low, high]."""
    return seeds().map(lambda rng: rng.uniform(low, high, shape))


def poses(batch=()):
    """Any rotation (angle up to pi and beyond), translations up to 2 m."""
    return seeds().map(
        lambda rng: Pose(rotation_from_vector(rng.uniform(-2.5, 2.5, (*batch, 3))), rng.uniform(-2, 2, (*batch, 3)))
    )


def cameras(count=2):
    """`count` different cameras that look down at the table (world z = 0.9) from 25 to 70 deg elevation, rolled."""
    return seeds().map(lambda rng: _stack([_camera(rng) for _ in range(count)]))


def _camera(rng):
    fx = rng.uniform(80, 140)
    intrinsics = np.array([fx, fx * rng.uniform(1.05, 1.3), rng.uniform(35, 60), rng.uniform(25, 40)])
    azimuth, elevation = rng.uniform(-3, 3), rng.uniform(0.44, 1.22)
    away = np.array([np.cos(azimuth) * np.cos(elevation), np.sin(azimuth) * np.cos(elevation), np.sin(elevation)])
    right = np.cross(-away, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right)
    level = np.stack([right, np.cross(-away, right), -away], axis=-1)  # x right, y down, z forward
    roll = rotation_from_vector(np.array([0.0, 0.0, rng.uniform(-0.5, 0.5)]))
    position = np.array([0.1, -0.2, 0.9]) + rng.uniform(0.6, 1.5) * away
    return Camera(intrinsics, Pose(level @ roll, position), WIDTH, HEIGHT)


def _stack(members):
    poses = [camera.T_world_camera for camera in members]
    pose = Pose(np.stack([p.rotation for p in poses]), np.stack([p.translation for p in poses]))
    return Camera(np.stack([camera.intrinsics for camera in members]), pose, WIDTH, HEIGHT)


def pixels(count=2, points=5):
    """(count, points, 2) pixels inside the image."""
    return arrays((count, points, 2), 0.01, 0.99).map(lambda x: x * [WIDTH, HEIGHT])


def to_torch(value, dtype=torch.float64):
    """The torch twin of an array, a `Pose` or a `Camera`."""
    if isinstance(value, Pose):
        return Pose(to_torch(value.rotation, dtype), to_torch(value.translation, dtype))
    if isinstance(value, Camera):
        pose = to_torch(value.T_world_camera, dtype)
        return Camera(to_torch(value.intrinsics, dtype), pose, value.width, value.height)
    return torch.as_tensor(value, dtype=dtype)


def assert_same(numpy_value, torch_value, tolerance=1e-9):
    """NumPy and torch gave the same shapes and numbers."""
    assert tuple(numpy_value.shape) == tuple(torch_value.shape)
    np.testing.assert_allclose(np.asarray(numpy_value), torch_value.numpy(), atol=tolerance, rtol=tolerance)
