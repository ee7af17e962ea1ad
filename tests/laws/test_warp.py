"""A warped image is the one that the new camera would have taken."""

import cv2
import numpy as np
import pytest
import torch
from hypothesis import assume, given

from laws.strategies import HEIGHT, WIDTH, arrays, cameras, numbers, seeds, to_torch
from laws.test_camera import CHANGES, changed
from para.geometry import Camera, Pose, homography, warp_image


def paint(camera: Camera, directions: np.ndarray, width: float) -> np.ndarray:
    """(H, W, 3) float32 picture of soft lights infinitely far away in world `directions` (3, 3), one for each channel.

    Far lights make the picture depend on the camera's turn alone, so cameras with one centre see exact warps.
    """
    v, u = np.mgrid[: camera.height, : camera.width] + 0.5
    rays = camera.rays(np.stack([u, v], axis=-1).reshape(-1, 2))
    rays = rays / np.linalg.norm(rays, axis=-1, keepdims=True)
    angle2 = np.sum((rays[:, None] - directions) ** 2, axis=-1)
    return (255 * np.exp(-angle2 / (2 * width**2))).reshape(camera.height, camera.width, 3).astype(np.float32)


def lights(camera: Camera, rng: np.random.Generator, margin: float = 0.3) -> np.ndarray:
    """Three unit directions (3, 3) towards pixels in the image's middle."""
    pixels = rng.uniform([WIDTH * margin, HEIGHT * margin], [WIDTH * (1 - margin), HEIGHT * (1 - margin)], (3, 2))
    rays = camera.rays(pixels)
    return rays / np.linalg.norm(rays, axis=-1, keepdims=True)


def interior(camera: Camera, new: Camera) -> np.ndarray:
    """(H, W) pixels of the new image whose four sources all lie in the old one."""
    v, u = np.mgrid[: new.height, : new.width] + 0.5
    old = np.stack([u, v, np.ones_like(u)], axis=-1) @ homography(camera, new).T
    front = old[..., 2] > 0
    old = old[..., :2] / np.where(front, old[..., 2], 1)[..., None]
    return front & (old >= 1).all(axis=-1) & (old[..., 0] < camera.width - 1) & (old[..., 1] < camera.height - 1)


def centroid(channel: np.ndarray) -> np.ndarray:
    """(u, v) centre of mass in our pixels."""
    v, u = np.mgrid[: channel.shape[0], : channel.shape[1]] + 0.5
    return np.array([(u * channel).sum(), (v * channel).sum()]) / channel.sum()


@pytest.mark.parametrize("change", CHANGES)
@given(camera=cameras(count=1), rng=seeds(), x=numbers(-0.6, 0.6), y=numbers(-0.6, 0.6))
def test_the_warp_is_what_the_new_camera_sees(change, camera, rng, x, y):
    camera = camera[0]
    new = changed(camera, change, x, y)
    directions = lights(camera, rng)
    inside = interior(camera, new)
    assume(inside.mean() > 0.2)
    warped = warp_image(paint(camera, directions, width=0.12), camera, new)
    assert warped.shape == (new.height, new.width, 3)
    assert np.abs(warped - paint(new, directions, width=0.12))[inside].max() < 2.5  # of 255: linear interpolation


@pytest.mark.parametrize("change", CHANGES)
@given(camera=cameras(count=1), rng=seeds(), x=numbers(-0.5, 0.5), y=numbers(-0.5, 0.5))
def test_a_blob_moves_exactly_with_the_camera(change, camera, rng, x, y):
    """Half-pixel errors cannot hide: the centroid is right to 0.05 px in NumPy and in torch."""
    camera = camera[0]
    new = changed(camera, change, x, y)
    directions = lights(camera, rng)
    expected = paint(new, directions, width=0.035)
    image = paint(camera, directions, width=0.035)
    warped = warp_image(image, camera, new)
    tensor = torch.from_numpy(image).permute(2, 0, 1)[None]
    batch = Camera(camera.intrinsics[None], camera.T_world_camera[None], camera.width, camera.height)
    new_batch = Camera(new.intrinsics[None], new.T_world_camera[None], new.width, new.height)
    torch_warped = warp_image(tensor, to_torch(batch), to_torch(new_batch))[0].permute(1, 2, 0).numpy()
    checked = 0
    outline = np.ones((new.height, new.width), bool)
    outline[1:-1, 1:-1] = ~interior(camera, new)[1:-1, 1:-1]
    for i in range(3):
        if expected[..., i][outline].max() > 0.05 or expected[..., i].max() < 200:
            continue  # cut off by a border of the old or the new image
        checked += 1
        for picture in (warped, torch_warped):
            np.testing.assert_allclose(centroid(picture[..., i]), centroid(expected[..., i]), atol=0.05)
    assume(checked)


