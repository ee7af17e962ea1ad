"""The nouns that cross folder borders.

Dimension letters, used in every shape comment of the package:

    B  batch                T  future steps of a chunk (step k, from 0, is (k + 1) x 0.2 s ahead)
    D  bins along a ray     v, u  rows and columns of the volume's grid (v first)
    H, W  image rows and columns    C  channels     N  points     F  frames of an episode

Frames: ``world`` is gravity-aligned with z up; ``camera`` has OpenCV's axes (x right, y down, z forward); ``ee`` is the
end-effector frame that the dataset names. ``T_a_b`` maps b-coordinates into a. Units: metres, radians, seconds, pixels.
Images are upright, un-mirrored RGB: uint8 (H, W, 3) outside the model, float (3, H, W) inside.
A pixel is (u, v) = (column, row); the centre of the top-left pixel is (0.5, 0.5).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from para.geometry import Camera, Pose

CONTROL_HZ = 20
"""Control steps, recorded frames and video frames per second [Hz]."""

STEP_SECONDS = 0.2
"""Time between two steps of an `ActionChunk` [s]."""


@dataclass(frozen=True)
class View:
    """What one camera sees, with the camera that saw it."""

    name: str
    """Name of the camera, e.g. ``agentview``; the ``<cam>`` of the dataset's columns."""
    image: np.ndarray
    """(H, W, 3) uint8 RGB, upright, un-mirrored, without lens distortion."""
    camera: Camera
    """Pinhole camera of exactly this image: ``camera.width == W``, ``camera.height == H``."""

    def __post_init__(self) -> None:
        kind, shape = getattr(self.image, "dtype", type(self.image).__name__), getattr(self.image, "shape", ())
        if not isinstance(self.image, np.ndarray) or kind != np.uint8 or len(shape) != 3 or shape[2] != 3:
            raise ValueError(
                f"view {self.name!r}: the image must be a NumPy array (H, W, 3) of uint8, RGB; got {kind} {tuple(shape)}. From "
                "a float tensor (3, H, W) in [0, 1]: (255 * image).round().byte().permute(1, 2, 0).numpy()"
            )
        if self.image.shape != (self.camera.height, self.camera.width, 3):
            raise ValueError(
                f"view {self.name!r}: image shape {self.image.shape} does not match its camera's size "
                f"{self.camera.width} x {self.camera.height} (W x H). Resize the camera together with the image "
                "(Camera.resize and warp_image)."
            )
        pose = self.camera.T_world_camera
        shapes = [tuple(x.shape) for x in (self.camera.intrinsics, pose.rotation, pose.translation)]
        if shapes != [(4,), (3, 3), (3,)]:
            raise ValueError(
                f"view {self.name!r}: one picture has one camera, got intrinsics {shapes[0]}, rotation {shapes[1]}, "
                f"translation {shapes[2]}"
            )
        if not all(isinstance(x, np.ndarray) for x in (self.camera.intrinsics, pose.rotation, pose.translation)):
            raise ValueError(f"view {self.name!r}: its camera is made of NumPy arrays, as the picture is; use .numpy()")
        if wrong := self.camera.defect():
            raise ValueError(f"view {self.name!r}: this camera cannot have taken a picture: {wrong}")


def is_opening(values: np.ndarray | float) -> bool:
    """Whether all are openings from 0 (closed) to 1 (open), or a little beyond, as a sensor may read its ends; NaN is none."""
    values = np.asarray(values, float)
    return bool(((values > -0.5) & (values < 1.5)).all())


@dataclass(frozen=True)
class RobotState:
    """What the robot measures of itself at one moment."""

    T_world_ee: Pose
    """Measured end-effector pose."""
    gripper: float
    """Measured opening, 0 = closed, 1 = fully open."""
    time: float
    """Seconds since the start of the episode [s]."""

    def __post_init__(self) -> None:
        if not isinstance(self.T_world_ee, Pose):
            raise ValueError(
                f"T_world_ee is a Pose, got {type(self.T_world_ee).__name__}; from a 3x4 or 4x4 matrix: Pose.from_matrix(T)"
            )
        shapes = tuple(self.T_world_ee.rotation.shape), tuple(self.T_world_ee.translation.shape)
        if shapes != ((3, 3), (3,)):
            raise ValueError(f"T_world_ee is one pose, (3, 3) and (3,), got {shapes[0]} and {shapes[1]}")
        if wrong := self.T_world_ee.defect():
            raise ValueError(f"T_world_ee: {wrong}")
        if not is_opening(self.gripper):
            raise ValueError(f"gripper is the opening from 0 (closed) to 1 (open), got {self.gripper}")
        if not math.isfinite(self.time):
            raise ValueError(f"time is in seconds since the start of the episode, got {self.time}")


