"""A toy task for fast tests: a red disc lies on a table, and the demonstrator goes to it. Real geometry, drawn pictures."""

from __future__ import annotations

import numpy as np

from para.dataset import SampleTable
from para.drawing import draw_point
from para.geometry import Camera, Pose
from para.types import Box

WORKSPACE = Box((-0.5, -0.5, 0.0), (0.5, 0.5, 0.4))


def toy_camera(width: int = 80, height: int = 64, azimuth: float = 0.0) -> Camera:
    """Looks down at 45 degrees from 1.1 m away; fx != fy, off-centre principal point."""
    c, s = np.cos(azimuth), np.sin(azimuth)
    turn = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1.0]])
    h = np.sqrt(0.5)
    axes = np.array([[0, -h, -h], [1, 0, 0], [0, -h, -h * 1.0]])
    axes[:, 0], axes[:, 1], axes[:, 2] = (0, 1, 0), (h, 0, -h), (-h, 0, -h)
    pose = Pose(turn @ axes, turn @ np.array([0.8, 0.0, 0.8]))
    return Camera(np.array([1.1 * width, 1.2 * width, width * 0.48, height * 0.52]), pose, width, height)


def toy_samples(count: int = 48, horizon: int = 3, seed: int = 0, region=(-0.25, 0.25)) -> SampleTable:
    """Moments on the way from a random start to a random disc; closed gripper once there."""
    rng = np.random.default_rng(seed)
    camera = toy_camera()
    disc = np.stack([rng.uniform(-0.2, 0.2, count), rng.uniform(*region, count), np.full(count, 0.02)], 1)
    start = np.stack([rng.uniform(-0.2, 0.2, count), rng.uniform(*region, count), rng.uniform(0.1, 0.3, count)], 1)
    images = np.full((count, camera.height, camera.width, 3), 60, np.uint8)
    for image, d, s in zip(images, disc, start):
        pixels, _ = camera.project(np.stack([d, s]))
        draw_point(image, pixels[0], (230, 40, 40), 5)
        draw_point(image, pixels[1], (240, 240, 240), 2.5)
    share = np.linspace(0, 1, horizon + 1)[1:][None, :, None]
    targets = start[:, None] + share * (disc - start)[:, None]
    eye = np.broadcast_to(np.diag([1.0, -1, -1]), (count, 3, 3)).astype(np.float32)
    return SampleTable(
        images=images,
        intrinsics=np.repeat(camera.intrinsics[None], count, 0).astype(np.float32),
        T_world_camera=np.repeat(camera.T_world_camera.matrix()[None], count, 0).astype(np.float32),
        ee_position=start.astype(np.float32),
        ee_rotation=eye,
        gripper=np.ones(count, np.float32),
        target_positions=targets.astype(np.float32),
        target_rotations=np.repeat(eye[:, None], horizon, 1),
        target_gripper=np.repeat((np.arange(horizon) < horizon - 1).astype(np.float32)[None], count, 0),
        target_valid=np.ones((count, horizon), bool),
        grip_position=targets[:, -1].astype(np.float32),
        grip_rotation=eye,
        episode=np.arange(count) // 4,
    )
