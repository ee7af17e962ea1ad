"""What the third axis of the volume counts.

A bin kind is a type of its own because the kinds mean different quantities: `HeightBins` count the world's z, which stays
when the camera moves; `DepthBins` count the camera's z, which changes with it. `FootBins` count the world's z, too, but
their pixel is that of the point's foot in a horizontal plane. Bin i covers bin coordinates [i, i + 1).
"""

from __future__ import annotations

from dataclasses import dataclass

from array_api_compat import array_namespace

from para.geometry.camera import Camera
from para.geometry.pose import Array


@dataclass(frozen=True)
class _Bins:
    low: float
    """Lower edge of the first bin [m]."""
    high: float
    """Upper edge of the last bin [m]."""
    count: int
    """Number of bins, D."""

    def __post_init__(self) -> None:
        if not self.high > self.low or self.count < 1:
            raise ValueError(f"bins need high > low and count >= 1, got {self}")

    @property
    def width(self) -> float:
        """Width of one bin [m]."""
        return (self.high - self.low) / self.count

    def coordinate(self, value: Array) -> Array:
        """Value [m] -> continuous bin coordinate; inside the bins when 0 <= coordinate < count."""
        return (value - self.low) / self.width

    def value(self, coordinate: Array) -> Array:
        """Continuous bin coordinate -> value [m]; the middle of bin i is coordinate i + 0.5."""
        return self.low + coordinate * self.width


@dataclass(frozen=True)
class HeightBins(_Bins):
    """Bins of world height z [m]."""

    def measure(self, points_world: Array, camera: Camera) -> Array:
        """(..., N, 3) world points -> (..., N) the binned quantity [m]."""
        return points_world[..., 2]

    def anchor(self, points_world: Array) -> Array:
        """(..., N, 3) world points -> (..., N, 3) the points whose pixels are pointed at [m], world."""
        return points_world

    def unproject(self, camera: Camera, pixels: Array, value: Array) -> tuple[Array, Array]:
        """Pixels (..., N, 2) and heights (..., N) [m] -> world points (..., N, 3), validity (..., N)."""
        return camera.unproject_height(pixels, value)


@dataclass(frozen=True)
class FootBins(_Bins):
    """Bins of world height z [m] at the pixel of a point's *foot*: where its vertical meets the plane z = `ground`.

    There is no parallax between a foot and what lies beside it in that plane: seen from elsewhere, both move alike.
    A wrong height moves the decoded point up or down, never sideways.
    """

    ground: float
    """World height of the feet [m]: of what pictures show of a target, such as the rim that is grasped; or the table top."""

    def measure(self, points_world: Array, camera: Camera) -> Array:
        """(..., N, 3) world points -> (..., N) the binned quantity [m]."""
        return points_world[..., 2]

    def anchor(self, points_world: Array) -> Array:
        """(..., N, 3) world points -> (..., N, 3) the points whose pixels are pointed at [m], world."""
        return self._at(points_world, array_namespace(points_world).full_like(points_world[..., 2], self.ground))

    def unproject(self, camera: Camera, pixels: Array, value: Array) -> tuple[Array, Array]:
        """Feet's pixels (..., N, 2) and heights (..., N) [m] -> world points (..., N, 3), validity (..., N)."""
        xp = array_namespace(pixels)
        feet, valid = camera.unproject_height(pixels, xp.full_like(value, self.ground))
        return self._at(feet, xp.broadcast_to(value, tuple(feet.shape[:-1]))), valid & xp.isfinite(value)

    def _at(self, points: Array, height: Array) -> Array:
        xp = array_namespace(points)
        return xp.concat([points[..., :2], height[..., None]], axis=-1)


@dataclass(frozen=True)
class DepthBins(_Bins):
    """Bins of camera z [m] (not distance along the ray)."""

    def measure(self, points_world: Array, camera: Camera) -> Array:
        """(..., N, 3) world points -> (..., N) the binned quantity [m]."""
        return (camera.T_world_camera.inverse() @ points_world)[..., 2]

    def anchor(self, points_world: Array) -> Array:
        """(..., N, 3) world points -> (..., N, 3) the points whose pixels are pointed at [m], world."""
        return points_world

    def unproject(self, camera: Camera, pixels: Array, value: Array) -> tuple[Array, Array]:
        """Pixels (..., N, 2) and camera depths (..., N) [m] -> world points (..., N, 3), validity (..., N)."""
        xp = array_namespace(pixels)
        points, valid = camera.unproject_depth(pixels, value)
        return points, valid & xp.isfinite(value)


Bins = HeightBins | FootBins | DepthBins
