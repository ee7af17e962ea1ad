"""Things that nobody demonstrated with, drawn into training pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from para.geometry import Camera

SIDES = (4, 12)
"""Corners of a thing's foot: a carton's, a can's."""
HAND = np.stack(np.meshgrid((-0.08, 0.0, 0.08), (-0.08, 0.0, 0.08), np.linspace(0.0, 0.25, 6)), -1).reshape(-1, 3)
"""Where hand and wrist are, seen from the end effector [m], world."""
FRACTION = 4
"""Binary digits behind the point of pixels as OpenCV draws them."""


@dataclass(frozen=True)
class Face:
    """A convex piece of a thing's surface, as a camera sees it."""

    corners: np.ndarray
    """(N, 2) [px]"""
    colour: tuple[int, int, int]

    def draw(self, image: np.ndarray) -> None:
        """Fill it, in place."""
        fixed = np.round((self.corners - 0.5) * 2**FRACTION).astype(np.int32)  # OpenCV's pixel centres lie at integers
        cv2.fillConvexPoly(image, fixed, self.colour, cv2.LINE_AA, FRACTION)


@dataclass(frozen=True)
class PastedShapes:
    """Cartons, cans and cones of random colours, drawn as they would be seen standing on the table.

    They keep clear of the demonstration's own way in plan view, and hide what lies behind them, but never the hand. Corners
    are projected by the picture's camera, so that unlike what `Orbit` warps they stand upright in every picture.
    """

    ground: float
    """Height of the table [m], world."""
    x: tuple[float, float]
    y: tuple[float, float]
    """Where they stand [m], world."""
    share: float = 0.5
    """Share of the moments that get any."""
    most: int = 10
    """Largest number of them."""
    clearance: float = 0.12
    """Least distance of a thing's edge from the end effector's way in plan view [m]."""

    def __call__(self, camera: Camera, hand: np.ndarray, way: np.ndarray, rng: np.random.Generator) -> list[Face]:
        """What to draw upon the picture of `camera`, in this order.

        `hand` (N, 2) [px] are pixels to keep free, `way` (M, 3) the demonstration's end-effector positions [m], world.
        """
        return [face for thing in self.things(camera, hand, way, rng) for face in thing.faces(camera)]

    def things(self, camera: Camera, hand: np.ndarray, way: np.ndarray, rng: np.random.Generator) -> list[Prism]:
        """The things themselves, the farthest first."""
        if rng.random() >= self.share:
            return []
        found: list[tuple[float, Prism]] = []
        for _ in range(rng.integers(1, self.most + 1)):
            thing = Prism.random(rng, (rng.uniform(*self.x), rng.uniform(*self.y), self.ground))
            gap = np.linalg.norm(way[:, :2] - thing.foot[:2], axis=-1).min() - thing.half.max()
            if gap < self.clearance:
                continue
            corners, depth = camera.project(thing.rings(0.0, 1.0).reshape(-1, 3))
            if depth.min() >= 0.05 and not _covers(corners, hand):
                found.append((float(depth.mean()), thing))
        return [thing for _, thing in sorted(found, key=lambda each: -each[0])]


@dataclass(frozen=True)
class Prism:
    """A carton, can, bottle or cup: a foot with several corners, a smaller or larger top, a label around it."""

    foot: np.ndarray
    """(3,) middle of its foot [m], world."""
    half: np.ndarray
    """(2,) half its width and depth [m]."""
    height: float
    """[m]"""
    yaw: float
    """[rad]"""
    sides: int
    top: float
    """Size of the top, as a share of the foot's."""
    label: tuple[float, float]
    """From where to where the label reaches, as shares of the height."""
    colours: np.ndarray
    """(2, 3) of itself and of its label, 0 to 255."""
    light: np.ndarray
    """(3,) unit vector to the lamp."""

    @classmethod
    def random(cls, rng: np.random.Generator, foot: Sequence[float]) -> Prism:
        """Of the sizes of groceries."""
        low, high = np.sort(rng.uniform(0.0, 1.0, 2))
        sides, light = int(rng.choice(SIDES)), rng.normal(size=3)
        light[2] = abs(light[2]) + 0.5
        return cls(
            foot=np.array(foot),
            half=rng.uniform(0.02, 0.06, 2) if sides == 4 else np.full(2, rng.uniform(0.02, 0.06)),
            height=float(np.exp(rng.uniform(np.log(0.02), np.log(0.2)))),
            yaw=rng.uniform(0.0, np.pi),
            sides=sides,
            top=1.0 if rng.random() < 0.6 else rng.uniform(0.3, 1.4),
            label=(float(low), float(high)),
            colours=rng.uniform(0.0, 255.0, (2, 3)),
            light=light / np.linalg.norm(light),
        )

    def rings(self, *shares: float) -> np.ndarray:
        """(K, sides, 3) corners at these shares of the height [m], world, counter-clockwise from above."""
        up = np.array(shares)[:, None]
        angles = 2 * np.pi * (np.arange(self.sides) + 0.5) / self.sides
        size = (1 + (self.top - 1) * up) / np.cos(np.pi / self.sides)  # its sides, not its corners, are at `half`
        x, y = size * self.half[0] * np.cos(angles), size * self.half[1] * np.sin(angles)
        c, s = np.cos(self.yaw), np.sin(self.yaw)
        return self.foot + np.stack([c * x - s * y, s * x + c * y, np.broadcast_to(up * self.height, x.shape)], -1)

    def faces(self, camera: Camera) -> list[Face]:
        """What of it faces the camera, its label upon its sides."""
        rings = self.rings(0.0, *self.label, 1.0)
        pixels = camera.project(rings.reshape(-1, 3))[0].reshape(*rings.shape[:2], 2)
        after = np.roll(rings, -1, axis=1)
        # A side is flat from foot to top, so that one normal (sides, 3) serves its three pieces; the last is the top's.
        normals = np.cross(after[0] - rings[0], rings[-1] - rings[0])
        normals = np.concatenate([normals, [[0.0, 0.0, 1.0]]])
        normals /= np.linalg.norm(normals, axis=-1, keepdims=True)
        eye = camera.T_world_camera.translation
        seen = np.sum((eye - np.concatenate([rings[0], rings[-1, :1]])) * normals, -1) > 0
        shade = 0.55 + 0.45 * np.maximum(0.0, normals @ self.light)
        tones = (shade[:, None, None] * self.colours).astype(int).tolist()  # (sides + 1, 2, 3)
        found = []
        for i in np.flatnonzero(seen[:-1]):
            j = (i + 1) % self.sides
            for k, tone in enumerate((0, 1, 0)):
                corners = np.stack([pixels[k, i], pixels[k, j], pixels[k + 1, j], pixels[k + 1, i]])
                found.append(Face(corners, tuple(tones[i][tone])))
        if seen[-1]:
            found.append(Face(pixels[-1], tuple(tones[-1][0])))
        return found


def _covers(corners: np.ndarray, pixels: np.ndarray) -> bool:
    """Whether the outline of `corners` (N, 2) [px] holds one of `pixels` (M, 2)."""
    outline = cv2.convexHull(corners.astype(np.float32))
    return any(cv2.pointPolygonTest(outline, (u, v), False) >= 0 for u, v in pixels.tolist())
