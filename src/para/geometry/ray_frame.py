"""The frame that looks along a pixel's ray."""

from __future__ import annotations

from array_api_compat import array_namespace

from para.geometry.camera import Camera
from para.geometry.pose import Array


def ray_rotation(camera: Camera, pixels: Array) -> Array:
    """(..., N, 2) pixels -> (..., N, 3, 3) R_world_ray: the camera's axes, turned the shortest way so that z is the ray.

    A rotation told in this frame keeps its meaning wherever in the image the object lies, and rolls with the camera.
    For unit ray r = (x, y, z) in camera coordinates, R_camera_ray = I + [a] + [a]^2 / (1 + z) with a = e_z x r (Rodrigues).
    """
    xp = array_namespace(pixels)
    focal, centre = camera.intrinsics[..., None, :2], camera.intrinsics[..., None, 2:]
    xy = (pixels - centre) / focal
    norm = xp.sqrt(xp.sum(xy * xy, axis=-1) + 1.0)
    x, y, z = xy[..., 0] / norm, xy[..., 1] / norm, 1.0 / norm
    k = 1.0 / (1.0 + z)
    R_camera_ray = xp.stack(
        [
            xp.stack([1 - k * x * x, -k * x * y, x], axis=-1),
            xp.stack([-k * x * y, 1 - k * y * y, y], axis=-1),
            xp.stack([-x, -y, z], axis=-1),
        ],
        axis=-2,
    )
    return camera.T_world_camera.rotation[..., None, :, :] @ R_camera_ray
