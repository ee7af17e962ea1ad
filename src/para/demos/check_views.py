"""What the camera check looks at: patches about the projected end effector, cut to one metric scale.

A patch pixel is the same number of millimetres in every patch, whatever the camera's zoom and distance, so patches of all
episodes can be compared when, and only when, camera and picture belong together.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from para.demos.reader import DemoDataset
from para.geometry import Camera, Pose

CORE = 60
"""Side of the compared patch [patch pixels]."""
MARGIN = 32
"""How far it is searched in each direction [patch pixels]."""
SIDE = CORE + 2 * MARGIN
FRAMES = 24
"""Moments looked at per episode."""


@dataclass(frozen=True)
class StoredPictures:
    """Pictures (n, H, W, 3) uint8 of one episode that `np.asarray` decodes, each time anew: nobody keeps them."""

    dataset: DemoDataset
    episode: int
    camera: str
    frames: np.ndarray
    """(n,) numbers of frames of the episode."""

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(n, H, W, 3)."""
        width, height = self.dataset.image_size(self.camera)
        return len(self.frames), height, width, 3

    def __array__(self, dtype: np.dtype | None = None, copy: bool | None = None) -> np.ndarray:
        return self.dataset.decode(self.episode, self.camera, self.frames).astype(dtype or np.uint8, copy=False)


@dataclass(frozen=True)
class Views:
    """`FRAMES` moments of one episode seen by one camera."""

    images: np.ndarray | StoredPictures
    """(n, H, W, 3) uint8."""
    intrinsics: np.ndarray
    """(n, 4)."""
    T_world_camera: np.ndarray
    """(n, 3, 4)."""
    ee_position: np.ndarray
    """(n, 3) [m], world."""
    ee_rotation: np.ndarray
    """(n, 3, 3) R_world_ee."""
    gripper: np.ndarray
    """(n,) opening."""

    @property
    def cameras(self) -> Camera:
        """A batch of n cameras."""
        height, width = self.images.shape[1:3]
        return Camera(self.intrinsics, Pose.from_matrix(self.T_world_camera), width, height)

    def project(self) -> tuple[np.ndarray, np.ndarray]:
        """Pixels (n, 2) and depths (n,) of the end effector."""
        pixels, depth = self.cameras.project(self.ee_position[:, None])
        return pixels[:, 0], depth[:, 0]

    def flipped(self, horizontally: bool, vertically: bool) -> Views:
        """The same moments with every picture flipped and the cameras left as they are."""
        images = np.asarray(self.images)[:, :: -1 if vertically else 1, :: -1 if horizontally else 1]
        return replace(self, images=np.ascontiguousarray(images))

    def in_memory(self) -> Views:
        """The same with its pictures decoded: 22 MB at 640 x 480, to be held no longer than they are looked at."""
        return replace(self, images=np.asarray(self.images))


def read_views(dataset: DemoDataset, episode: int, camera: str) -> Views:
    """Evenly spread moments of one episode, whose pictures are decoded when they are needed."""
    columns = dataset.columns(episode, camera)
    frames = np.linspace(0, len(columns) - 1, FRAMES).round().astype(int)
    return Views(
        images=StoredPictures(dataset, episode, camera, frames),
        intrinsics=columns.intrinsics[frames],
        T_world_camera=columns.T_world_camera[frames],
        ee_position=columns.ee_position[frames],
        ee_rotation=Pose.from_quaternion(columns.ee_quaternion, columns.ee_position).rotation[frames],
        gripper=columns.gripper[frames],
    )


@dataclass(frozen=True)
class Patches:
    """The patches of one episode."""

    gray: np.ndarray
    """(n, SIDE, SIDE) float32; the compared core lies in the middle."""
    moved: np.ndarray
    """(n, SIDE, SIDE) float32: how much each pixel differs from the episode's median picture; zero for moving cameras."""
    place: np.ndarray
    """(n, 2) where the end effector lies in the image, as (x / z, y / z) in the camera."""
    step: np.ndarray
    """(n,) x / z per patch pixel."""
    turn: np.ndarray
    """(n, 2, 2) rotation from the patch's axes to the image's."""
    usable: np.ndarray
    """(n,) bool: in front of the camera, and most of the core inside the image."""
    context: np.ndarray
    """(n, 16) what the look of a patch depends on, scaled so that 1 is a clear change."""

    @property
    def core(self) -> np.ndarray:
        """(n, CORE, CORE) of `gray`."""
        return self.gray[:, MARGIN:-MARGIN, MARGIN:-MARGIN]

    @property
    def moved_core(self) -> np.ndarray:
        """(n, CORE, CORE) of `moved`."""
        return self.moved[:, MARGIN:-MARGIN, MARGIN:-MARGIN]


