"""A picture of a flat table, seen from elsewhere: the plane's warp is exact, and is the camera's own where nothing moves."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from para.dataset import Augmentation, Orbit, Shift, Turn, collate
from para.dataset.layers import hand_mask, without_hand
from para.geometry import Pose, homography, plane_homography, rotation_from_vector, warp_card, warp_image, warp_plane
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


@given(angles, angles, angles, st.floats(0.8, 1.3))
def test_a_card_moves_with_its_point_and_is_as_large_as_it_is_near(x, y, z, zoom):
    """A spot at the point lies where the new camera sees the point; its size goes with focal length over depth."""
    point = np.array([0.03, -0.05, 0.1])
    new = CAMERA.move(carried((x, y, z))).zoom(zoom)
    v, u = np.mgrid[: CAMERA.height, : CAMERA.width] + 0.5
    (old_pixel, old_depth), (new_pixel, new_depth) = (c.project(point[None]) for c in (CAMERA, new))
    image = 255 * np.exp(-((u - old_pixel[0, 0]) ** 2 + (v - old_pixel[0, 1]) ** 2) / (2 * 3.0**2))
    warped = warp_card(image[..., None].astype(np.float32), CAMERA, new, point).reshape(new.height, new.width)
    if not (16 < new_pixel[0, 0] < new.width - 16 and 16 < new_pixel[0, 1] < new.height - 16):
        return
    weight = warped / warped.sum()
    centre = np.array([(u * weight).sum(), (v * weight).sum()])
    np.testing.assert_allclose(centre, new_pixel[0], atol=0.1)
    spread = np.sqrt([((u - centre[0]) ** 2 * weight).sum(), ((v - centre[1]) ** 2 * weight).sum()])
    focal = new.intrinsics[:2] / CAMERA.intrinsics[:2]
    np.testing.assert_allclose(spread, 3.0 * focal * old_depth[0] / new_depth[0], rtol=0.06)


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
    np.testing.assert_array_equal(orbit.warp(image, CAMERA, turned, None), warp_image(image, CAMERA, turned))


@pytest.mark.parametrize("cut_out", [False, True])
def test_a_disc_on_the_table_lies_where_the_batch_says(cut_out):
    """The red disc of the toy task, seen by carried cameras, then turned and shifted: at the projection of its place."""
    orbit, n = Orbit((0.0, 0.0, 0.02), share=1.0, cut_out=cut_out), 24
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


def with_hands(n):
    """Moments of one camera, each with a blue disc that faces it for a hand, about an end effector high above the table."""
    samples = toy_samples(n, 1)
    places = samples.ee_position + np.array([0.0, 0.0, 0.1], np.float32)
    images, masks = np.full_like(samples.images, 60), []
    v, u = np.mgrid[: images.shape[1], : images.shape[2]] + 0.5
    for image, i in zip(images, range(n)):
        camera, hand = samples.camera(i), places[i].astype(float)
        towards = camera.T_world_camera.translation - hand
        across = np.cross([0.0, 0.0, 1.0], towards) / np.hypot(*towards[:2])
        (middle, end), _ = camera.project(np.array([hand, hand + 0.06 * across]))
        mask = np.hypot(u - middle[0], v - middle[1]) <= np.hypot(*(end - middle))
        image[mask] = (60, 60, 220)
        masks.append(mask)
    return replace(samples, images=images, ee_position=places), masks


def test_the_hand_is_found_where_the_robot_says_it_is_and_nowhere_else():
    samples, masks = with_hands(14)
    above = [samples.camera(i).project(samples.ee_position[i][None] + [[0.0, 0.0, 0.1]])[0][0] for i in range(14)]
    shown = [i for i, (u, v) in enumerate(above) if 0 < u < 80 and 0 < v < 64]  # not cut off by the picture's edge
    assert len(shown) > 6
    for i in shown:
        mask, scene, image = masks[i], samples.scene(i), samples.images[i].copy()
        far = samples.camera(i).project(scene.hand[None] + [[0.0, 0.3 if scene.hand[1] < 0 else -0.3, 0.0]])[0][0]
        image[int(far[1]) - 2 : int(far[1]) + 3, int(far[0]) - 2 : int(far[0]) + 3] = 255  # another thing, elsewhere
        found = hand_mask(image, scene.still(), samples.camera(i), scene.hand)
        edge = cv2.dilate(mask.astype(np.uint8), np.ones((7, 7), np.uint8)).astype(bool)
        assert (found & mask).sum() > 0.9 * mask.sum() and not (found & ~edge).any()


def test_a_hand_that_is_cut_out_is_where_the_carried_camera_sees_it():
    samples, _ = with_hands(24)
    flat, apart = (Orbit((0.0, 0.0, 0.0), share=1.0, cut_out=c) for c in (False, True))
    off = {}
    for orbit in (flat, apart):
        rngs = [np.random.default_rng(i) for i in range(24)]
        inputs = collate(samples, list(range(24)), (80, 64), Augmentation((), orbit=orbit), rngs).inputs
        pixels, _ = inputs.camera.project(inputs.T_world_ee.translation[:, None])
        blue = (inputs.image[:, 2].double() - inputs.image[:, 0].double()).clamp(min=0).numpy()
        v, u = np.mgrid[:64, :80] + 0.5
        off[orbit.cut_out] = [
            np.hypot((u * b).sum() / b.sum() - x, (v * b).sum() / b.sum() - y)
            for b, (x, y) in zip(blue, pixels[:, 0].numpy())
            if b.sum() > 0 and 10 < x < 70 and 10 < y < 54
        ]
    assert len(off[True]) > 6
    assert np.median(off[True]) < 0.7 < 2.0 < np.median(off[False])


def test_what_stands_still_is_seen_where_the_hand_is_elsewhere():
    """Of a pixel that some pictures show free of the hand those count; where none does, the other picture."""
    room, hand = np.full((4, 4, 3), 9, np.uint8), np.zeros((3, 4, 4), bool)
    images = np.full((3, 4, 4, 3), 50, np.uint8)
    hand[:2, 1, 1] = hand[:, 2, 2] = True
    images[hand] = 200
    found = without_hand(images, hand, room)
    assert (found[1, 1] == 50).all() and (found[2, 2] == 9).all()
    assert (np.delete(found.reshape(16, 3), 10, 0) == 50).all()


def test_a_bowl_that_was_carried_off_is_not_still_there_nor_is_it_before():
    """Two stretches of one demonstration, hand open and holding: each has its own still picture."""
    samples = toy_samples(8, 1)
    samples = replace(
        samples,
        images=np.stack([np.full_like(samples.images[0], 40 if i < 4 else 90) for i in range(8)]),
        gripper=np.array([1.0] * 4 + [0.0] * 4, np.float32),
        episode=np.zeros(8, int),
        ee_position=np.full((8, 3), [0.0, 0.0, 5.0], np.float32),  # the hand is not in the picture
    )
    assert (samples.scene(1).still() == 40).all() and (samples.scene(6).still() == 90).all()


def drawn(samples, i):
    """A picture with a round spot that lies flat on the plane at the moment's target."""
    camera = samples.camera(i)
    v, u = np.mgrid[: camera.height, : camera.width] + 0.5
    points, _ = camera.unproject_height(np.stack([u, v], -1).reshape(-1, 2), np.full(u.size, 0.02))
    squared = ((points[:, :2] - samples.target_positions[i, -1, :2]) ** 2).sum(-1).reshape(u.shape)
    image = np.full((*u.shape, 3), 60, np.uint8)
    image[..., 0] = 60 + 190 * np.exp(-squared / (2 * 0.03**2))
    return image
