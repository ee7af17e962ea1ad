"""What the third axis of the volume counts.

A bin kind is a type of its own because the kinds mean different quantities: `HeightBins` count the world's z, which stays
when the camera moves; `DepthBins` count the camera's z, which changes with it. Bin i covers bin coordinates [i, i + 1).
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

    def unproject(self, camera: Camera, pixels: Array, value: Array) -> tuple[Array, Array]:
        """Pixels (..., N, 2) and heights (..., N) [m] -> world points (..., N, 3), validity (..., N)."""
        return camera.unproject_height(pixels, value)


@dataclass(frozen=True)
class DepthBins(_Bins):
    """Bins of camera z [m] (not distance along the ray)."""

    def measure(self, points_world: Array, camera: Camera) -> Array:
        """(..., N, 3) world points -> (..., N) the binned quantity [m]."""
        return (camera.T_world_camera.inverse() @ points_world)[..., 2]

    def unproject(self, camera: Camera, pixels: Array, value: Array) -> tuple[Array, Array]:
        """Pixels (..., N, 2) and camera depths (..., N) [m] -> world points (..., N, 3), validity (..., N)."""
        xp = array_namespace(pixels)
        points, valid = camera.unproject_depth(pixels, value)
        return points, valid & xp.isfinite(value)


Bins = HeightBins | DepthBins