def metres_per_pixel(views: list[Views]) -> float:
    """The set's patch pixel [m]: about the typical image pixel at 256 px width, at the end effector's distance."""
    sizes = []
    for view in views:
        _, depth = view.project()
        focal = np.abs(view.intrinsics[:, 0]) * 256 / view.images.shape[2]
        sizes.append(np.median(np.maximum(depth, 1e-3) / focal))
    return float(np.median(sizes)) * 1.15


def common_right(views: list[Views]) -> np.ndarray:
    """(3,) the direction in the world that points right in the pictures of the set, on the whole."""
    mean = np.mean([view.T_world_camera[:, :, 0].mean(0) for view in views], axis=0)
    return mean / max(float(np.linalg.norm(mean)), 1e-9)


def median(stack: np.ndarray) -> np.ndarray:
    """(n, ...) -> (...) as NumPy's, several times as fast for few pictures of many pixels."""
    ordered = np.sort(stack, axis=0)
    return (ordered[(len(stack) - 1) // 2] + ordered[len(stack) // 2]) / 2


def cut_patches(views: Views, metres: float, right: np.ndarray) -> Patches:
    """Patches with `metres` per pixel, turned so that the world's direction `right` (3,) runs along their rows."""
    pixels, depth = views.project()
    height, width = views.images.shape[1:3]
    focal = np.abs(views.intrinsics[:, :2])
    safe = np.maximum(depth, 1e-3)
    step = metres / safe
    turn = _turns(views, right)
    gray, moved = np.zeros((2, len(pixels), SIDE, SIDE), np.float32)
    pictures = np.stack([cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) for image in np.asarray(views.images)])
    pictures = pictures.astype(np.float32)
    still = np.ptp(views.T_world_camera, axis=0).max() < 1e-3
    change = np.clip(np.abs(pictures - median(pictures)) - 6, 0, 40) if still else np.zeros_like(pictures)
    inside = np.zeros(len(pixels))
    for i, picture in enumerate(pictures):
        zoom = step[i] * focal[i]  # image pixels per patch pixel
        axes = zoom[:, None] * turn[i]
        matrix = np.column_stack([axes, pixels[i] - 0.5 - axes.sum(1) * (SIDE - 1) / 2])
        if not np.isfinite(matrix).all() or np.abs(matrix).max() > 1e5:
            continue
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        gray[i] = cv2.warpAffine(picture, matrix, (SIDE, SIDE), flags=flags, borderMode=cv2.BORDER_REPLICATE)
        moved[i] = cv2.warpAffine(change[i], matrix, (SIDE, SIDE), flags=flags, borderMode=cv2.BORDER_REPLICATE)
        low = np.clip(pixels[i] - zoom * CORE / 2, 0, [width, height])
        high = np.clip(pixels[i] + zoom * CORE / 2, 0, [width, height])
        inside[i] = np.prod((high - low) / (zoom * CORE))
    towards = views.T_world_camera[:, :, 2]
    posture = views.ee_rotation.reshape(-1, 9)
    context = np.column_stack([views.ee_position / 0.1, views.gripper / 0.5, posture / 0.3, towards / 0.2])
    # From pixels, with the intrinsics' signs: a camera with fx < 0 (a mirrored image) needs nothing special.
    place = (pixels - views.intrinsics[:, 2:]) / focal
    return Patches(gray, moved, place, step, turn, (depth > 0.05) & (inside > 0.7), context)


def _turns(views: Views, right: np.ndarray) -> np.ndarray:
    """(n, 2, 2) patch axes in the image; the image's own where the camera looks along `right`."""
    rotation = views.T_world_camera[:, :, :3]
    x, y = rotation[:, :, 0] @ right * np.sign(views.intrinsics[:, 0]), rotation[:, :, 1] @ right
    length = np.hypot(x, y)
    clear = length > 0.3
    x, y = np.where(clear, x / np.maximum(length, 1e-9), 1.0), np.where(clear, y / np.maximum(length, 1e-9), 0.0)
    return np.stack([np.stack([x, -y], -1), np.stack([y, x], -1)], -2)
