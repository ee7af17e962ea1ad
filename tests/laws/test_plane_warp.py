"""A picture of a flat table, seen from elsewhere: the plane's warp is exact, and is the camera's own where nothing moves."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from para.dataset import Augmentation, Orbit, Shift, Turn, collate
from para.geometry import Pose, homography, plane_homography, rotation_from_vector, warp_image, warp_plane
from toy import toy_camera, toy_samples

CAMERA = toy_camera(160, 128)
HEIGHT = 0.05
MIDDLE = np.array([0.0, 0.0, HEIGHT])
angles = st.floats(-0.4, 0.4)


def carried(vector) -> Pose:
    """A turn of the world about the table's middle."""
    turn = rotation_from_vector(np.array(vector))
    return Pose(turn, MIDDLE - turn @ MIDDLE)


def painted(camera, spots):
    """(H, W, 1) float32 picture of a plane with soft spots at (N, 2) [m]."""
    v, u = np.mgrid[: camera.height, : camera.width] + 0.5
    points, seen = camera.unproject_height(np.stack([u, v], -1).reshape(-1, 2), np.full(u.size, HEIGHT))
    squared = ((points[:, None, :2] - spots) ** 2).sum(-1)
    light = 255 * np.exp(-squared / (2 * 0.08**2)).sum(1) * seen
    return light.reshape(camera.height, camera.width, 1).astype(np.float32)


@given(angles, angles, angles, st.floats(0.8, 1.3))
def test_the_picture_of_a_flat_table_is_warped_exactly(x, y, z, zoom):
    spots = np.array([[0.05, -0.1], [-0.12, 0.08]])
    new = CAMERA.move(carried((x, y, z))).zoom(zoom)
    warped = warp_plane(painted(CAMERA, spots), CAMERA, new, HEIGHT)
    expected = painted(new, spots)
    from_old = warp_plane(np.ones((CAMERA.height, CAMERA.width, 1), np.float32), CAMERA, new, HEIGHT).reshape(
        expected.shape[:2]
    )
    inside = from_old > 0.999  # where the old picture shows the table
    assert inside.mean() > 0.3
    assert np.abs(warped.reshape(expected.shape) - expected)[inside].max() < 4.0  # of 255: linear interpolation


@given(angles, angles, st.floats(0.7, 1.4))
def test_for_a_camera_that_stays_it_is_the_exact_warp(x, y, zoom):
    new = CAMERA.rotate(np.array([x, y, 0.1])).zoom(zoom)
    plane, exact = plane_homography(CAMERA, new, HEIGHT), homography(CAMERA, new)
    np.testing.assert_allclose(plane / plane[2, 2], exact / exact[2, 2], atol=1e-6)


def test_what_the_plane_does_not_fill_is_black():
    image = np.full((CAMERA.height, CAMERA.width, 3), 200, np.uint8)
    up = CAMERA.rotate(np.array([0.9, 0.0, 0.0]))  # looks over the horizon
    v, u = np.mgrid[: up.height, : up.width] + 0.5
    _, seen = up.unproject_height(np.stack([u, v], -1).reshape(-1, 2), np.full(u.size, HEIGHT))
    warped = warp_plane(image, CAMERA, up, HEIGHT)
    assert not seen.all()
    assert (warped.reshape(-1, 3)[~seen] == 0).all()


@given(st.integers(0, 10_000))
def test_a_carried_camera_still_looks_at_the_point_from_the_same_distance(seed):
    orbit = Orbit(tuple(MIDDLE), largest=25.0, share=1.0, lowest=20.0)
    new = orbit(CAMERA, np.random.default_rng(seed))
    (before, _), (after, _) = (c.project(MIDDLE[None]) for c in (CAMERA, new))
    np.testing.assert_allclose(before, after, atol=1e-6)
    old, out = (c.T_world_camera.translation - MIDDLE for c in (CAMERA, new))
    assert np.linalg.norm(out) == pytest.approx(np.linalg.norm(old))
    assert np.degrees(np.arccos(np.clip(old @ out / (old @ old), -1, 1))) <= 25.0 + 1e-6
    assert out[2] >= np.sin(np.radians(20.0)) * np.linalg.norm(out) - 1e-9


def test_the_share_that_stays_is_warped_exactly():
    orbit = Orbit(tuple(MIDDLE), share=0.5)
    cameras = [orbit(CAMERA, np.random.default_rng(seed)) for seed in range(400)]
    stay = [c for c in cameras if c is CAMERA]
    assert 160 < len(stay) < 240
    image = np.random.default_rng(0).integers(0, 255, (CAMERA.height, CAMERA.width, 3), dtype=np.uint8)
    turned = CAMERA.rotate(np.array([0.0, 0.1, 0.0]))
    np.testing.assert_array_equal(orbit.warp(image, CAMERA, turned, False), warp_image(image, CAMERA, turned))


def test_a_disc_on_the_table_lies_where_the_batch_says():
    """The red disc of the toy task, seen by carried cameras, then turned and shifted: at the projection of its place."""
    orbit, n = Orbit((0.0, 0.0, 0.02), share=1.0), 24
    augmentation = Augmentation((Turn(3.0, 10.0), Shift(20.0)), orbit=orbit)
    samples = toy_samples(n, 1)
    samples = replace(samples, images=np.stack([drawn(samples, i) for i in range(n)]))
    rngs = [np.random.default_rng(i) for i in range(n)]
    batch = collate(samples, list(range(n)), (160, 128), augmentation, rngs)
    red = batch.inputs.image[:, 0].double() - batch.inputs.image[:, 2].double()
    pixel, _ = batch.inputs.camera.project(batch.targets.positions[:, -1:])
    v, u = np.mgrid[:128, :160] + 0.5
    checked = 0
    for weight, (x, y) in zip(red.clamp(min=0).numpy(), pixel[:, 0].numpy()):
        if not (16 < x < 144 and 16 < y < 112):
            continue
        centre = [(u * weight).sum() / weight.sum(), (v * weight).sum() / weight.sum()]
        assert np.hypot(centre[0] - x, centre[1] - y) < 1.0
        checked += 1
    assert checked > 8


def drawn(samples, i):
    """A picture with a round spot that lies flat on the plane at the moment's target."""
    camera = samples.camera(i)
    v, u = np.mgrid[: camera.height, : camera.width] + 0.5
    points, _ = camera.unproject_height(np.stack([u, v], -1).reshape(-1, 2), np.full(u.size, 0.02))
    squared = ((points[:, :2] - samples.target_positions[i, -1, :2]) ** 2).sum(-1).reshape(u.shape)
    image = np.full((*u.shape, 3), 60, np.uint8)
    image[..., 0] = 60 + 190 * np.exp(-squared / (2 * 0.03**2))
    return image
