"""Drawn demonstrations: a textured table and a textured gripper, seen by an exactly known pinhole camera."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from para.demos import CameraSize, DemoMeta
from para.geometry import Camera, Pose
from para.types import CONTROL_HZ, Box, Episode, RecordedCamera

WORKSPACE = Box((-0.2, -0.3, 0.0), (0.2, 0.3, 0.3))


def look_at(eye: np.ndarray, target: np.ndarray, width: int, height: int, focal: float) -> Camera:
    """A camera at `eye` whose optical axis meets `target`, upright."""
    z = (target - eye) / np.linalg.norm(target - eye)
    x = np.cross(z, [0.0, 0.0, 1.0])
    x /= np.linalg.norm(x)
    rotation = np.stack([x, np.cross(z, x), z], axis=-1)
    intrinsics = np.array([focal, 1.02 * focal, width / 2 + 3.0, height / 2 - 2.0])
    return Camera(intrinsics, Pose(rotation, np.asarray(eye, float)), width, height)


def default_camera(width: int = 160, height: int = 128) -> Camera:
    """In front of the table, 0.9 m high."""
    return look_at(np.array([1.0, 0.05, 0.9]), np.array([0.0, 0.0, 0.05]), width, height, 1.25 * width)


def meta_for(camera: Camera, names: tuple[str, ...] = ("front",)) -> DemoMeta:
    """The facts that the drawn sets share."""
    base = Pose(np.eye(3), np.array([-0.6, 0.0, 0.0]))
    sizes = tuple(CameraSize(name, camera.width, camera.height) for name in names)
    return DemoMeta(sizes, "drawn/grip_site", base, WORKSPACE, "drawn")


def trajectory(seed: int, frames: int) -> np.ndarray:
    """(F, 3) a smooth way through the workspace: down to a random point, up and across."""
    rng = np.random.default_rng(seed)
    low, high = np.array([-0.15, -0.25, 0.03]), np.array([0.15, 0.25, 0.2])
    knots = rng.uniform(low, high, (4, 3))
    knots[0] = [0.0, 0.0, 0.25] + rng.normal(0, 0.01, 3)
    knots[1, 2], knots[3, 2] = 0.03, 0.05
    s = np.linspace(0, 3, frames)
    i = np.minimum(s.astype(int), 2)
    blend = (s - i) ** 2 * (3 - 2 * (s - i))
    return knots[i] + blend[:, None] * (knots[i + 1] - knots[i])


def make_episode(
    seed: int, frames: int = 60, camera: Camera | None = None, names: tuple[str, ...] = ("front",), objects: int = 4
) -> Episode:
    """One drawn demonstration; `camera` is both the camera that drew it and the camera that is recorded."""
    camera = camera or default_camera()
    position = trajectory(seed, frames)
    rng = np.random.default_rng(seed + 1000)
    table = draw_table(camera, _scene(rng, objects))
    images = np.stack([draw(camera, table, p) for p in position])
    recorded = tuple(
        RecordedCamera(
            name,
            images,
            np.tile(camera.intrinsics, (frames, 1)),
            np.tile(camera.T_world_camera.matrix(), (frames, 1, 1)),
        )
        for name in names
    )
    quaternion = np.tile([0.0, 1.0, 0.0, 0.0], (frames, 1))
    gripper = (np.arange(frames) < frames // 3).astype(float)
    return Episode(
        time=np.arange(frames) / CONTROL_HZ,
        ee_position=position,
        ee_quaternion=quaternion,
        gripper=0.9 * gripper,
        command_position=np.concatenate([position[1:], position[-1:]]),
        command_quaternion=quaternion,
        command_gripper=gripper,
        cameras=recorded,
        instruction="draw the blob",
        notes={"seed": seed, "layout": {"blob": position[0].tolist()}},
    )


def at_rate(episode: Episode, fps: int) -> Episode:
    """The same frames, taken to be `fps` a second."""
    return replace(episode, time=np.arange(len(episode)) / fps)


def degrade(images: np.ndarray, seed: int) -> np.ndarray:
    """(F, H, W, 3) uint8 as a cheap camera and its driver leave it: out of focus, noisy, JPEG of low quality."""
    rng, found = np.random.default_rng(seed), []
    for image in images:
        noisy = cv2.GaussianBlur(image, (0, 0), 1.0) + rng.normal(0, 10, image.shape)
        coded = cv2.imencode(".jpg", np.clip(noisy, 0, 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 30])[1]
        found.append(cv2.imdecode(coded, cv2.IMREAD_COLOR))
    return np.stack(found)


def _texture(seed: int, side: int, blur: float) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(0, 1, (side, side, 3)).astype(np.float32)
    noise = cv2.GaussianBlur(noise, (0, 0), blur)
    return np.clip(128 + 55 * noise / noise.std(), 0, 255).astype(np.uint8)


_TABLE = _texture(1, 256, 4.0)
_OBJECT = _texture(3, 32, 2.0)


def _scene(rng: np.random.Generator, objects: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Flat squares lying about: (centre, colour)."""
    places = rng.uniform([-0.2, -0.3], [0.2, 0.3], (objects, 2))
    return [(np.array([x, y, 0.001]), rng.uniform(30, 225, 3)) for x, y in places]


