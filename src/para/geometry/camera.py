"""The ideal pinhole camera.

Axes are OpenCV's: x right, y down, z forward. A pixel is (u, v) = (column, row) and the centre of the top-left pixel is
(0.5, 0.5), so that an image of width W spans u in [0, W]. `depth` always means camera z, never distance along the ray.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from array_api_compat import array_namespace

from para.geometry.pose import Array, Pose, as_floating, rotation_from_vector


@dataclass(frozen=True)
class Camera:
    """Pinhole cameras, one or a batch, of one image size. Every method that changes the image returns the new camera."""

    intrinsics: Array
    """(..., 4) fx, fy, cx, cy [px]. fx < 0 is a mirrored image. Integers become floating."""
    T_world_camera: Pose
    width: int
    height: int

    def __post_init__(self) -> None:
        shape = tuple(getattr(self.intrinsics, "shape", ()))
        if shape[-1:] != (4,):
            raise ValueError(
                f"intrinsics are an array (..., 4): fx, fy, cx, cy; got {shape}. From K: Camera.from_opencv"
            )
        if not isinstance(self.T_world_camera, Pose):
            raise ValueError(
                f"T_world_camera is a Pose, got {type(self.T_world_camera).__name__}; from a 3x4 or 4x4 matrix: "
                "Pose.from_matrix(T)"
            )
        if self.width <= 0 or self.height <= 0:
            raise ValueError(f"image size must be positive, got {self.width} x {self.height}")
        object.__setattr__(self, "intrinsics", as_floating(self.intrinsics, self.T_world_camera.rotation))

    @classmethod
    def from_opencv(cls, K: Array, T_world_camera: Pose, width: int, height: int) -> Camera:
        """From OpenCV's 3x3 K, whose pixel centres lie at integers (cx and cy get +0.5)."""
        K = np.asarray(K, float)
        if K.shape != (3, 3) or K[0, 1] != 0:
            raise ValueError(f"K must be a 3x3 matrix without skew (K[0, 1] = 0), got {K.tolist()}")
        if K[1, 0] != 0 or not np.array_equal(K[2], [0, 0, 1]):
            raise ValueError(f"K is [[fx, 0, cx], [0, fy, cy], [0, 0, 1]], got {K.tolist()} (transposed or scaled?)")
        return cls(np.array([K[0, 0], K[1, 1], K[0, 2] + 0.5, K[1, 2] + 0.5]), T_world_camera, width, height)

    def defect(self) -> str | None:
        """What keeps this from being a camera, see `Pose.defect`; None where nothing does."""
        intrinsics = np.asarray(self.intrinsics, float)
        if not np.isfinite(intrinsics).all():
            return "its intrinsics are not finite"
        if (intrinsics[..., 0] == 0).any() or (intrinsics[..., 1] <= 0).any():
            return "a focal length is not positive (fx < 0 alone is legal, of a mirrored picture)"
        wrong = self.T_world_camera.defect()
        return wrong and f"T_world_camera: {wrong}"

    def opencv_matrix(self) -> np.ndarray:
        """(3, 3) K for OpenCV's functions (pixel centres at integers)."""
        fx, fy, cx, cy = (float(x) for x in self.intrinsics)
        return np.array([[fx, 0, cx - 0.5], [0, fy, cy - 0.5], [0, 0, 1]])

    # ---- points ----------------------------------------------------------------------------------------------------

    def project(self, points_world: Array) -> tuple[Array, Array]:
        """(..., N, 3) world points [m] -> pixels (..., N, 2) [px] and depth (..., N) [m].

        A point with depth <= 0 is behind the camera; its pixel is meaningless (but finite).
        """
        xp = array_namespace(points_world)
        p = self.T_world_camera.inverse() @ points_world
        depth = p[..., 2]
        safe = xp.where(xp.abs(depth) < 1e-9, xp.full_like(depth, 1e-9), depth)
        focal, centre = self.intrinsics[..., None, :2], self.intrinsics[..., None, 2:]
        return p[..., :2] / safe[..., None] * focal + centre, depth

    def sees(self, pixels: Array, depth: Array) -> Array:
        """Whether projected points (..., N, 2), (..., N) lie in front of the camera and inside the image: (..., N) bool."""
        u, v = pixels[..., 0], pixels[..., 1]
        return (depth > 0) & (u >= 0) & (u < self.width) & (v >= 0) & (v < self.height)

    def rays(self, pixels: Array) -> Array:
        """(..., N, 2) pixels -> (..., N, 3) ray directions in the world, scaled so that camera z = 1."""
        xp = array_namespace(pixels)
        focal, centre = self.intrinsics[..., None, :2], self.intrinsics[..., None, 2:]
        xy = (pixels - centre) / focal
        directions = xp.concat([xy, xp.ones_like(xy[..., :1])], axis=-1)
        return directions @ xp.matrix_transpose(self.T_world_camera.rotation)

    def unproject_depth(self, pixels: Array, depth: Array) -> tuple[Array, Array]:
        """Pixels (..., N, 2) at camera z `depth` (..., N) [m] -> world points (..., N, 3) and validity (..., N)."""
        xp = array_namespace(pixels)
        points = self.T_world_camera.translation[..., None, :] + depth[..., None] * self.rays(pixels)
        return points, xp.broadcast_to(depth > 0, tuple(points.shape[:-1]))

    def unproject_height(self, pixels: Array, height: Array) -> tuple[Array, Array]:
        """Where rays of pixels (..., N, 2) meet the planes z_world = `height` (..., N) [m].

        P = C + ((h - C_z) / d_z) d with camera centre C and ray d. Returns world points (..., N, 3) and validity
        (..., N): False where the ray is parallel to the plane or meets it behind the camera (the point is then C).
        """
        xp = array_namespace(pixels)
        origin = self.T_world_camera.translation[..., None, :]
        directions = self.rays(pixels)
        dz = directions[..., 2]
        rise = height - origin[..., 2]
        parallel = xp.abs(dz) < 1e-9
        depth = rise / xp.where(parallel, xp.ones_like(dz), dz)
        valid = ~parallel & (depth > 0)
        depth = xp.where(valid, depth, xp.zeros_like(depth))
        return origin + depth[..., None] * directions, valid

    # ---- changes of the image ----------------------------------------------------------------------------------------

    def crop(self, left: Any, top: Any, width: int, height: int) -> Camera:
        """Cut (or, where it exceeds the image, pad) to `width` x `height` pixels with its top-left corner at (left, top)."""
        shift = self._like([0.0, 0.0, left, top])
        return replace(self, intrinsics=self.intrinsics - shift, width=width, height=height)

    def resize(self, width: int, height: int) -> Camera:
        """Scale the image to `width` x `height` pixels."""
        x, y = width / self.width, height / self.height
        return replace(self, intrinsics=self.intrinsics * self._like([x, y, x, y]), width=width, height=height)

    def zoom(self, factor: Any) -> Camera:
        """Magnify by `factor` (a number, or one for each camera) about the middle of the image, keeping its size."""
        middle = self._like([0.0, 0.0, self.width / 2, self.height / 2])
        factors = self._like([factor, factor, factor, factor])
        return replace(self, intrinsics=(self.intrinsics - middle) * factors + middle)

    def flip_horizontal(self) -> Camera:
        """Mirror the image left-right: u -> W - u, so fx changes its sign. Undoes mirrored recordings; no augmentation."""
        offset = self._like([0.0, 0.0, float(self.width), 0.0])
        return replace(self, intrinsics=self.intrinsics * self._like([-1.0, 1.0, -1.0, 1.0]) + offset)

    def rotate(self, rotation_vector: Array) -> Camera:
        """Turn the camera about its own centre; (..., 3) axis times angle [rad] in camera coordinates.

        R_world_new = R_world_camera exp(rotation_vector). Roll is about z, so its vector is (0, 0, angle).
        """
        turned = self.T_world_camera.rotation @ rotation_from_vector(rotation_vector)
        return replace(self, T_world_camera=Pose(turned, self.T_world_camera.translation))

    def move(self, T_new_old: Pose) -> Camera:
        """Carry the camera rigidly through the world."""
        return replace(self, T_world_camera=T_new_old @ self.T_world_camera)

    def __getitem__(self, index: Any) -> Camera:
        """One camera (or some) of a batch."""
        return replace(self, intrinsics=self.intrinsics[index], T_world_camera=self.T_world_camera[index])

    def _like(self, values: list[Any]) -> Array:
        """`values` (numbers, or arrays with the batch's shape) as an array like the intrinsics, (4,) or (..., 4)."""
        xp = array_namespace(self.intrinsics)
        zero = xp.zeros_like(self.intrinsics[..., 0])
        return xp.stack([zero + value for value in values], axis=-1)
