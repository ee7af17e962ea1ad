"""The volume that the policy points into: cells of the image times bins along each cell's ray."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from array_api_compat import array_namespace, device

from para.geometry.bins import Bins
from para.geometry.camera import Camera
from para.geometry.pose import Array


class CellIndex(NamedTuple):
    """Where points fall in the volume."""

    row: Array
    """(..., N) integer v index."""
    column: Array
    """(..., N) integer u index."""
    bin: Array
    """(..., N) integer bin index."""
    offset: Array
    """(..., N, 3) place inside the cell as (du, dv, dbin), each in [-0.5, 0.5)."""
    valid: Array
    """(..., N) inside image and bins; where False, the indices are clamped and must not be used as labels."""


@dataclass(frozen=True)
class VolumeGrid:
    """A (D, rows, columns) volume over a camera's whole image."""

    bins: Bins
    rows: int
    columns: int

    def __post_init__(self) -> None:
        if self.rows < 1 or self.columns < 1:
            raise ValueError(f"a volume needs at least one row and one column, got {self.rows} x {self.columns}")

    def locate(self, points_world: Array, camera: Camera) -> CellIndex:
        """(..., N, 3) world points [m] -> their cells, bins and places inside them."""
        xp = array_namespace(points_world)
        pixels, depth = camera.project(self.bins.anchor(points_world))
        coordinate = xp.stack(
            [
                pixels[..., 0] * (self.columns / camera.width),
                pixels[..., 1] * (self.rows / camera.height),
                self.bins.coordinate(self.bins.measure(points_world, camera)),
            ],
            axis=-1,
        )
        floor = xp.floor(coordinate)
        sizes = (self.columns, self.rows, self.bins.count)
        valid = depth > 0
        index = []
        for axis, size in enumerate(sizes):
            valid = valid & (floor[..., axis] >= 0) & (floor[..., axis] < size)
            inside = xp.where(xp.isfinite(floor[..., axis]), floor[..., axis], xp.zeros_like(floor[..., axis]))
            index.append(xp.astype(xp.clip(inside, 0, size - 1), xp.int64))
        return CellIndex(index[1], index[0], index[2], coordinate - floor - 0.5, valid)

    def unproject(self, row: Array, column: Array, bin: Array, offset: Array, camera: Camera) -> tuple[Array, Array]:
        """Inverse of `locate`: indices (..., N) and offsets (..., N, 3) -> world points (..., N, 3), validity (..., N)."""
        xp = array_namespace(offset)
        middle = [xp.astype(i, offset.dtype) + 0.5 for i in (column, row, bin)]
        u = (middle[0] + offset[..., 0]) * (camera.width / self.columns)
        v = (middle[1] + offset[..., 1]) * (camera.height / self.rows)
        value = self.bins.value(middle[2] + offset[..., 2])
        return self.bins.unproject(camera, xp.stack([u, v], axis=-1), value)

    def centres(self, camera: Camera) -> tuple[Array, Array]:
        """World point of every cell and bin, (..., D, rows, columns, 3) [m], and validity (..., D, rows, columns)."""
        xp = array_namespace(camera.intrinsics)
        like = {"dtype": camera.intrinsics.dtype, "device": device(camera.intrinsics)}
        u = (xp.arange(self.columns, **like) + 0.5) * (camera.width / self.columns)
        v = (xp.arange(self.rows, **like) + 0.5) * (camera.height / self.rows)
        value = self.bins.value(xp.arange(self.bins.count, **like) + 0.5)
        shape = (self.bins.count, self.rows, self.columns)
        u, v, value = (xp.reshape(xp.broadcast_to(x, shape), (-1,)) for x in (u, v[:, None], value[:, None, None]))
        points, valid = self.bins.unproject(camera, xp.stack([u, v], axis=-1), value)
        batch = tuple(points.shape[:-2])
        return xp.reshape(points, (*batch, *shape, 3)), xp.reshape(valid, (*batch, *shape))