def draw_table(camera: Camera, scene: list[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """(H, W, 3) uint8: the table and what lies on it."""
    image = np.full((camera.height, camera.width, 3), 60, np.uint8)
    _quad(image, camera, np.array([0.0, 0.0, 0.0]), [0.6, 0, 0], [0, 0.6, 0], _TABLE)
    for centre, colour in scene:
        texture = np.clip(_OBJECT * (colour / 128), 0, 255).astype(np.uint8)
        _quad(image, camera, centre, [0.04, 0, 0], [0, 0.04, 0], texture)
    return image


def draw(camera: Camera, background: np.ndarray, ee: np.ndarray) -> np.ndarray:
    """(H, W, 3) uint8: a gripper of two fingers and a palm above `ee`, before `background`."""
    image = background.copy()
    finger, palm = (0.01, 0.01, 0.04), (0.04, 0.09, 0.035)
    boxes = [((0, -0.04, 0.03), finger), ((0, 0.04, 0.03), finger), ((0, 0, 0.1), palm)]
    eye = camera.T_world_camera.translation
    for offset, half in boxes:
        centre = ee + np.array(offset)
        for axis in range(3):
            side = 1.0 if eye[axis] > centre[axis] else -1.0
            normal, a, b = np.roll(np.diag(half), -axis, axis=0)
            shade = np.array([[200, 190, 180], [120, 130, 150], [230, 230, 235]][axis], np.uint8)
            _quad(image, camera, centre + side * normal, a, b, np.broadcast_to(shade, (4, 4, 3)).copy())
    return image


def _quad(image: np.ndarray, camera: Camera, centre: np.ndarray, a, b, texture: np.ndarray) -> None:
    """Draw the textured parallelogram centre +- a +- b over the image."""
    a, b = np.asarray(a, float), np.asarray(b, float)
    corners = np.stack([centre - a - b, centre + a - b, centre + a + b, centre - a + b])
    pixels, depth = camera.project(corners)
    if (depth <= 0.05).any():
        return
    h, w = texture.shape[:2]
    source = np.array([[0, 0], [w, 0], [w, h], [0, h]], np.float32) - 0.5
    matrix = cv2.getPerspectiveTransform(source, (pixels - 0.5).astype(np.float32))
    corner = np.clip(np.floor(pixels.min(0)) - 1, 0, [camera.width, camera.height]).astype(int)
    size = np.clip(np.ceil(pixels.max(0)) + 1, 0, [camera.width, camera.height]).astype(int) - corner
    if (size <= 0).any():
        return
    matrix = np.array([[1, 0, -corner[0]], [0, 1, -corner[1]], [0, 0, 1]]) @ matrix
    size = tuple(size.tolist())
    mask = np.zeros(size[::-1], np.uint8)
    fixed = np.round((pixels - 0.5 - corner) * 16).astype(np.int32)
    cv2.fillConvexPoly(mask, fixed, 255, cv2.LINE_AA, shift=4)
    warped = cv2.warpPerspective(texture, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    alpha = mask[..., None].astype(np.float32) / 255
    part = image[corner[1] : corner[1] + size[1], corner[0] : corner[0] + size[0]]
    part[:] = alpha * warped + (1 - alpha) * part


def edit_info(root: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Let `change` edit the description of the set at `root`."""
    path = root / "meta/info.json"
    info = json.loads(path.read_text())
    change(info)
    path.write_text(json.dumps(info))