@pytest.mark.parametrize("change", CHANGES)
@given(camera=cameras(), rng=seeds(), x=numbers(-0.6, 0.6), y=numbers(-0.6, 0.6))
def test_numpy_equals_torch(change, camera, rng, x, y):
    """On smooth images, with two different cameras in one batch, at every pixel (borders included)."""
    new = changed(camera, change, x, y)
    images = [paint(camera[i], lights(camera[i], rng), width=0.2) for i in range(2)]
    tensor = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2)
    ours = warp_image(tensor, to_torch(camera), to_torch(new), fill=30).permute(0, 2, 3, 1).numpy()
    for i in range(2):
        theirs = warp_image(images[i], camera[i], new[i], fill=30)
        difference, inside = np.abs(ours[i] - theirs), interior(camera[i], new[i])
        assert difference[inside].max(initial=0) < 0.5, difference[inside].max()
        assert difference.max() < 8, difference.max()  # OpenCV places pixels to 1/32 px, which shows at the fill's edge


def test_uint8_stays_uint8_and_close_to_float():
    camera = _home()
    image = paint(camera, lights(camera, np.random.default_rng(0)), width=0.15)
    new = camera.rotate(np.array([0.1, -0.05, 0.2])).zoom(1.2)
    rounded = warp_image(np.rint(image).astype(np.uint8), camera, new)
    assert rounded.dtype == np.uint8
    assert np.abs(rounded.astype(float) - warp_image(image, camera, new)).max() < 2


def _home() -> Camera:
    tilt = np.array([[0.0, -0.6, -0.8], [1, 0, 0], [0, -0.8, 0.6]])
    return Camera(np.array([100.0, 120, 50, 30]), Pose(tilt, np.array([0.6, 0, 1.5])), WIDTH, HEIGHT)


@given(seeds())
def test_whole_pixels_are_copied(rng):
    """A crop at whole pixels is a slice and a flip is a reversal, bit for bit; nothing is blurred."""
    camera, image = _home(), rng.integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    np.testing.assert_array_equal(warp_image(image, camera, camera), image)
    np.testing.assert_array_equal(warp_image(image, camera, camera.crop(7, 5, 40, 30)), image[5:35, 7:47])
    np.testing.assert_array_equal(warp_image(image, camera, camera.flip_horizontal()), image[:, ::-1])
    padded = warp_image(image, camera, camera.crop(-3, -2, 40, 30), fill=9)
    np.testing.assert_array_equal(padded[2:, 3:], image[:28, :37])
    assert (padded[:2] == 9).all() and (padded[:, :3] == 9).all()


def test_opencv_resize_has_our_resized_camera():
    """cv2.resize keeps the image's borders, as Camera.resize does; a blob stays on its projection."""
    camera = _home()
    directions = lights(camera, np.random.default_rng(3))
    big = camera.resize(4 * WIDTH, 4 * HEIGHT)
    small = cv2.resize(paint(big, directions, width=0.05), (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
    expected = paint(camera, directions, width=0.05)
    for i in range(3):
        np.testing.assert_allclose(centroid(small[..., i]), centroid(expected[..., i]), atol=0.02)


@pytest.mark.parametrize("fill", [0, 77])
def test_nothing_shows_from_behind(fill):
    """A camera turned round sees none of the old image, not its mirror image."""
    camera, image = _home(), np.full((HEIGHT, WIDTH, 3), 200, np.uint8)
    new = camera.rotate(np.array([0.0, np.pi, 0.0]))
    assert (warp_image(image, camera, new, fill=fill) == fill).all()
    tensor = torch.from_numpy(image).permute(2, 0, 1)[None].float()
    assert (warp_image(tensor, to_torch(camera), to_torch(new), fill=fill) == fill).all()


@given(cameras(), arrays((2, 3), -0.3, 0.3), arrays((2, 3), -0.3, 0.3))
def test_warps_compose(camera, first, second):
    """H(a to c) = H(a to b) H(b to c)."""
    b = camera.rotate(first).zoom(1.3)
    c = b.crop(3, 4, 70, 50).rotate(second)
    np.testing.assert_allclose(homography(camera, c), homography(camera, b) @ homography(b, c), atol=1e-9)
