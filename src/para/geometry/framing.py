"""The virtual camera that a policy looks through: level, aimed at the workspace, of one scale there."""

from __future__ import annotations

from dataclasses import dataclass, replace

from array_api_compat import array_namespace

from para.geometry.camera import Camera
from para.geometry.pose import Array, Pose, device_of


@dataclass(frozen=True)
class LevelFraming:
    """Turns any camera about its own centre until it looks at `centre` with a level horizon, and zooms.

    The picture follows by one exact warp (`warp_image`), so nothing is lost of what both see, and a policy meets every
    real camera in one standard attitude: what is left of a change of viewpoint is parallax alone.
    """

    centre: tuple[float, float, float]
    """Point that is brought to the middle of the picture [m], world."""
    span: float
    """Width of the picture at that point's distance [m]."""

    def __call__(self, camera: Camera, width: int, height: int) -> Camera:
        """The camera of a picture of `width` x `height` pixels; same centre as `camera` (one or a batch).

        A camera that stands straight above `centre` keeps its own right for the picture's right.
        """
        xp = array_namespace(camera.intrinsics)
        origin, axes = camera.T_world_camera.translation, camera.T_world_camera.rotation
        towards = xp.zeros_like(origin) + xp.asarray(self.centre, dtype=origin.dtype, device=device_of(origin)) - origin
        distance = _norm(towards)
        forward = towards / distance
        zero = xp.zeros_like(forward[..., 0])
        right = xp.stack([forward[..., 1], -forward[..., 0], zero], axis=-1)  # forward x up
        right = xp.where(_norm(right) > 1e-3, right, axes[..., :, 0])
        right = right - forward * xp.sum(right * forward, axis=-1)[..., None]
        right = right / _norm(right)
        down = xp.stack(
            [
                forward[..., 1] * right[..., 2] - forward[..., 2] * right[..., 1],
                forward[..., 2] * right[..., 0] - forward[..., 0] * right[..., 2],
                forward[..., 0] * right[..., 1] - forward[..., 1] * right[..., 0],
            ],
            axis=-1,
        )
        focal = width * distance[..., 0] / self.span
        one = xp.ones_like(focal)
        intrinsics = xp.stack([focal, focal, one * (width / 2), one * (height / 2)], axis=-1)
        pose = Pose(xp.stack([right, down, forward], axis=-1), origin)
        return replace(camera, intrinsics=intrinsics, T_world_camera=pose, width=width, height=height)


def _norm(vector: Array) -> Array:
    """(..., 1) Euclidean length."""
    xp = array_namespace(vector)
    return xp.sqrt(xp.sum(vector * vector, axis=-1))[..., None]
