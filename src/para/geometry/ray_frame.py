"""The frames in which a policy tells rotations: along a pixel's ray, or upright and turned with the camera."""

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


def heading_rotation(camera: Camera) -> Array:
    """(..., 3, 3) R_world_heading: z is the world's up and y the horizontal direction in which the camera looks.

    A rotation told in this frame is the same wherever in the image the object lies and however the camera is rolled or
    tilted; it turns with the camera's azimuth. A camera that looks straight down has its image's up for a heading.
    """
    xp = array_namespace(camera.intrinsics)
    axes = camera.T_world_camera.rotation
    forward, up = axes[..., :2, 2], -axes[..., :2, 1]
    length = xp.sqrt(xp.sum(forward * forward, axis=-1))[..., None]
    y = xp.where(length > 1e-2, forward, up)
    y = y / xp.sqrt(xp.sum(y * y, axis=-1))[..., None]
    zero, one = xp.zeros_like(y[..., 0]), xp.ones_like(y[..., 0])
    rows = [
        xp.stack([y[..., 1], y[..., 0], zero], axis=-1),
        xp.stack([-y[..., 0], y[..., 1], zero], axis=-1),
        xp.stack([zero, zero, one], axis=-1),
    ]
    return xp.stack(rows, axis=-2)
