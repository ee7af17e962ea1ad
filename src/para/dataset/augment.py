"""Augmentation.

A geometric augmentation maps a camera to another one with the same centre; the picture then follows by one exact
warp, and the labels by projection. Nothing else needs to know of it. `Orbit` carries the camera to another place,
where the picture can only follow as if all of it lay on the table. `Mirror` reflects the world itself, labels
included. `PastedShapes` adds things. A photometric augmentation changes colours alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np

from para.dataset.shapes import HAND, PastedShapes
from para.geometry import Camera, Pose, Reflection, rotation_from_vector, warp_image, warp_plane


@dataclass(frozen=True)
class Shift:
    """Crop window moved by up to `pixels` of a 224-pixel image, in u and v."""

    pixels: float = 40.0

    def __call__(self, camera: Camera, points: np.ndarray, rng: np.random.Generator) -> Camera:
        """A new camera with the same centre; `points` (N, 3) [m], world, are what the moment is about."""
        scale = self.pixels / 224.0
        left, top = rng.uniform(-scale, scale, 2) * (camera.width, camera.height)
        return camera.crop(left, top, camera.width, camera.height)


@dataclass(frozen=True)
class Recentre:
    """Crop window moved so that one of the moment's targets, drawn at random, lands anywhere in the image.

    A network can tell the image's borders. Demonstrations from one side of a table then teach it where targets are, and
    it will not point elsewhere; when every place of the picture has had its targets there is nothing of that to learn.
    """

    share: float = 0.7
    """Share of the moments that are recentred."""
    margin: float = 0.05
    """Least distance of the target's new place from the border, as a share of the image."""
    largest: float = 130.0
    """Largest move [px of a 224-pixel image], in u and v: more leaves too little to see."""

    def __call__(self, camera: Camera, points: np.ndarray, rng: np.random.Generator) -> Camera:
        """A new camera with the same centre; `points` (N, 3) [m], world, are what the moment is about."""
        chosen, place, use = rng.integers(len(points)), rng.uniform(self.margin, 1 - self.margin, 2), rng.random()
        if use >= self.share:
            return camera
        pixel, depth = camera.project(points[chosen : chosen + 1])
        if depth[0] <= 0:
            return camera
        size = np.array([camera.width, camera.height])
        largest = self.largest / 224.0 * size
        left, top = np.clip(pixel[0] - place * size, -largest, largest)
        return camera.crop(left, top, camera.width, camera.height)


@dataclass(frozen=True)
class Zoom:
    """Magnification about the middle of the image, log-uniform in [low, high]."""

    low: float = 0.85
    high: float = 1.2

    def __call__(self, camera: Camera, points: np.ndarray, rng: np.random.Generator) -> Camera:
        """A new camera with the same centre; `points` (N, 3) [m], world, are what the moment is about."""
        return camera.zoom(np.exp(rng.uniform(np.log(self.low), np.log(self.high))))


@dataclass(frozen=True)
class Turn:
    """Turn of the camera about its own centre: standard deviations of pan and tilt, and of roll [deg]."""

    aim: float = 5.0
    roll: float = 8.0

    def __call__(self, camera: Camera, points: np.ndarray, rng: np.random.Generator) -> Camera:
        """A new camera with the same centre; `points` (N, 3) [m], world, are what the moment is about."""
        degrees = rng.normal(0.0, [self.aim, self.aim, self.roll])
        return camera.rotate(np.radians(degrees))


@dataclass(frozen=True)
class Roll:
    """Turn of the camera about its optical axis, uniform up to `largest` either way [deg]: objects are then seen lying in
    directions in which none was demonstrated."""

    largest: float = 90.0

    def __call__(self, camera: Camera, points: np.ndarray, rng: np.random.Generator) -> Camera:
        """A new camera with the same centre; `points` (N, 3) [m], world, are what the moment is about."""
        return camera.rotate(np.array([0.0, 0.0, np.radians(rng.uniform(-self.largest, self.largest))]))


