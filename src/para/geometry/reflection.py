"""The world in a mirror: places and grippers and cameras with left and right exchanged."""

from __future__ import annotations

from dataclasses import dataclass, replace

from array_api_compat import array_namespace

from para.geometry.camera import Camera
from para.geometry.pose import Array, Pose
from para.geometry.ray_frame import heading_rotation


@dataclass(frozen=True)
class Reflection:
    """Reflection of the world in a vertical plane."""

    normal: Array
    """(3,) unit normal of the plane, horizontal."""
    origin: Array
    """(3,) a point of the plane [m], world."""

    @classmethod
    def through(cls, camera: Camera) -> Reflection:
        """In the plane through this one camera's centre, along its heading: a camera without roll keeps its pose in it."""
        return cls(heading_rotation(camera)[..., 0], camera.T_world_camera.translation)

    def points(self, points: Array) -> Array:
        """(..., 3) world points [m] -> their mirror images."""
        xp = array_namespace(points)
        beyond = xp.sum((points - self.origin) * self.normal, axis=-1)
        return points - 2.0 * beyond[..., None] * self.normal

    def rotations(self, rotations: Array) -> Array:
        """(..., 3, 3) R_world_body -> those of the mirrored bodies, for bodies that look alike in the mirror across their x.

        R' = M R diag(-1, 1, 1) with M = I - 2 n nᵀ: a reflection of the world and one of the body make a rotation. A gripper
        whose fingers travel along its x is such a body, and so is a camera, whose picture is then mirrored, too.
        """
        xp = array_namespace(rotations)
        along = xp.sum(self.normal[:, None] * rotations, axis=-2)  # n . column, (..., 3)
        mirrored = rotations - 2.0 * self.normal[:, None] * along[..., None, :]
        return xp.concat([-mirrored[..., :1], mirrored[..., 1:]], axis=-1)

    def camera(self, camera: Camera) -> Camera:
        """The camera that takes, of the mirrored world, `camera`'s picture mirrored left-right: u' = W - u at every point."""
        pose = camera.T_world_camera
        mirrored = Pose(self.rotations(pose.rotation), self.points(pose.translation))
        fx, fy, cx, cy = (camera.intrinsics[..., i] for i in range(4))
        xp = array_namespace(camera.intrinsics)
        return replace(camera, intrinsics=xp.stack([fx, fy, camera.width - cx, cy], axis=-1), T_world_camera=mirrored)