@dataclass(frozen=True)
class Observation:
    """All that a policy may see at one moment."""

    views: tuple[View, ...]
    state: RobotState
    instruction: str = ""

    def __post_init__(self) -> None:
        if isinstance(self.views, View):
            raise ValueError("views is a tuple, also of one: Observation((view,), state)")

    def view(self, name: str) -> View:
        """The view of camera `name`; ValueError names the cameras there are."""
        for view in self.views:
            if view.name == name:
                return view
        raise ValueError(f"no camera {name!r} in this observation; it has {[v.name for v in self.views]}")


@dataclass(frozen=True)
class ActionChunk:
    """A policy's plan: end-effector targets for the next T steps, in the world frame."""

    positions: np.ndarray
    """(T, 3) end-effector positions [m], world."""
    rotations: np.ndarray
    """(T, 3, 3) R_world_ee."""
    gripper: np.ndarray
    """(T,) commanded opening, 0 = close, 1 = open."""
    confidence: np.ndarray
    """(T,) probability in [0, 1] that the step's target lies within 2 cm of the position; calibrated on demonstrations that
    training left out, so true of moments like theirs (without any, the head's own score)."""
    out_of_view: np.ndarray
    """(T,) probability in [0, 1] that the step's target lies outside what the policy can point at."""
    step_seconds: float = STEP_SECONDS
    """Step k is meant for the time of the observation + (k + 1) x step_seconds."""

    def __len__(self) -> int:
        return len(self.positions)


@dataclass(frozen=True)
class Command:
    """One control step's order to the robot."""

    T_world_ee: Pose
    """Absolute end-effector target."""
    gripper: float
    """Commanded opening, 0 = close, 1 = open."""


@dataclass(frozen=True)
class Box:
    """An axis-aligned box in the world frame [m]."""

    low: tuple[float, float, float]
    high: tuple[float, float, float]

    def __post_init__(self) -> None:
        if not all(a < b for a, b in zip(self.low, self.high)):
            raise ValueError(
                f"a box's low corner lies below its high one in x, y and z, got {self.low} and {self.high}"
            )

    def contains(self, points):
        """(..., 3) NumPy or torch points -> (...) bool."""
        inside = (points[..., 0] >= self.low[0]) & (points[..., 0] <= self.high[0])
        for axis in (1, 2):
            inside = inside & (points[..., axis] >= self.low[axis]) & (points[..., axis] <= self.high[axis])
        return inside


@dataclass(frozen=True)
class Episode:
    """One recorded demonstration, usually at `CONTROL_HZ`; frame f was seen *before* command f was given."""

    time: np.ndarray
    """(F,) seconds since the start [s]."""
    ee_position: np.ndarray
    """(F, 3) measured end-effector position [m], world."""
    ee_quaternion: np.ndarray
    """(F, 4) measured R_world_ee as wxyz."""
    gripper: np.ndarray
    """(F,) measured opening, 0 = closed, 1 = open."""
    command_position: np.ndarray
    """(F, 3) commanded end-effector position [m], world."""
    command_quaternion: np.ndarray
    """(F, 4) commanded R_world_ee as wxyz."""
    command_gripper: np.ndarray
    """(F,) commanded opening, 0 = close, 1 = open."""
    cameras: tuple[RecordedCamera, ...]
    """One entry for each camera."""
    instruction: str = ""
    notes: dict[str, object] = field(default_factory=dict)
    """Free JSON: how the episode was made (layout, seed). Never read by a policy."""

    def __len__(self) -> int:
        return len(self.time)


@dataclass(frozen=True)
class RecordedCamera:
    """One camera's part of an `Episode`."""

    name: str
    images: np.ndarray
    """(F, H, W, 3) uint8 RGB."""
    intrinsics: np.ndarray
    """(F, 4) fx, fy, cx, cy [px]."""
    T_world_camera: np.ndarray
    """(F, 3, 4) row-major."""

    def camera(self, frame: int) -> Camera:
        """The `Camera` of one frame."""
        height, width = self.images.shape[1:3]
        return Camera(self.intrinsics[frame], Pose.from_matrix(self.T_world_camera[frame]), width, height)