@dataclass(frozen=True)
class Orbit:
    """Camera carried about a point of the table, the picture warped as if all of it were flat.

    What stands on the table keeps its place and leans over a little; labels that are places in the plane (`FootBins`) are
    exact. The arm stands wrong; to cut it out and move it apart has not helped, nor have pictures by other cameras.
    """

    centre: tuple[float, float, float] = (-0.13, 0.0, 0.90)
    """The point that the camera is carried about, and the height of the plane [m], world."""
    largest: float = 25.0
    """Largest angle between old and new line of sight [deg]; uniform over the disc of directions."""
    share: float = 0.5
    """Share of the moments whose camera is carried."""
    lowest: float = 18.0
    """The camera stays where it sees the point from this elevation or higher [deg]."""
    planes: tuple[float, float] | None = None
    """Heights of the plane while the hand is open and while it holds something [m], world: of what it reaches for then. None:
    that of `centre`."""

    def __call__(self, camera: Camera, rng: np.random.Generator) -> Camera:
        """The camera in its new place, or as it is."""
        centre = np.array(self.centre)
        out = camera.T_world_camera.translation - centre
        use, polar, azimuth = rng.random(), self.largest * np.sqrt(rng.random()), rng.uniform(0, 2 * np.pi)
        if use >= self.share:
            return camera
        right, down = camera.T_world_camera.rotation[:, 0], camera.T_world_camera.rotation[:, 1]
        axis = np.cross(out / np.linalg.norm(out), np.cos(azimuth) * right - np.sin(azimuth) * down)
        turn = rotation_from_vector(np.radians(polar) * axis / np.linalg.norm(axis))
        if (turn @ out)[2] < np.sin(np.radians(self.lowest)) * np.linalg.norm(out):
            return camera
        return camera.move(Pose(turn, centre - turn @ centre))

    def warp(self, image: np.ndarray, camera: Camera, new_camera: Camera, holding: bool) -> np.ndarray:
        """The picture of `new_camera`: exact where both share their centre, else as if all were in the plane."""
        if not _carried(camera, new_camera):
            return warp_image(image, camera, new_camera)
        return warp_plane(image, camera, new_camera, self.height(holding))

    def height(self, holding: bool) -> float:
        """Of the plane that all is taken to lie in [m], world."""
        return self.centre[2] if self.planes is None else self.planes[int(holding)]


def _carried(camera: Camera, new_camera: Camera) -> bool:
    old, new = camera.T_world_camera.translation, new_camera.T_world_camera.translation
    return not np.allclose(old, new, atol=1e-9)


