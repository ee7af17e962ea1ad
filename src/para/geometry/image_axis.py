"""Directions in the world and how they lie in the picture: the second pointed point of an axis, infinitely near the first."""

from __future__ import annotations

from array_api_compat import array_namespace

from para.geometry.camera import Camera
from para.geometry.pose import Array


def axis_in_image(camera: Camera, pixels: Array, axes: Array) -> Array:
    """(..., N, 3) world directions -> (..., N, 2) unit directions (du, dv) in which they run in the picture.

    Seen at `pixels` (..., N, 2), at whatever depth: how far away it lies changes an axis's length in the picture, and not
    its direction. An axis along the ray itself has none and gives zeros.
    """
    xp = array_namespace(pixels)
    focal, _ = _intrinsics(camera)
    x, y = _on_plane_one(camera, pixels)
    d = axes @ camera.T_world_camera.rotation  # (R^T d)^T: in camera coordinates
    moved = xp.stack([d[..., 0] - x * d[..., 2], d[..., 1] - y * d[..., 2]], axis=-1) * focal
    return _unit(moved)


def axis_across(camera: Camera, pixels: Array, image_axes: Array, normals: Array) -> Array:
    """The inverse where the axis is known to be perpendicular to a normal.

    (..., N, 2) directions in the picture at `pixels` (..., N, 2), and (..., N, 3) world `normals` -> (..., N, 3) unit world
    directions. The pixel's ray must not be perpendicular to the normal: near that, small errors in the picture become large.
    """
    xp = array_namespace(pixels)
    focal, _ = _intrinsics(camera)
    x, y = _on_plane_one(camera, pixels)
    rotation = camera.T_world_camera.rotation
    n, one = normals @ rotation, xp.ones_like(x)
    ray = xp.stack([x, y, one], axis=-1)
    along = xp.concat([image_axes / focal, xp.zeros_like(one)[..., None]], axis=-1)
    steep = xp.sum(ray * n, axis=-1)
    steep = xp.where(xp.abs(steep) < 1e-4, 1e-4 * one, steep)
    share = xp.sum(along * n, axis=-1) / steep
    return _unit((along - share[..., None] * ray) @ xp.matrix_transpose(rotation))


def _intrinsics(camera: Camera) -> tuple[Array, Array]:
    """(..., 1, 2) focal lengths and principal point [px]."""
    return camera.intrinsics[..., None, :2], camera.intrinsics[..., None, 2:]


def _on_plane_one(camera: Camera, pixels: Array) -> tuple[Array, Array]:
    """(..., N) x and y where the pixels' rays meet the plane z = 1 of the camera."""
    focal, centre = _intrinsics(camera)
    xy = (pixels - centre) / focal
    return xy[..., 0], xy[..., 1]


def _unit(vectors: Array) -> Array:
    xp = array_namespace(vectors)
    return vectors / xp.sqrt(xp.sum(vectors * vectors, axis=-1) + 1e-18)[..., None]
