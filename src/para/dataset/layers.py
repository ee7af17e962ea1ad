"""A picture taken apart into the hand and the scene behind it, so that a camera can be carried around both.

A demonstration's camera stands still, so the median of its pictures shows the scene without what moves. What differs from
that about the end effector is the hand, with what it holds and the arm above it. On the table it would lie flat, far behind
where it is; so it is moved as a card at the end effector, whose place the robot tells.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from para.geometry import Camera, Reflection, warp_card, warp_plane

DIFFERENT = 18
"""A pixel differs from the still picture when one of its channels does by more than this, of 255."""
BESIDE, BELOW, ABOVE = 0.16, 0.07, 0.45
"""Where the hand, what it holds and the arm can be in the picture: so far about the vertical through the end effector [m]."""
SEED = (0.06, 0.03)
"""What is so high above the end effector, and so far about there, belongs to the hand [m]."""


@dataclass(frozen=True)
class Scene:
    """What a demonstration knows of one of its pictures."""

    hand: np.ndarray
    """(3,) the end effector [m], world."""
    holding: bool
    """The hand holds something, or is open."""
    still: Callable[[], np.ndarray]
    """(H, W, 3) uint8: the same camera's picture without what moves."""

    def mirrored(self, mirror: Reflection) -> Scene:
        """Of the mirrored picture, see `Reflection.camera`."""
        return Scene(mirror.points(self.hand), self.holding, lambda: np.ascontiguousarray(self.still()[:, ::-1]))


def still_picture(images: Sequence[np.ndarray]) -> np.ndarray:
    """(H, W, 3) uint8 median of pictures by one camera."""
    return np.median(np.stack(images), 0).astype(np.uint8)


def without_hand(images: Sequence[np.ndarray], hidden: Sequence[np.ndarray], otherwise: np.ndarray) -> np.ndarray:
    """(H, W, 3) uint8 median of each pixel over those of the pictures whose `hidden` (H, W) bool does not have it, and as in
    `otherwise` where every one's does."""
    stack, covered = np.stack(images), np.stack(hidden)
    median, sometimes, always = np.median(stack, 0), covered.any(0), covered.all(0)
    seen = np.where(covered[:, sometimes, None], np.nan, stack[:, sometimes].astype(np.float32))  # (n, pixels, 3)
    seen[0, always[sometimes]] = otherwise[always]
    median[sometimes] = np.nanmedian(seen, 0)
    return median.astype(np.uint8)


def about_hand(camera: Camera, hand: np.ndarray, low: float, high: float, beside: float) -> np.ndarray:
    """(H, W) bool: an upright rectangle that faces the camera, from `low` to `high` above the end effector at `hand` (3,) and
    as far as `beside` from its vertical [m]."""
    import cv2

    towards = camera.T_world_camera.translation - hand
    across = np.array([-towards[1], towards[0], 0.0])
    across /= max(np.linalg.norm(across), 1e-9)
    corners = [(-beside, low), (beside, low), (beside, high), (-beside, high)]
    pixels, depth = camera.project(np.array([hand + a * across + [0.0, 0.0, b] for a, b in corners]))
    inside = np.zeros((camera.height, camera.width), np.uint8)
    if (depth > 0).all():
        cv2.fillConvexPoly(inside, np.floor(pixels).clip(-9999, 9999).astype(np.int32), 1)
    return inside.astype(bool)


def where_hand_can_be(camera: Camera, hand: np.ndarray) -> np.ndarray:
    """(H, W) bool: no more than this can be the hand at `hand` (3,) [m], what it holds, and the arm above it."""
    return about_hand(camera, hand, -BELOW, ABOVE, BESIDE)


def hand_mask(image: np.ndarray, still: np.ndarray, camera: Camera, hand: np.ndarray) -> np.ndarray:
    """(H, W) bool: the connected part that differs from the `still` picture about the end effector at `hand` (3,) [m]."""
    import cv2

    differs = (cv2.absdiff(image, still).max(-1) > DIFFERENT).astype(np.uint8)
    differs = cv2.morphologyEx(differs, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
    _, part = cv2.connectedComponents(differs & where_hand_can_be(camera, hand))
    seeds = about_hand(camera, hand, SEED[0] - SEED[1], SEED[0] + SEED[1], SEED[1])
    found = np.isin(part, np.setdiff1d(part[seeds], [0])).astype(np.uint8)
    return cv2.dilate(found, np.ones((3, 3), np.uint8)).astype(bool)


def warp_layers(image: np.ndarray, camera: Camera, new_camera: Camera, scene: Scene, height: float) -> np.ndarray:
    """(H, W, 3) uint8 -> what `new_camera` would see: the scene as if it lay in the plane z_world = `height` [m], and before
    it the hand, as a card at the end effector."""
    still = scene.still()
    mask = hand_mask(image, still, camera, scene.hand)[..., None]
    behind = warp_plane(np.where(mask, still, image), camera, new_camera, height)
    cut_out = np.concatenate([image, np.where(mask, np.uint8(255), np.uint8(0))], -1)
    before = warp_card(cut_out, camera, new_camera, scene.hand)
    share = before[..., 3:].astype(np.float32) / 255.0
    return (share * before[..., :3] + (1 - share) * behind).astype(np.uint8)