@dataclass(frozen=True)
class Photometric:
    """Brightness, contrast, colour balance and pixel noise."""

    brightness: float = 0.15
    """Largest additive change, as a share of the full range."""
    contrast: float = 0.2
    """Largest relative change."""
    colour: float = 0.08
    """Largest relative change of one channel."""
    noise: float = 3.0
    """Standard deviation of pixel noise in 0..255 units, drawn anew up to this value."""

    def __call__(self, image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """(H, W, 3) uint8 -> (H, W, 3) uint8."""
        gain = rng.uniform(1 - self.contrast, 1 + self.contrast) * rng.uniform(1 - self.colour, 1 + self.colour, 3)
        bias = 127.5 + 255.0 * rng.uniform(-self.brightness, self.brightness)
        level = np.arange(256, dtype=np.float32)[:, None]
        table = np.clip((level - 127.5) * gain + bias, 0, 255).astype(np.uint8)  # (256, 3)
        out = cv2.LUT(image, table[:, None])
        if self.noise > 0:
            # One small random tile, repeated: as good as fresh noise for a network, and much cheaper.
            tile = (rng.standard_normal((32, 32, 1)) * rng.uniform(0, self.noise)).astype(np.int16)
            repeats = (-(-image.shape[0] // 32), -(-image.shape[1] // 32), 3)
            noise = np.tile(tile, repeats)[: image.shape[0], : image.shape[1]]
            out = cv2.add(out, noise, dtype=cv2.CV_8U)  # saturates
        return out


@dataclass(frozen=True)
class Erase:
    """Rectangles of one colour at random places: what is told twice, by the picture and by the robot's state, is then learnt
    both ways (random erasing, Zhong et al. 2020)."""

    share: float = 0.5
    """Share of the pictures that get any."""
    most: int = 3
    """Largest number of rectangles."""
    largest: float = 0.3
    """Longest side, as a share of the picture's; the shortest is a tenth of that."""

    def __call__(self, image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """(H, W, 3) uint8 -> (H, W, 3) uint8."""
        if rng.random() >= self.share:
            return image
        image, size = image.copy(), np.array(image.shape[:2])
        for _ in range(rng.integers(1, self.most + 1)):
            side = np.maximum(1, rng.uniform(0.1, 1.0, 2) * self.largest * size).astype(int)
            top, left = (rng.random(2) * (size - side)).astype(int)
            image[top : top + side[0], left : left + side[1]] = rng.integers(0, 256, 3)
        return image


@dataclass(frozen=True)
class Mirror:
    """The whole moment seen in a mirror: the picture left-right, and places, rotations and camera with it, see `Reflection`.

    For hands that are alike in the mirror, as those with two fingers nearly are that travel along the end effector's x, and
    for instructions that name no side. Every turn and every direction of an object is then shown both ways round.
    """

    share: float = 0.5
    """Share of the moments that are mirrored."""

    def __call__(self, camera: Camera, rng: np.random.Generator) -> Reflection | None:
        """The reflection of a moment seen by `camera`; None leaves it as it is."""
        return Reflection.through(camera) if rng.random() < self.share else None


Geometric = Shift | Recentre | Zoom | Turn | Roll


@dataclass(frozen=True)
class Augmentation:
    """The moment is mirrored, its camera carried, framed by the policy, changed geometrically in order; then things are added
    and colours changed."""

    geometric: tuple[Geometric, ...] = field(default_factory=tuple)
    photometric: Photometric | None = None
    erase: Erase | None = None
    orbit: Orbit | None = None
    mirror: Mirror | None = None
    shapes: PastedShapes | None = None

    def reflection(self, camera: Camera, rng: np.random.Generator) -> Reflection | None:
        """In which mirror the moment is seen, if in any."""
        return None if self.mirror is None else self.mirror(camera, rng)

    def place(self, camera: Camera, rng: np.random.Generator) -> Camera:
        """Where the moment's camera is carried to."""
        return camera if self.orbit is None else self.orbit(camera, rng)

    def warp(self, image: np.ndarray, camera: Camera, new_camera: Camera, holding: bool) -> np.ndarray:
        """The picture that `new_camera` would have taken, given that of the moment's own `camera`."""
        if self.orbit is None:
            return warp_image(image, camera, new_camera)
        return self.orbit.warp(image, camera, new_camera, holding)

    def paste(
        self,
        pictures: list[np.ndarray],
        camera: Camera,
        new_camera: Camera,
        hand: np.ndarray,
        way: np.ndarray,
        holding: bool,
        rng: np.random.Generator,
    ) -> None:
        """Draw `shapes`, the same ones, into all `pictures` that `warp` made. `hand` (3,) is the end effector now, `way` (N, 3)
        where it is in the whole demonstration [m], world."""
        points = hand + HAND
        if self.orbit is not None and _carried(camera, new_camera):  # what stands up is then shown where it would lie
            points, _ = camera.unproject_height(camera.project(points)[0], self.orbit.height(holding))
        for face in self.shapes(new_camera, new_camera.project(points)[0], way, rng):
            for picture in pictures:
                face.draw(picture)

    def camera(self, camera: Camera, points: np.ndarray, rng: np.random.Generator) -> Camera:
        """The camera to warp to; same centre, same image size. `points` (N, 3) [m], world: the moment's targets."""
        for change in self.geometric:
            camera = change(camera, points, rng)
        return camera

    def image(self, image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """(H, W, 3) uint8 -> (H, W, 3) uint8."""
        for change in (self.photometric, self.erase):
            image = image if change is None else change(image, rng)
        return image
